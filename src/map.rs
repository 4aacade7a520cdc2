//! Hash maps whose order is the same in every run, so that a seed replays exactly.
//!
//! Room:   none; a vocabulary of two types for all rooms.
//! Never:  seeds from the operating system. Keys that a client chooses are bounded elsewhere.

#[allow(
    clippy::disallowed_types,
    reason = "the one place that fixes the hasher"
)]
pub type Map<K, V> = std::collections::HashMap<K, V, rustc_hash::FxBuildHasher>;
#[allow(
    clippy::disallowed_types,
    reason = "the one place that fixes the hasher"
)]
pub type Set<K> = std::collections::HashSet<K, rustc_hash::FxBuildHasher>;
