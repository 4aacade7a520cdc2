//! Tests of `validate`: every refusal once, and a seeded fuzzer of all that reads a batch.

use super::super::{
    BATCH_HEADER_BYTES, BatchBuilder, BatchOptions, Batches, ProducerStamp, Records, TimestampType,
    decompress, place,
};
use super::*;

/// One batch of `count` records.
fn batch(options: BatchOptions, count: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    for n in 0..count {
        let value = vec![n as u8; 20 + n % 50];
        builder.append(
            1_000 + n as i64,
            Some(b"key"),
            Some(&value),
            &[("h", Some(b"v"))],
        );
    }
    builder.finish()
}

fn refused(bytes: &[u8]) -> InvalidBatch {
    validate(bytes, &Limits::default(), &WalkLimits::default()).unwrap_err()
}

/// The batch with some bytes changed and the CRC made right again.
fn with(mut bytes: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut bytes);
    let crc = computed_crc(&bytes);
    bytes[place::CRC..place::ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn plain(count: usize) -> Vec<u8> {
    batch(BatchOptions::default(), count)
}

#[test]
fn good_batches_pass_with_every_codec() {
    for codec in Compression::ALL {
        let bytes = batch(
            BatchOptions {
                codec,
                ..Default::default()
            },
            100,
        );
        let (limits, walk_limits) = (Limits::default(), WalkLimits::default());
        let validated = validate(&bytes, &limits, &walk_limits).unwrap();
        assert_eq!(validated.checked.size, bytes.len());
        assert_eq!(validated.checked.header.records_count, 100);
        assert_eq!(validated.walked.max_timestamp, 1_099);
        assert_eq!(validated.walked.max_timestamp_offset_delta, 99);
        let old = Limits {
            zstd_allowed: false,
            ..limits
        };
        assert_eq!(check(&bytes, &old).is_err(), codec == Compression::Zstd);
    }
}

#[test]
fn frames_are_judged_as_kafka_judges_them() {
    let good = plain(2);
    assert_eq!(refused(&[]), InvalidBatch::Missing);
    assert_eq!(refused(&good[..good.len() - 1]), InvalidBatch::Missing);
    assert_eq!(
        refused(&[good.clone(), good.clone()].concat()),
        InvalidBatch::SeveralBatches
    );
    let torn = [&good[..], &good[..30]].concat();
    assert_eq!(
        check(&torn, &Limits::default()).map(|checked| checked.size),
        Ok(good.len())
    );
    let short = with(good.clone(), |b| {
        b[place::LENGTH..][..4].copy_from_slice(&[0, 0, 0, 13])
    });
    assert_eq!(refused(&short), InvalidBatch::Length { length: 13 });
    assert_eq!(refused(&short).error_code(), ErrorCode::CorruptMessage);
    let old = with(good.clone(), |b| b[place::MAGIC] = 1);
    assert_eq!(refused(&old), InvalidBatch::Magic { magic: 1 });
    assert_eq!(refused(&old).error_code(), ErrorCode::InvalidRecord);
    let odd = with(good.clone(), |b| b[place::MAGIC] = 9);
    assert_eq!(refused(&odd).error_code(), ErrorCode::CorruptMessage);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(
        refused(&flipped),
        InvalidBatch::ChecksumMismatch { .. }
    ));
    let limits = Limits {
        batch_bytes_max: good.len() - 1,
        ..Default::default()
    };
    let too_large = check(&good, &limits).unwrap_err();
    assert_eq!(too_large.error_code(), ErrorCode::MessageTooLarge);
    let based = with(good, |b| b[7] = 1);
    assert_eq!(refused(&based), InvalidBatch::BaseOffset { base_offset: 1 });
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let count = |count: i32, last: i32| {
        with(plain(2), |b| {
            b[place::RECORDS_COUNT..][..4].copy_from_slice(&count.to_be_bytes());
            b[place::LAST_OFFSET_DELTA..][..4].copy_from_slice(&last.to_be_bytes());
        })
    };
    for (records, last) in [
        (0, -1),
        (-1, -2),
        (2, 2),
        (3, 1),
        (i32::MIN, i32::MAX),
        (1, 0),
    ] {
        assert_eq!(
            refused(&count(records, last)).error_code(),
            ErrorCode::InvalidRecord,
            "{records}"
        );
    }
    let over = refused(&count(1, 0));
    assert_eq!(
        over,
        InvalidBatch::Record {
            index: 1,
            cause: RecordError::BytesOver
        }
    );
    let missing = refused(&count(3, 2));
    assert_eq!(
        missing,
        InvalidBatch::Record {
            index: 2,
            cause: RecordError::Truncated
        }
    );
    let control = batch(
        BatchOptions {
            control: true,
            ..Default::default()
        },
        1,
    );
    assert_eq!(refused(&control), InvalidBatch::Control);
    let producer = ProducerStamp {
        id: 5,
        epoch: 0,
        base_sequence: -1,
    };
    let unsequenced = batch(
        BatchOptions {
            producer,
            ..Default::default()
        },
        1,
    );
    assert_eq!(
        refused(&unsequenced),
        InvalidBatch::Sequence { base_sequence: -1 }
    );
    for id in 5..8 {
        let unknown = with(plain(1), |b| b[place::ATTRIBUTES + 1] |= id);
        assert_eq!(
            refused(&unknown).error_code(),
            ErrorCode::UnsupportedCompressionType
        );
    }
}

