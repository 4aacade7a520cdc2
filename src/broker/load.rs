//! Connections of the whole broker: how many each shard serves, and each address has.
//!
//! Room:       `broker`.
//! Called by:  `member`, when a socket is accepted, moves and ends.
//! Never:      waits: one connection too many is closed, and its client comes back later. Apache
//!             Kafka leaves one over `max.connections` waiting; here nothing waits unseen.
//!
//! Every thread of the broker shares this. The lock is held for one change of a map, once when a
//! connection comes and once when it goes.

use crate::config::BrokerConfig;
use crate::io::Address;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many connections there are.
pub struct Load {
    by_shard: Vec<AtomicUsize>,
    by_address: Mutex<BTreeMap<IpAddr, usize>>,
}

/// Which bound a connection would pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// `max.connections`.
    Connections,
    /// `max.connections.per.ip` and its overrides.
    PerAddress,
}

impl Load {
    pub fn new(shards: u16) -> Load {
        Load {
            by_shard: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            by_address: Mutex::new(BTreeMap::new()),
        }
    }

    /// Counts a new connection, at the shard with the fewest.
    ///
    /// # Errors
    /// When there are too many; nothing is counted then.
    pub fn admit(&self, config: &BrokerConfig, peer: &Address) -> Result<u16, TooMany> {
        // Two listeners may admit at the same time; the lock keeps both within the bounds.
        let mut by_address = self.lock();
        if self.total() >= config.connections_max as usize {
            return Err(TooMany::Connections);
        }
        if let Some(address) = address_of(peer) {
            let bound = config.connections_from_max(address) as usize;
            let count = by_address.get(&address).copied().unwrap_or(0);
            if count >= bound {
                return Err(TooMany::PerAddress);
            }
            by_address.insert(address, count + 1);
        }
        Ok(self.take())
    }

    /// A connection ended on this shard.
    pub fn dismiss(&self, shard: u16, peer: &Address) {
        self.release(shard);
        let Some(address) = address_of(peer) else {
            return;
        };
        let mut by_address = self.lock();
        match by_address.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(by_address.remove(&address)),
        }
    }

    /// A connection goes from one shard to another.
    pub fn transfer(&self, from: u16, to: u16) {
        self.by_shard[usize::from(to)].fetch_add(1, Ordering::Relaxed);
        self.release(from);
    }

    /// The shard with the fewest connections, which is counted as having one more.
    fn take(&self) -> u16 {
        let loads = self
            .by_shard
            .iter()
            .map(|load| load.load(Ordering::Relaxed));
        let (shard, _) = loads
            .enumerate()
            .min_by_key(|(_, load)| *load)
            .unwrap_or_default();
        self.by_shard[shard].fetch_add(1, Ordering::Relaxed);
        shard as u16
    }

    fn release(&self, shard: u16) {
        self.by_shard[usize::from(shard)].fetch_sub(1, Ordering::Relaxed);
    }

    fn total(&self) -> usize {
        let loads = self.by_shard.iter();
        loads.map(|load| load.load(Ordering::Relaxed)).sum()
    }

    /// Connections by shard.
    #[cfg(test)]
    pub fn by_shard(&self) -> Vec<usize> {
        let loads = self.by_shard.iter();
        loads.map(|load| load.load(Ordering::Relaxed)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        // Counts stay counts, whatever a thread that panicked was about to do with them.
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client of an IPv4 listener and of an IPv6 one is the same client. Unix sockets have no
/// address, so only `max.connections` bounds them.
fn address_of(peer: &Address) -> Option<IpAddr> {
    match peer {
        Address::Tcp(peer) => Some(peer.ip().to_canonical()),
        Address::Unix(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Machine;

    fn config(text: &str) -> BrokerConfig {
        let read = BrokerConfig::parse(text, "f", &[], &Machine::default());
        read.expect("valid").0
    }

    fn peer(text: &str) -> Address {
        Address::Tcp(text.parse().expect("an address"))
    }

    #[test]
    fn the_emptiest_shard_gets_the_next_connection() {
        let load = Load::new(3);
        let taken = (load.take(), load.take(), load.take(), load.take());
        assert_eq!(taken, (0, 1, 2, 0));
        load.release(1);
        assert_eq!(load.take(), 1);
        load.transfer(0, 2);
        assert_eq!(load.take(), 0);
    }

    #[test]
    fn an_address_has_its_bound() {
        let load = Load::new(1);
        let config = config(
            "max.connections.per.ip=2\nmax.connections.per.ip.overrides=127.0.0.2:1,[::1]:3",
        );
        let admit = |text: &str| load.admit(&config, &peer(text));
        for _ in 0..2 {
            assert_eq!(admit("127.0.0.1:9"), Ok(0));
        }
        assert_eq!(admit("127.0.0.1:9"), Err(TooMany::PerAddress));
        assert_eq!(admit("[::ffff:127.0.0.1]:9"), Err(TooMany::PerAddress));
        assert_eq!(admit("127.0.0.2:9"), Ok(0));
        assert_eq!(admit("127.0.0.2:9"), Err(TooMany::PerAddress));
        for _ in 0..3 {
            assert_eq!(admit("[::1]:9"), Ok(0));
        }
        assert_eq!(admit("[::1]:9"), Err(TooMany::PerAddress));
        load.dismiss(0, &peer("127.0.0.1:9"));
        assert_eq!(load.admit(&config, &peer("127.0.0.1:9")), Ok(0));
    }

    #[test]
    fn all_connections_have_a_bound() {
        let load = Load::new(2);
        let config = config("max.connections=2");
        let unix = Address::Unix("/s".into());
        assert_eq!(load.admit(&config, &unix), Ok(0));
        assert_eq!(load.admit(&config, &peer("127.0.0.1:9")), Ok(1));
        assert_eq!(load.admit(&config, &unix), Err(TooMany::Connections));
        load.dismiss(1, &peer("127.0.0.1:9"));
        assert!(load.lock().is_empty());
        assert_eq!(load.admit(&config, &unix), Ok(1));
    }
}
