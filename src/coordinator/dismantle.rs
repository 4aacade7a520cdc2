//! Giving back the memory of a large map, some of it at a time: a hundred thousand members at once
//! take tens of milliseconds, in which their shard does nothing else.

use std::collections::BTreeMap;

/// What one step of `Machine::dismantle` takes out of each map.
pub const PER_STEP_MAX: usize = 16;

/// Drops the first entries of a map. Whether it has more.
pub fn drop_some<K: Ord, V>(map: &mut BTreeMap<K, V>) -> bool {
    for _ in 0..PER_STEP_MAX {
        map.pop_first();
    }
    !map.is_empty()
}