#[test]
fn compressed_records_are_walked_too() {
    for codec in &Compression::ALL[1..] {
        // An uncompressed batch that says it is compressed.
        let lying = with(plain(3), |b| b[place::ATTRIBUTES + 1] |= codec.id() as u8);
        assert_eq!(
            refused(&lying).error_code(),
            ErrorCode::InvalidRecord,
            "{codec:?}"
        );
        let bytes = batch(
            BatchOptions {
                codec: *codec,
                ..Default::default()
            },
            1_000,
        );
        let limits = WalkLimits {
            decompressed_bytes_max: 10_000,
            ..Default::default()
        };
        let bomb = validate(&bytes, &Limits::default(), &limits).unwrap_err();
        assert_eq!(bomb, InvalidBatch::DecompressedTooLarge { max: 10_000 });
        let counted = with(bytes, |b| {
            b[place::RECORDS_COUNT..][..4].copy_from_slice(&999i32.to_be_bytes());
            b[place::LAST_OFFSET_DELTA..][..4].copy_from_slice(&998i32.to_be_bytes());
        });
        let cause = RecordError::BytesOver;
        assert_eq!(
            refused(&counted),
            InvalidBatch::Record { index: 999, cause }
        );
    }
}

/// Goal: no bytes make a reader of batches panic, and slice and stream judge alike.
/// Method: good batches with a few bytes changed or cut, most with the CRC made right again;
/// what is accepted must iterate cleanly, record by record, with the same count.
#[test]
fn damaged_batches_never_panic_and_accepted_ones_read_back() {
    let mut state = 42u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize
    };
    let mut accepted = 0;
    for round in 0..20_000 {
        let codec = Compression::ALL[if round % 4 == 0 { next() % 5 } else { 0 }];
        let mut bytes = batch(
            BatchOptions {
                codec,
                ..Default::default()
            },
            1 + next() % 4,
        );
        for _ in 0..next() % 3 {
            let at = next() % bytes.len();
            bytes[at] = if next() % 2 == 0 {
                next() as u8
            } else {
                bytes[at] ^ (1 << (next() % 8))
            };
        }
        if next() % 8 == 0 {
            bytes.truncate(next() % (bytes.len() + 1));
        }
        if bytes.len() >= BATCH_HEADER_BYTES && next() % 8 != 0 {
            bytes = with(bytes, |_| ());
        }
        assert!(Batches::new(&bytes).filter(|batch| batch.is_ok()).count() <= 1);
        let limits = WalkLimits {
            decompressed_bytes_max: 1 << 20,
            ..Default::default()
        };
        let Ok(validated) = validate(&bytes, &Limits::default(), &limits) else {
            continue;
        };
        accepted += 1;
        let batch = Batch::parse(&bytes).unwrap();
        let mut records = Vec::new();
        decompress(
            validated.checked.codec,
            batch.records_bytes(),
            1 << 20,
            &mut records,
        )
        .unwrap();
        assert_eq!(records.len() as u64, validated.walked.records_bytes);
        let count = batch.header.records_count;
        let read = Records::new(&records, count)
            .filter(|record| record.is_ok())
            .count();
        assert_eq!(read, count as usize);
    }
    assert!(accepted > 1_000, "{accepted}");
}

