//! Record schemas: `log`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/log.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod aborted_txn;
pub mod control_record_type_schema;
pub mod end_txn_marker;
pub mod producer_snapshot;

pub use aborted_txn::AbortedTxn;
pub use control_record_type_schema::ControlRecordTypeSchema;
pub use end_txn_marker::EndTxnMarker;
pub use producer_snapshot::ProducerSnapshot;
