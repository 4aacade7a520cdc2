//! Record schemas: `share`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/share.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod share_snapshot;
pub mod share_update;

pub use share_snapshot::{ShareSnapshotKey, ShareSnapshotValue};
pub use share_update::{ShareUpdateKey, ShareUpdateValue};

crate::record_frame::keyed_records! {
    ShareRecordKey ShareRecordValue;
    0 ShareSnapshot
        ShareSnapshotKey(ShareSnapshotKey<'a>)
        ShareSnapshotValue(ShareSnapshotValue);
    1 ShareUpdate
        ShareUpdateKey(ShareUpdateKey<'a>)
        ShareUpdateValue(ShareUpdateValue);
}
