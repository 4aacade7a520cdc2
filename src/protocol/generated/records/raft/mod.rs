//! Record schemas: `raft`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/raft.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod k_raft_version_record;
pub mod leader_change_message;
pub mod quorum_state_data;
pub mod snapshot_footer_record;
pub mod snapshot_header_record;
pub mod voters_record;

pub use k_raft_version_record::KRaftVersionRecord;
pub use leader_change_message::LeaderChangeMessage;
pub use quorum_state_data::QuorumStateData;
pub use snapshot_footer_record::SnapshotFooterRecord;
pub use snapshot_header_record::SnapshotHeaderRecord;
pub use voters_record::VotersRecord;
