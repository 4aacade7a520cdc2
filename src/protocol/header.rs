//! Frames: a size, a header that says which API in which version, and a message.
//!
//! Room:       `protocol`.
//! Called by:  `connection` for what comes in and goes out, `client` the other way round.
//! Never:      waits for bytes: a frame handed in is whole, its size prefix taken off.
//!
//!   request:   size i32 │ key i16 │ version i16 │ correlation id i32 │ client id │ tags │ body
//!   response:  size i32 │ correlation id i32 │ tags │ body
//!
//! Tags only in flexible versions; the client id is never compact; the response to ApiVersions
//! never has tags in its header.

use crate::messages::header::{RequestHeader, ResponseHeader};
use crate::{ApiKey, DecodeError, EncodeError, Message, Reader, Request, Writer};

/// A request whose header is read and whose body is not.
#[derive(Clone, Debug)]
pub struct RequestFrame<'a> {
    pub api_key: ApiKey,
    /// As the client sent it; see `is_version_known`.
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<&'a str>,
    /// Its positions count from the start of the frame.
    pub body: Reader<'a>,
}

impl<'a> RequestFrame<'a> {
    /// Reads the header of a request; `frame` begins behind the size.
    ///
    /// # Errors
    /// `ApiKeyUnknown`, or the header is not one. An unknown version is no error here, because
    /// ApiVersions answers it.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let mut body = Reader::new(frame);
        let mut ahead = body;
        let (code, api_version) = (ahead.i16()?, ahead.i16()?);
        let Some(api_key) = ApiKey::from_code(code) else {
            return Err(DecodeError::ApiKeyUnknown { api_key: code });
        };
        let header_version = api_key.request_header_version(api_version);
        let header = RequestHeader::decode(&mut body, header_version)?;
        let RequestHeader {
            correlation_id,
            client_id,
            ..
        } = header;
        Ok(Self {
            api_key,
            api_version,
            correlation_id,
            client_id,
            body,
        })
    }

    /// Whether the API has this version, a stable one.
    pub fn is_version_known(&self) -> bool {
        let versions = self.api_key.versions();
        versions.is_some_and(|(min, max)| (min..=max).contains(&self.api_version))
    }

    /// Decodes the body. Bytes behind it are ignored, as Kafka ignores them.
    ///
    /// # Errors
    /// When the body does not begin with such a request.
    pub fn request<R: Request<'a>>(&self) -> Result<R, DecodeError> {
        let mut reader = self.body;
        R::decode(&mut reader, self.api_version)
    }
}

/// Appends a whole request frame, size first.
///
/// # Errors
/// When a value has no place in this version; `out` is then as it was.
pub fn encode_request<'a, R: Request<'a>>(
    out: &mut Vec<u8>,
    request: &R,
    api_version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.put_i32(0);
    let header = RequestHeader {
        request_api_key: R::KEY.code(),
        request_api_version: api_version,
        correlation_id,
        client_id,
    };
    let encoded = header
        .encode(out, R::KEY.request_header_version(api_version))
        .and_then(|()| request.encode(out, api_version));
    close(out, start, encoded)
}

/// Appends a whole response frame, size first.
///
/// # Errors
/// When a value has no place in this version; `out` is then as it was.
pub fn encode_response<'a>(
    out: &mut Vec<u8>,
    api_key: ApiKey,
    api_version: i16,
    correlation_id: i32,
    response: &impl Message<'a>,
) -> Result<(), EncodeError> {
    let start = begin_response(out, api_key, api_version, correlation_id);
    let encoded = response.encode(out, api_version);
    close(out, start, encoded)
}

/// Opens a response frame, its size still missing, and returns where it starts in `out`.
pub fn begin_response(
    out: &mut Vec<u8>,
    api_key: ApiKey,
    api_version: i16,
    correlation_id: i32,
) -> usize {
    let start = out.len();
    out.put_i32(0);
    out.put_i32(correlation_id);
    if api_key.response_header_version(api_version) > 0 {
        out.put_unsigned_varint(0);
    }
    start
}

