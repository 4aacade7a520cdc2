//! What can go wrong with a simulated disk, by chance or by order, and how slow it is.
//!
//! Room:       `sim`.
//! Called by:  `sim::door`, before an operation takes effect; tests, to order faults.
//! Never:      touches bytes.

use super::super::clock::{Latency, MICROSECOND, MILLISECOND};
use super::super::seed::Rng;
use crate::io::Errno;

/// Which operations a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    Open,
    Read,
    Write,
    Sync,
    /// Truncate, allocate, rename, unlink and the work on directories.
    Metadata,
}

/// A fault by order: the operations of `kind` on paths that contain `path`, after `skip` that
/// go well, fail `count` times.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: FaultKind,
    pub path: String,
    pub skip: u32,
    pub count: u32,
    pub errno: Errno,
}

/// How long the operations of a disk take.
#[derive(Clone, Copy, Debug)]
pub struct DiskLatencies {
    pub read: Latency,
    pub write: Latency,
    pub sync: Latency,
    pub metadata: Latency,
}

impl Default for DiskLatencies {
    fn default() -> DiskLatencies {
        DiskLatencies {
            read: Latency::around(60 * MICROSECOND, 100 * MICROSECOND),
            write: Latency::around(40 * MICROSECOND, 100 * MICROSECOND),
            sync: Latency::around(60 * MICROSECOND, 400 * MICROSECOND),
            metadata: Latency::around(20 * MICROSECOND, MILLISECOND),
        }
    }
}

/// Chances per million operations, ordered faults, and speed. By default nothing fails.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub read_error_ppm: u32,
    pub write_error_ppm: u32,
    pub sync_error_ppm: u32,
    /// A read flips one bit of what it returns, the disk keeping the right one.
    pub read_rot_ppm: u32,
    pub ordered: Vec<Fault>,
    pub latencies: DiskLatencies,
}

impl Faults {
    /// The error this operation shall end with.
    pub fn strike(&mut self, kind: FaultKind, path: &str, rng: &mut Rng) -> Option<Errno> {
        let ordered = self.ordered.iter_mut().find(|fault| {
            fault.kind == kind && fault.count > 0 && path.contains(fault.path.as_str())
        });
        if let Some(fault) = ordered {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else {
                fault.count -= 1;
                return Some(fault.errno);
            }
        }
        let ppm = match kind {
            FaultKind::Read => self.read_error_ppm,
            FaultKind::Write => self.write_error_ppm,
            FaultKind::Sync => self.sync_error_ppm,
            FaultKind::Open | FaultKind::Metadata => 0,
        };
        rng.chance_ppm(ppm).then_some(Errno::IO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordered_fault_strikes_when_and_where_it_was_ordered() {
        let mut faults = Faults::default();
        faults.ordered.push(Fault {
            kind: FaultKind::Sync,
            path: "journal".to_owned(),
            skip: 1,
            count: 1,
            errno: Errno::IO,
        });
        let mut rng = Rng::new(1);
        assert_eq!(faults.strike(FaultKind::Sync, "/d/segment", &mut rng), None);
        assert_eq!(
            faults.strike(FaultKind::Write, "/d/journal", &mut rng),
            None
        );
        assert_eq!(faults.strike(FaultKind::Sync, "/d/journal", &mut rng), None);
        let hit = faults.strike(FaultKind::Sync, "/d/journal", &mut rng);
        assert_eq!(hit, Some(Errno::IO));
        assert_eq!(faults.strike(FaultKind::Sync, "/d/journal", &mut rng), None);
    }
}
