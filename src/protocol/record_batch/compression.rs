//! The four codecs of record batches, as Kafka's clients write them.
//!
//! Room:       `protocol::record_batch`.
//! Called by:  the walk (validation), the client, the builder, compaction.
//! Calls:      `flate2` (RFC 1952), `snap`, `lz4_flex`, `zstd` (RFC 8878).
//! Never:      produces more bytes than it was allowed: a bomb stops at the bound.
//!
//! Dialects met in the wild, all read here:
//!   - snappy: Java frames blocks the xerial way (16 bytes of head, then length-prefixed blocks);
//!     librdkafka sends one raw block; both can be concatenated by re-packing proxies.
//!   - lz4: one frame of independent 64 KiB blocks; other block sizes are read too. As in Kafka's
//!     reader, what follows the first frame is not looked at.
//!   - gzip: several members in a row are one stream.

use std::io::{self, Read, Write};

/// What the low three attribute bits say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    pub fn from_id(id: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.id() == id)
    }

    /// The codec of a `compression.type` value; `producer` and `uncompressed` are none of them.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    pub fn id(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// Why compressed records could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecompressError {
    /// The bytes are not what the codec writes.
    Corrupt,
    /// More than `limit` bytes come out.
    TooLarge { limit: u64 },
}

impl std::fmt::Display for DecompressError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Corrupt => write!(f, "the compressed records cannot be read"),
            Self::TooLarge { limit } => write!(f, "the records decompress to over {limit} bytes"),
        }
    }
}

impl std::error::Error for DecompressError {}

/// Appends the compressed `bytes` to `into`. `level` is the codec's own scale (gzip 1–9, zstd
/// -131072–22), `None` Kafka's default; snappy and lz4 have one level here.
pub fn compress(codec: Compression, level: Option<i32>, bytes: &[u8], into: &mut Vec<u8>) {
    // Writing into a Vec cannot fail, and no option here is invalid.
    let written = match codec {
        Compression::None => into.write_all(bytes),
        Compression::Gzip => gzip(level, bytes, into),
        Compression::Snappy => snappy(bytes, into),
        Compression::Lz4 => lz4(bytes, into),
        Compression::Zstd => {
            let level = level.unwrap_or(ZSTD_LEVEL_DEFAULT);
            zstd::stream::copy_encode(bytes, into, level)
        }
    };
    written.expect("compressing into memory has no way to fail");
}

/// Appends the decompressed `bytes` to `into`, at most `limit` bytes.
///
/// # Errors
/// `into` holds a useless prefix after an error.
pub fn decompress(
    codec: Compression,
    bytes: &[u8],
    limit: u64,
    into: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let mut from = Decompressor::new(codec, bytes, limit)?;
    loop {
        let start = into.len();
        into.resize(start + PIECE_BYTES, 0);
        let read = from.read(&mut into[start..]);
        into.truncate(start + read.unwrap_or(0));
        if read? == 0 {
            return Ok(());
        }
    }
}

/// Decompresses piece by piece, so that memory stays bounded whatever the content claims.
pub struct Decompressor<'a> {
    codec: Codec<'a>,
    limit: u64,
    left: u64,
}

enum Codec<'a> {
    None(&'a [u8]),
    Gzip(Box<flate2::bufread::MultiGzDecoder<&'a [u8]>>),
    Snappy(Box<SnappyBlocks<'a>>),
    Lz4(Box<lz4_flex::frame::FrameDecoder<&'a [u8]>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, &'a [u8]>>),
}

impl<'a> Decompressor<'a> {
    /// `limit` bounds all that ever comes out, in bytes.
    pub fn new(codec: Compression, bytes: &'a [u8], limit: u64) -> Result<Self, DecompressError> {
        let codec = match codec {
            Compression::None => Codec::None(bytes),
            Compression::Gzip => Codec::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(bytes))),
            Compression::Snappy => Codec::Snappy(Box::new(SnappyBlocks::new(bytes, limit))),
            Compression::Lz4 => {
                // The library would also read the legacy format, which no Kafka client does.
                if !bytes.starts_with(&LZ4_MAGIC) {
                    return Err(DecompressError::Corrupt);
                }
                Codec::Lz4(Box::new(lz4_flex::frame::FrameDecoder::new(bytes)))
            }
            Compression::Zstd => {
                let corrupt = |_| DecompressError::Corrupt;
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(bytes).map_err(corrupt)?;
                decoder
                    .window_log_max(ZSTD_WINDOW_LOG_MAX)
                    .map_err(corrupt)?;
                Codec::Zstd(Box::new(decoder))
            }
        };
        Ok(Self {
            codec,
            limit,
            left: limit,
        })
    }

    /// Fills a front part of `into`; 0 at the end.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        let read = match &mut self.codec {
            Codec::None(bytes) => bytes.read(into).map_err(|_| DecompressError::Corrupt)?,
            Codec::Gzip(decoder) => read_some(decoder, into)?,
            Codec::Snappy(blocks) => blocks.read(into)?,
            Codec::Lz4(decoder) => read_some(decoder, into)?,
            Codec::Zstd(decoder) => read_some(decoder, into)?,
        };
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(DecompressError::TooLarge { limit: self.limit }),
        }
        Ok(read)
    }
}