/// Fills in the size of the frame that starts at `start`; `apart` bytes of it are not in `out`.
pub fn end_frame(out: &mut [u8], start: usize, apart: usize) {
    let size = (out.len() - start - SIZE_BYTES + apart) as i32;
    out[start..start + SIZE_BYTES].copy_from_slice(&size.to_be_bytes());
}

/// Reads the header of a response and returns its correlation id.
///
/// # Errors
/// When the header is not one.
pub fn decode_response_header(
    reader: &mut Reader<'_>,
    api_key: ApiKey,
    api_version: i16,
) -> Result<i32, DecodeError> {
    let version = api_key.response_header_version(api_version);
    Ok(ResponseHeader::decode(reader, version)?.correlation_id)
}

fn close(
    out: &mut Vec<u8>,
    start: usize,
    encoded: Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    match encoded {
        Ok(()) => end_frame(out, start, 0),
        Err(_) => out.truncate(start),
    }
    encoded
}

/// The size in front of every frame.
pub const SIZE_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{ApiVersionsRequest, ApiVersionsResponse, MetadataRequest};

    #[test]
    fn a_request_goes_out_and_comes_in() {
        for version in 0..=13 {
            let request = MetadataRequest {
                topics: Some(Vec::new()),
                ..Default::default()
            };
            let mut out = vec![9];
            encode_request(&mut out, &request, version, 7, Some("me")).unwrap();
            let size = i32::from_be_bytes(out[1..5].try_into().unwrap());
            assert_eq!(size as usize, out.len() - 5);
            let frame = RequestFrame::decode(&out[5..]).unwrap();
            assert_eq!(
                (frame.api_key, frame.api_version),
                (ApiKey::Metadata, version)
            );
            assert_eq!((frame.correlation_id, frame.client_id), (7, Some("me")));
            assert!(frame.is_version_known());
            assert_eq!(frame.request::<MetadataRequest>(), Ok(request));
        }
    }

    #[test]
    fn an_unknown_version_of_api_versions_still_has_a_header() {
        let frame = [0, 18, 0, 99, 0, 0, 0, 5, 0, 1, b'x', 0, 1, 2, 3];
        let frame = RequestFrame::decode(&frame).unwrap();
        assert!(!frame.is_version_known());
        assert_eq!((frame.correlation_id, frame.client_id), (5, Some("x")));
        assert_eq!(
            frame.request::<ApiVersionsRequest>(),
            Err(DecodeError::VersionUnsupported { version: 99 })
        );
        assert_eq!(
            RequestFrame::decode(&[0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0]).map(|frame| frame.api_key),
            Err(DecodeError::ApiKeyUnknown { api_key: 0x7000 })
        );
    }

    #[test]
    fn a_response_that_cannot_be_written_leaves_nothing() {
        let mut out = Vec::new();
        let mut response = ApiVersionsResponse::default();
        encode_response(&mut out, ApiKey::ApiVersions, 3, 1, &response).unwrap();
        assert_eq!(out[..8], [0, 0, 0, 12, 0, 0, 0, 1]);
        let mut reader = Reader::new(&out[4..]);
        assert_eq!(
            decode_response_header(&mut reader, ApiKey::ApiVersions, 3),
            Ok(1)
        );
        assert_eq!(
            ApiVersionsResponse::decode(&mut reader, 3),
            Ok(response.clone())
        );
        let long = "x".repeat(40_000);
        response.supported_features = vec![crate::messages::api_versions::SupportedFeatureKey {
            name: &long,
            ..Default::default()
        }];
        out.clear();
        assert!(encode_response(&mut out, ApiKey::ApiVersions, 3, 1, &response).is_err());
        assert!(out.is_empty());
    }
}
