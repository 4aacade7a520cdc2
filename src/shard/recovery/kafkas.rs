//! A log dir that Apache Kafka has had since: it opens one after a clean stop, and writes behind
//! what our checkpoint knows of, or cuts it.
//!
//! Room:       `shard`.
//! Called by:  `recovery`.
//! Calls:      `runtime` for names.
//! Never:      looks into a file of Kafka's: that it is there tells enough.

use crate::io::Errno;
use crate::log::layout::{
    CLEAN_SHUTDOWN_FILE, HIGH_WATERMARK_FILE, LOG_START_FILE, RECOVERY_POINT_FILE,
};
use crate::runtime::Runtime;
use std::path::Path;

/// What Kafka leaves there, from its start on. The one that tells goes last.
const FILES: [&str; 4] = [
    CLEAN_SHUTDOWN_FILE,
    HIGH_WATERMARK_FILE,
    LOG_START_FILE,
    RECOVERY_POINT_FILE,
];

/// Whether Kafka had the folder, so that nothing is known of its segments.
pub async fn had(runtime: &Runtime, dir: &Path) -> bool {
    let is_there = runtime.status(&dir.join(RECOVERY_POINT_FILE)).await.is_ok();
    if is_there {
        tracing::info!(
            dir = %dir.display(),
            "Apache Kafka had this folder meanwhile: segments are looked at from their start"
        );
    }
    is_there
}

/// Our checkpoint knows the folder again.
pub async fn forget(runtime: &Runtime, dir: &Path) -> Result<(), Errno> {
    for name in FILES {
        match runtime.unlink(&dir.join(name)).await {
            Ok(()) | Err(Errno::NO_ENTRY) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
