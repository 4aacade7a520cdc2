//! The newest offset of each key, in a fixed piece of memory.
//!
//! Room:       `log::compaction`.
//! Called by:  `pass`: filled by the first one, asked by the second.
//! Never:      keeps a key: 16 bytes of hash stand for it, as in Kafka, where they are MD5. Two
//!             keys with one hash would be one key; with 128 bits nobody meets that by chance.
//!
//! Open addressing, linear probing. Starts small and doubles, so that compacting a small partition
//! takes little memory, up to the bound; a full map refuses, and the pass ends there.

use crate::ids::Offset;
use std::hash::{DefaultHasher, Hasher};

#[derive(Clone, Debug)]
pub(super) struct OffsetMap {
    slots: Vec<Slot>,
    used: usize,
    slots_max: usize,
    load_factor: f64,
}

/// 24 bytes, as Kafka's entries.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: [u64; 2],
    /// -1: empty.
    offset: i64,
}

const EMPTY: Slot = Slot {
    hash: [0; 2],
    offset: -1,
};
const SLOTS_FIRST: usize = 1024;

impl OffsetMap {
    /// `bytes_max` is all the memory the map may take; `load_factor` how full it may be.
    pub fn new(bytes_max: usize, load_factor: f64) -> OffsetMap {
        let slots_max = (bytes_max / size_of::<Slot>()).max(2);
        OffsetMap {
            slots: vec![EMPTY; SLOTS_FIRST.min(slots_max)],
            used: 0,
            slots_max,
            load_factor: load_factor.clamp(0.1, 0.95),
        }
    }

    /// Notes that `key` is at `offset`, above all noted before. False: the map is full.
    pub fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        let hash = hash_of(key);
        let index = self.find(hash);
        if self.slots[index].offset >= 0 {
            self.slots[index].offset = offset.0;
            return true;
        }
        if !self.has_room() && !self.grow() {
            return false;
        }
        let index = self.find(hash);
        self.slots[index] = Slot {
            hash,
            offset: offset.0,
        };
        self.used += 1;
        true
    }

    pub fn get(&self, key: &[u8]) -> Option<Offset> {
        let slot = self.slots[self.find(hash_of(key))];
        (slot.offset >= 0).then_some(Offset(slot.offset))
    }

    /// Keys in it.
    pub fn len(&self) -> usize {
        self.used
    }

    /// The key's slot, or the empty one where it belongs.
    fn find(&self, hash: [u64; 2]) -> usize {
        let count = self.slots.len();
        let mut index = (hash[0] % count as u64) as usize;
        loop {
            let slot = &self.slots[index];
            if slot.offset < 0 || slot.hash == hash {
                return index;
            }
            index = (index + 1) % count;
        }
    }

    fn has_room(&self) -> bool {
        // One slot stays empty, or a search for what is not there would not end.
        let most = (self.slots.len() as f64 * self.load_factor) as usize;
        self.used < most.min(self.slots.len() - 1)
    }

    fn grow(&mut self) -> bool {
        let count = (self.slots.len() * 2).min(self.slots_max);
        if count == self.slots.len() {
            return false;
        }
        let before = std::mem::replace(&mut self.slots, vec![EMPTY; count]);
        for slot in before.into_iter().filter(|slot| slot.offset >= 0) {
            let index = self.find(slot.hash);
            self.slots[index] = slot;
        }
        self.has_room()
    }
}

/// SipHash of the key, twice, told apart by a first byte.
fn hash_of(key: &[u8]) -> [u64; 2] {
    [0, 1].map(|half| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(half);
        hasher.write(key);
        hasher.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_offset_of_a_key_counts() {
        let mut map = OffsetMap::new(1 << 20, 0.9);
        for n in 0..5_000i64 {
            assert!(map.put(&(n % 1_700).to_be_bytes(), Offset(n)));
        }
        assert_eq!(map.len(), 1_700);
        for n in 0..1_700i64 {
            let newest = n + (4_999 - n) / 1_700 * 1_700;
            assert_eq!(map.get(&n.to_be_bytes()), Some(Offset(newest)));
        }
        assert_eq!(map.get(b"nobody"), None);
    }

    #[test]
    fn a_full_map_refuses_new_keys_only() {
        let mut map = OffsetMap::new(24 * 100, 0.9);
        let mut taken = 0;
        while map.put(format!("key {taken}").as_bytes(), Offset(taken)) {
            taken += 1;
        }
        assert_eq!(taken, 90);
        assert!(map.put(b"key 7", Offset(1_000)));
        assert_eq!(map.get(b"key 7"), Some(Offset(1_000)));
        assert_eq!(map.get(b"key 90"), None);
    }
}
