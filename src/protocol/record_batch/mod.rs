//! Record batches: the one format in which records travel and lie on disk (magic 2, KIP-98).
//!
//! Room:       `protocol`, the part that knows what is inside a `records` field.
//! Called by:  handlers and the log (header, CRC, patching), the worker pool (walks of compressed
//!             batches), the client and the tools (builder, records).
//! Calls:      `crc-fast`, and one library per compression codec.
//! Never:      does I/O, asks a clock, or copies records on the way from a socket to a disk.
//!
//! Always true:
//!   - nothing is believed because a header says so: every length is compared with the bytes left.
//!   - base offset and leader epoch lie outside the CRC, so a broker patches them in place.
//!
//! ```text
//!   0         8      12      16    17   21    23     27      35      43     51    57     61
//!   ├ base    ├length├leader ├magic├crc ├attri├last  ├base   ├max    ├prod. ├ep. ├base   ├count┤ …
//!   │ offset  │      │epoch  │     │    │butes│delta │timest.│timest.│id    │och │seq.   │
//!                                       └──────────── covered by the CRC ────────────────────────▶
//! ```
//!
//! Magic 0 and 1 (before Kafka 0.11) are refused everywhere: Kafka 4 does the same (KIP-724).

mod builder;
mod compression;
mod crc;
mod header;
mod rebuild;
mod record;
mod refused;
mod validate;
mod walk;

pub use builder::{BatchBuilder, BatchOptions, ProducerStamp};
pub use compression::{Compression, DecompressError, Decompressor, compress, decompress};
pub use crc::{combine, crc32c};
pub use header::{
    Attributes, BATCH_HEADER_BYTES, Batch, BatchHeader, Batches, HeaderError,
    LENGTH_OVERHEAD_BYTES, MAGIC, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID,
    NO_SEQUENCE, NO_TIMESTAMP, TimestampType, computed_crc, patch_base_offset, patch_leader_epoch,
    patch_timestamps, place,
};
pub use rebuild::{Rebuild, emptied, recompressed};
pub use record::{Header, Headers, Record, RecordError, Records};
pub use refused::{REFUSED_RECORDS_MAX, Refusal, RefusedRecord, RefusedRecords};
pub use validate::{Checked, InvalidBatch, Limits, Validated, check, validate};
pub use walk::{WalkLimits, Walked, walk};
