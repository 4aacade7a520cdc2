//! The default opener of the door: one io_uring per thread.
//!
//! Room:       `io`.
//! Called by:  whoever starts the threads (`open_all`), then `runtime` through the `Io` trait.
//! Calls:      the kernel; `rtrb` for the rings between threads.
//! Never:      knows Kafka, tasks or futures; never blocks outside of `turn`.
//!
//! How it is laid out: `ring` turns; `start` begins operations; `complete` takes what the kernel
//! answers; `in_flight` owns every byte the kernel may touch until the last answer; `registered`
//! is the table of files and sockets; `provided` lends receive buffers; `mesh` carries parcels
//! between doors; `offload` runs what would block; `socket` and `probe` hold the details of
//! addresses and of kernel versions.
//!
//! A ring is bound to the thread that opens it (SINGLE_ISSUER, DEFER_TASKRUN), so `open_all` only
//! makes `RingSeed`s, which know each other; each thread turns its seed into its `Ring`. A parcel
//! posted to a door that is not open yet waits in the mesh and is found at its first turn.
//!
//! Names (open, rename, unlink, directories) go to a helper thread instead of ring operations:
//! the kernel would punt them to a worker thread of its own all the same, and the standard
//! library needs no `unsafe` and no C strings kept alive for them.
//!
//! Buffers are not registered with the ring, against DESIGN's first draft. Registering was to save
//! the pinning of pages for each O_DIRECT write, 8 % of the broker's CPU under load; cutting the
//! slabs out of huge pages (`io::buffer`) took it to nothing, needs no locked memory, and leaves a
//! buffer free to go through any ring or socket.

mod complete;
mod durables;
mod in_flight;
mod mesh;
mod offload;
mod probe;
mod provided;
mod registered;
mod ring;
mod socket;
mod start;
mod system;

pub use probe::OpenError;
pub use ring::Ring;
pub use system::{
    block_signals, give_back_freed, join_freed_at_once, raise_file_limit, wait_for_signal,
};

use super::op::PeerId;
use std::time::Duration;

/// How a door waits for its next completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Sleep in the kernel at once: about 0 % CPU when idle, 40–50 µs to wake.
    Park,
    /// Look for this long before sleeping, as long as looking has been worth it lately.
    SpinThenPark(Duration),
    /// Never sleep while the deadline is ahead; for dedicated cores.
    Spin,
}

/// What an opener may be told. The defaults suit one shard on one core.
#[derive(Clone, Debug)]
pub struct Settings {
    pub profile: Profile,
    /// Entries of the submission queue; what exceeds it waits in the door. A power of two.
    pub queue_depth: u32,
    /// Files and sockets in the registered table; more are used unregistered.
    pub registered_files_max: u32,
    /// Provided receive buffers: how many, and how large each is. Touched only as used.
    pub receive_buffers: u16,
    pub receive_buffer_bytes: u32,
    /// Parcels a ring between two doors holds before `Post` waits.
    pub mesh_capacity: usize,
    /// Helper threads of the process, started when first needed.
    pub helpers: usize,
    /// Worker threads the kernel may start for one ring (bounded and unbounded each).
    pub kernel_workers: u32,
    /// Sends of at least this many bytes are zero-copy, on a connection whose way does not copy
    /// them all the same: the first notice that says so ends it there (loopback always copies).
    /// Off by default: a send waits for its notice, and of a client that takes nothing none comes
    /// before the kernel gives it up, however soon its connection is shut down.
    pub send_zero_copy_bytes_min: Option<usize>,
    /// Behave as if the kernel had only io_uring's oldest features; for tests of the fallbacks.
    pub oldest_features: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            profile: Profile::SpinThenPark(Duration::from_micros(20)),
            queue_depth: 1024,
            registered_files_max: 16 * 1024,
            receive_buffers: 512,
            receive_buffer_bytes: 32 * 1024,
            mesh_capacity: 512,
            helpers: 3,
            kernel_workers: 4,
            send_zero_copy_bytes_min: None,
            oldest_features: false,
        }
    }
}

/// A door that is not open yet: it may move to the thread that will own it.
pub struct RingSeed {
    pub(self) settings: Settings,
    pub(self) port: mesh::Port,
    pub(self) offload: std::sync::Arc<offload::Offload>,
    pub(self) cpus: system::CpuSet,
}

impl RingSeed {
    /// The number other doors post to.
    pub fn id(&self) -> PeerId {
        self.port.id()
    }

    /// Chooses another way of waiting than the settings said, for this door only.
    pub fn with_profile(mut self, profile: Profile) -> RingSeed {
        self.settings.profile = profile;
        self
    }

    /// Opens the ring on the calling thread, which owns it from now on. A thread that is pinned
    /// to one CPU should be pinned before, so that the kernel's workers are kept off that CPU.
    pub fn open(self) -> Result<Ring, OpenError> {
        Ring::open(self)
    }
}

/// Prepares `count` doors that know each other as `PeerId(0)..PeerId(count)`, and opens one ring
/// on trial, so that a kernel that refuses is known before any thread starts.
pub fn open_all(count: usize, settings: Settings) -> Result<Vec<RingSeed>, OpenError> {
    assert!(count > 0, "a process has at least one door");
    assert!(
        count <= usize::from(u16::MAX),
        "a peer's number has 16 bits"
    );
    probe::try_open(&settings)?;
    let offload = std::sync::Arc::new(offload::Offload::new(settings.helpers));
    let cpus = system::CpuSet::of_this_thread();
    let ports = mesh::connect(count, settings.mesh_capacity)?;
    let seeds = ports.into_iter().map(|port| RingSeed {
        settings: settings.clone(),
        port,
        offload: offload.clone(),
        cpus,
    });
    Ok(seeds.collect())
}

#[cfg(test)]
mod tests;