fn read_some(from: &mut impl Read, into: &mut [u8]) -> Result<usize, DecompressError> {
    from.read(into).map_err(|_| DecompressError::Corrupt)
}

/// Snappy in either framing. A block has no streaming form, so one block at a time is in memory;
/// what it claims to hold is compared with the limit and with what its bytes could hold.
struct SnappyBlocks<'a> {
    bytes: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    position: usize,
    limit: u64,
}

impl<'a> SnappyBlocks<'a> {
    fn new(bytes: &'a [u8], limit: u64) -> Self {
        let framed = bytes.starts_with(&XERIAL_MAGIC);
        Self {
            bytes,
            framed,
            block: Vec::new(),
            position: 0,
            limit,
        }
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        while self.position == self.block.len() {
            let Some(block) = self.next_block()? else {
                return Ok(0);
            };
            self.unpack(block)?;
        }
        let count = into.len().min(self.block.len() - self.position);
        into[..count].copy_from_slice(&self.block[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }

    fn next_block(&mut self) -> Result<Option<&'a [u8]>, DecompressError> {
        if self.framed && self.bytes.starts_with(&XERIAL_MAGIC) {
            self.bytes = self
                .bytes
                .get(XERIAL_HEAD_BYTES..)
                .ok_or(DecompressError::Corrupt)?;
        }
        if self.bytes.is_empty() {
            return Ok(None);
        }
        if !self.framed {
            return Ok(Some(std::mem::take(&mut self.bytes)));
        }
        let (length, rest) = self
            .bytes
            .split_first_chunk::<4>()
            .ok_or(DecompressError::Corrupt)?;
        let length = usize::try_from(i32::from_be_bytes(*length));
        let length = length.map_err(|_| DecompressError::Corrupt)?;
        let (block, rest) = rest
            .split_at_checked(length)
            .ok_or(DecompressError::Corrupt)?;
        self.bytes = rest;
        Ok(Some(block))
    }

    fn unpack(&mut self, block: &[u8]) -> Result<(), DecompressError> {
        let claimed = snap::raw::decompress_len(block).map_err(|_| DecompressError::Corrupt)?;
        if claimed as u64 > self.limit {
            return Err(DecompressError::TooLarge { limit: self.limit });
        }
        if claimed > block.len().saturating_mul(SNAPPY_RATIO_MAX) {
            return Err(DecompressError::Corrupt);
        }
        self.block.clear();
        self.block.resize(claimed, 0);
        self.position = 0;
        let unpacked = snap::raw::Decoder::new().decompress(block, &mut self.block);
        match unpacked {
            Ok(bytes) if bytes == claimed => Ok(()),
            _ => Err(DecompressError::Corrupt),
        }
    }
}

fn gzip(level: Option<i32>, bytes: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    let level = match level {
        Some(level) => flate2::Compression::new(level.clamp(0, 9) as u32),
        None => flate2::Compression::default(),
    };
    let mut encoder = flate2::write::GzEncoder::new(into, level);
    encoder.write_all(bytes)?;
    encoder.finish().map(|_| ())
}

fn snappy(bytes: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    into.extend_from_slice(&XERIAL_MAGIC);
    into.extend_from_slice(&XERIAL_VERSIONS);
    let mut encoder = snap::raw::Encoder::new();
    for block in bytes.chunks(SNAPPY_BLOCK_BYTES) {
        let head = into.len();
        into.resize(head + 4 + snap::raw::max_compress_len(block.len()), 0);
        let length = encoder.compress(block, &mut into[head + 4..])?;
        into.truncate(head + 4 + length);
        into[head..head + 4].copy_from_slice(&(length as i32).to_be_bytes());
    }
    Ok(())
}

fn lz4(bytes: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    // Kafka's reader accepts independent blocks only; 64 KiB is what its writer uses.
    let info = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .block_mode(lz4_flex::frame::BlockMode::Independent);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, into);
    encoder.write_all(bytes)?;
    encoder.finish().map(|_| ()).map_err(io::Error::other)
}

