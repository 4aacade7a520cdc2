//! Threads of the process: one per shard, pinned; one for control, not pinned.
//!
//! Room:       `runtime`.
//! Called by:  `cli::server`.
//! Never:      runs in the simulator.

use std::thread::JoinHandle;

/// Cores this process may run on, by their numbers; at least one.
pub fn cores() -> Vec<usize> {
    let cores: Vec<usize> = core_affinity::get_core_ids()
        .unwrap_or_default()
        .into_iter()
        .map(|core| core.id)
        .collect();
    if cores.is_empty() { vec![0] } else { cores }
}

/// Starts a named thread, pinned to `core` when given. A refused pin is not an error: the broker
/// runs, only less evenly.
pub fn start(
    name: String,
    core: Option<usize>,
    body: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(move || {
        if let Some(id) = core {
            core_affinity::set_for_current(core_affinity::CoreId { id });
        }
        body();
    })
}
