//! Giving back the memory of a large map, some of it at a time: a hundred thousand members at once
//! take a tenth of a second, in which their shard does nothing else.

use std::collections::BTreeMap;

/// Entries of a map of small things that go in one step.
pub const ENTRIES_PER_STEP_MAX: usize = 128;

/// Entries of a map of things that are maps themselves.
pub const MAPS_PER_STEP_MAX: usize = 8;

/// Drops the first entries of a map. Whether it has more.
pub fn drop_some<K: Ord, V>(map: &mut BTreeMap<K, V>) -> bool {
    for _ in 0..ENTRIES_PER_STEP_MAX {
        map.pop_first();
    }
    !map.is_empty()
}

/// Drops the first entries of a map, each as far as `inside` drops some of it and says whether it
/// has more. Whether there are more.
pub fn drop_some_of<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    mut inside: impl FnMut(&mut V) -> bool,
) -> bool {
    for _ in 0..MAPS_PER_STEP_MAX {
        let Some(mut entry) = map.first_entry() else {
            return false;
        };
        if inside(entry.get_mut()) {
            return true;
        }
        entry.remove();
    }
    !map.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_drops_so_much_and_the_last_one_all_there_is() {
        let mut small: BTreeMap<usize, ()> =
            (0..2 * ENTRIES_PER_STEP_MAX + 1).map(|n| (n, ())).collect();
        assert!(drop_some(&mut small));
        assert_eq!(small.len(), ENTRIES_PER_STEP_MAX + 1);
        assert!(drop_some(&mut small));
        assert!(!drop_some(&mut small));

        let many = ENTRIES_PER_STEP_MAX + 1;
        let of = |count: usize| -> BTreeMap<usize, ()> { (0..count).map(|n| (n, ())).collect() };
        let mut maps = BTreeMap::from([(0, of(3)), (1, of(many)), (2, of(0))]);
        assert!(drop_some_of(&mut maps, drop_some));
        assert_eq!(
            maps,
            BTreeMap::from([(1, of(many).split_off(&(many - 1))), (2, of(0))])
        );
        assert!(!drop_some_of(&mut maps, drop_some));
        assert!(maps.is_empty());
        let mut maps: BTreeMap<usize, _> = (0..=MAPS_PER_STEP_MAX).map(|n| (n, of(1))).collect();
        assert!(drop_some_of(&mut maps, drop_some));
        assert_eq!(maps.len(), 1);
    }
}