/// One step of `decompress`: small enough to waste little, large enough to be few calls.
const PIECE_BYTES: usize = 32 << 10;
/// Kafka's `compression.zstd.level` default.
const ZSTD_LEVEL_DEFAULT: i32 = 3;
/// 128 MiB, the window of level 22 and the most that zstd's own tools read without a flag. Pages
/// of it are touched only as content is produced, which the limit bounds.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Version 1, readable since version 1.
const XERIAL_VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
const XERIAL_HEAD_BYTES: usize = 16;
/// The block size of snappy-java.
const SNAPPY_BLOCK_BYTES: usize = 32 << 10;
/// A snappy copy of three bytes makes 64; more than that per byte is a lie.
const SNAPPY_RATIO_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        (0..bytes)
            .map(|n| b"the quick brown fox "[(n * n / 7) % 20])
            .collect()
    }

    #[test]
    fn every_codec_round_trips() {
        for codec in Compression::ALL {
            for size in [0, 1, 100, 32 << 10, (32 << 10) + 1, 300_000] {
                let (plain, mut packed, mut back) = (text(size), Vec::new(), Vec::new());
                compress(codec, None, &plain, &mut packed);
                decompress(codec, &packed, plain.len() as u64, &mut back).unwrap();
                assert!(back == plain, "{codec:?} {size}");
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let plain = vec![0; 8 << 20];
        for codec in Compression::ALL {
            let (mut packed, mut back) = (Vec::new(), Vec::new());
            compress(codec, None, &plain, &mut packed);
            let limit = 100_000;
            let refused = decompress(codec, &packed, limit, &mut back);
            assert_eq!(
                refused,
                Err(DecompressError::TooLarge { limit }),
                "{codec:?}"
            );
            assert!(back.capacity() < 1 << 20, "{codec:?}");
        }
    }

    #[test]
    fn a_raw_snappy_block_is_read_and_a_lying_one_refused() {
        let plain = text(10_000);
        let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        let mut back = Vec::new();
        decompress(Compression::Snappy, &packed, 10_000, &mut back).unwrap();
        assert_eq!(back, plain);
        let lying = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let refused = decompress(Compression::Snappy, &lying, 1 << 40, &mut back);
        assert_eq!(refused, Err(DecompressError::Corrupt));
    }

    #[test]
    fn streams_in_a_row_are_one() {
        for codec in [
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            let (mut packed, mut back) = (Vec::new(), Vec::new());
            compress(codec, None, b"one ", &mut packed);
            compress(codec, None, b"two", &mut packed);
            decompress(codec, &packed, 100, &mut back).unwrap();
            // Kafka's lz4 reader ends with the first frame as well.
            let all: &[u8] = if codec == Compression::Lz4 {
                b"one "
            } else {
                b"one two"
            };
            assert_eq!(back, all, "{codec:?}");
        }
    }

    #[test]
    fn damage_is_an_error_or_other_bytes_never_a_panic() {
        let plain = text(5_000);
        let mut state = 7u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            (state >> 33) as usize
        };
        for codec in Compression::ALL {
            let mut packed = Vec::new();
            compress(codec, None, &plain, &mut packed);
            for _ in 0..500 {
                let mut broken = packed.clone();
                for _ in 0..1 + next() % 3 {
                    let at = next() % broken.len();
                    broken[at] = next() as u8;
                }
                broken.truncate(next() % (broken.len() + 1));
                let mut back = Vec::new();
                let _ = decompress(codec, &broken, 20_000, &mut back);
                assert!(back.len() <= 20_000 + PIECE_BYTES);
            }
        }
    }
}
