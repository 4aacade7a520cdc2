//! What all messages have in common, so that code can be generic over them.
//!
//! Room:       `protocol`.
//! Called by:  `client` (`call` is generic over `Request`), `handlers::registry`, tests.
//! Never:      adds behaviour: the generated `decode` and `encode` do the work.

use crate::{ApiKey, DecodeError, EncodeError, Reader};

/// One struct for all versions of a message.
pub trait Message<'a>: Sized {
    const MIN_VERSION: i16;
    /// The newest stable version. A newer unstable one may be decoded, but is never offered.
    const MAX_VERSION: i16;
    /// The first version with compact lengths and tagged fields; `i16::MAX` when none has them.
    const FLEXIBLE: i16;

    /// Reads one message and leaves the reader behind it.
    ///
    /// # Errors
    /// Whenever the bytes are not exactly such a message; see [`DecodeError`].
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError>;

    /// Appends the message to `out`.
    ///
    /// # Errors
    /// When a value has no place in this version; `out` then holds a part of the message.
    fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError>;
}

/// A request, and the response that answers it. The response borrows from other bytes.
pub trait Request<'a>: Message<'a> {
    const KEY: ApiKey;
    type Response<'r>: Message<'r>;
}

macro_rules! message {
    ($name:ty, versions $min:literal..=$max:literal, flexible $flexible:expr) => {
        impl<'a> $crate::Message<'a> for $name {
            const MIN_VERSION: i16 = $min;
            const MAX_VERSION: i16 = $max;
            const FLEXIBLE: i16 = $flexible;

            fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
                <$name>::decode(reader, version)
            }

            fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
                self.encode(out, version)
            }
        }
    };
}

macro_rules! request {
    ($api:ident, $name:ty, $response:ty) => {
        impl<'a> $crate::Request<'a> for $name {
            const KEY: $crate::ApiKey = $crate::ApiKey::$api;
            type Response<'r> = $response;
        }
    };
}

pub(crate) use {message, request};
