//! Record schemas: `transaction`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/transaction.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod transaction_log;

pub use transaction_log::{TransactionLogKey, TransactionLogValue};

crate::record_frame::keyed_records! {
    TransactionRecordKey TransactionRecordValue<'a>;
    0 TransactionLog
        TransactionLogKey(TransactionLogKey<'a>)
        TransactionLogValue(TransactionLogValue<'a>);
}