/// Goal: a client gets the code that Apache Kafka gives it.
/// Method: each of these batches was sent to an Apache Kafka 4.3.1 broker with default settings;
/// the numbers are its answers. Where ours differ on purpose, `validate` says why.
#[test]
fn refusals_have_kafkas_codes() {
    let good = plain(2);
    let numbers = |count: i32, last: i32| {
        with(plain(2), |b| {
            b[place::RECORDS_COUNT..][..4].copy_from_slice(&count.to_be_bytes());
            b[place::LAST_OFFSET_DELTA..][..4].copy_from_slice(&last.to_be_bytes());
        })
    };
    let length = |length: i32| {
        let put = |b: &mut Vec<u8>| b[place::LENGTH..][..4].copy_from_slice(&length.to_be_bytes());
        with(plain(2), put)
    };
    let magic = |magic: u8| with(plain(2), |b| b[place::MAGIC] = magic);
    let attributes = |bits: u8| with(plain(2), |b| b[place::ATTRIBUTES + 1] |= bits);
    let producer = ProducerStamp {
        id: 5,
        epoch: 0,
        base_sequence: -1,
    };
    let unsequenced = batch(
        BatchOptions {
            producer,
            ..Default::default()
        },
        1,
    );
    let gzip = batch(
        BatchOptions {
            codec: Compression::Gzip,
            ..Default::default()
        },
        3,
    );
    let fewer = with(gzip, |b| {
        b[place::RECORDS_COUNT + 3] = 2;
        b[place::LAST_OFFSET_DELTA + 3] = 1;
    });
    let crc = |mut bytes: Vec<u8>| {
        bytes[place::CRC] ^= 1;
        bytes
    };
    for (what, bytes, code) in [
        ("empty", Vec::new(), 87),
        ("torn", good[..good.len() - 1].to_vec(), 87),
        ("wrong crc", crc(plain(2)), 2),
        ("magic 0", magic(0), 87),
        ("magic 1", magic(1), 87),
        ("magic 9", magic(9), 2),
        ("length -1", length(-1), 2),
        ("length 13", length(13), 2),
        ("length 40", length(40), 2),
        ("length 2^30", length(1 << 30), 87),
        ("two batches", [&good[..], &good].concat(), 87),
        ("torn rest", [&good[..], &good[..30]].concat(), 0),
        ("five bytes over", [&good[..], b"abcde"].concat(), 0),
        ("zeros over", [&good[..], &[0; 40]].concat(), 2),
        ("base offset 1", with(plain(2), |b| b[7] = 1), 87),
        ("count 0", numbers(0, -1), 87),
        ("count 0 of 1", numbers(0, 0), 87),
        ("count -1", numbers(-1, 1), 87),
        ("count 1 of 2", numbers(1, 0), 87),
        ("count 3 of 2", numbers(3, 2), 87),
        ("last delta 5", numbers(2, 5), 87),
        ("control", attributes(0x20), 87),
        ("no sequence", unsequenced, 87),
        ("gzip, one record over", fewer, 87),
        ("append time", attributes(0x08), 0),
        ("unused attribute", attributes(0x80), 0),
    ] {
        let answer = validate(&bytes, &Limits::default(), &WalkLimits::default());
        let answer = answer.map_or_else(|refusal| refusal.error_code().code(), |_| 0);
        assert_eq!(answer, code, "{what}");
    }
    let append = WalkLimits {
        timestamp_type: TimestampType::LogAppendTime,
        ..Default::default()
    };
    let claimed = validate(&attributes(0x08), &Limits::default(), &append).unwrap_err();
    assert_eq!(claimed.error_code(), ErrorCode::InvalidTimestamp);
    let each = [0, 1].map(|index| RefusedRecord {
        index,
        why: Refusal::TimestampType,
    });
    assert_eq!(claimed.into_records(), each);
}

/// Goal: what Apache Kafka's own clients write is taken and read.
/// Method: batches of the Java console producer 4.3.1 and of kcat (librdkafka), three records each,
/// cut from the segments of an Apache Kafka broker (base offset 0), one file per client and codec.
#[test]
fn batches_of_java_and_librdkafka_are_read() {
    const TEXT: &[u8] = b"the first line of text, the first line of text";
    for (client, codec, bytes) in GOLDEN {
        let validated = validate(bytes, &Limits::default(), &WalkLimits::default());
        let validated = validated.unwrap_or_else(|refusal| panic!("{client} {codec:?}: {refusal}"));
        assert_eq!(validated.checked.codec, codec, "{client}");
        let batch = Batch::parse(bytes).unwrap();
        assert_eq!(validated.walked.max_timestamp, batch.header.max_timestamp);
        let mut plain = Vec::new();
        decompress(codec, batch.records_bytes(), 1 << 20, &mut plain).unwrap();
        let records: Vec<_> = Records::new(&plain, 3)
            .map(|record| record.unwrap())
            .collect();
        assert_eq!(records.len(), 3);
        assert_eq!(
            (records[0].key, records[0].value),
            (Some(&b"alpha"[..]), Some(TEXT))
        );
        assert_eq!(records[0].headers.len(), 2);
        assert_eq!(records[1].value.unwrap_or_default(), b"");
        assert_eq!(records[2].key, Some(&b"gamma"[..]));
        assert_eq!(records[2].value.is_none(), client == "java");
        assert!(batch.header.has_producer_id());
        assert_eq!(batch.header.base_sequence, 0);
    }
}

macro_rules! golden {
    ($client:literal $codec:ident $name:literal) => {
        (
            $client,
            Compression::$codec,
            include_bytes!(concat!(
                "../../../tests/golden/record_batch/",
                $client,
                "-",
                $name,
                ".batch"
            )),
        )
    };
}

const GOLDEN: [(&str, Compression, &[u8]); 10] = [
    golden!("java" None "none"),
    golden!("java" Gzip "gzip"),
    golden!("java" Snappy "snappy"),
    golden!("java" Lz4 "lz4"),
    golden!("java" Zstd "zstd"),
    golden!("kcat" None "none"),
    golden!("kcat" Gzip "gzip"),
    golden!("kcat" Snappy "snappy"),
    golden!("kcat" Lz4 "lz4"),
    golden!("kcat" Zstd "zstd"),
];
