//! Why a producer's batch or a coordinator's marker is refused.
//!
//! Room:       `log`.
//! Called by:  `log::producer_state`; `partition` makes it an answer.
//! Never:      is a failure of the disk.

use ottla_protocol::ErrorCode;

/// Why a producer's batch or a coordinator's marker is refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerError {
    /// A newer instance took over this producer id; the sender is a zombie.
    ProducerFenced {
        producer_id: i64,
        epoch: i16,
        epoch_current: i16,
    },
    /// A batch before this one is missing, or this one was forgotten long ago. `expected` is -1
    /// when none was written in this epoch.
    SequenceGap {
        producer_id: i64,
        expected: i32,
        received: i32,
    },
    /// Data outside of the producer's open transaction.
    TransactionState { producer_id: i64 },
    /// A newer coordinator has written a marker already.
    CoordinatorFenced {
        producer_id: i64,
        epoch: i32,
        epoch_current: i32,
    },
}

impl ProducerError {
    /// The only place where such a refusal becomes a number on the wire.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::ProducerFenced { .. } => ErrorCode::InvalidProducerEpoch,
            Self::SequenceGap { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Self::TransactionState { .. } => ErrorCode::InvalidTxnState,
            Self::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        }
    }
}

impl std::fmt::Display for ProducerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ProducerFenced {
                producer_id,
                epoch,
                epoch_current,
            } => write!(
                f,
                "epoch {epoch} of producer {producer_id} is older than {epoch_current}"
            ),
            Self::SequenceGap {
                producer_id,
                expected,
                received,
            } => write!(
                f,
                "producer {producer_id} sent sequence {received} where {expected} was expected"
            ),
            Self::TransactionState { producer_id } => write!(
                f,
                "producer {producer_id} sent data outside of its open transaction"
            ),
            Self::CoordinatorFenced {
                producer_id,
                epoch,
                epoch_current,
            } => write!(
                f,
                "coordinator epoch {epoch} for producer {producer_id} is older than {epoch_current}"
            ),
        }
    }
}

impl std::error::Error for ProducerError {}
