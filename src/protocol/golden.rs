//! Golden bytes: what Apache Kafka's own classes write is what we read and write.
//!
//! Room:       `protocol`, tests only.
//! Called by:  `fuzz`, for the dispatch by name and for the bytes to mutate.
//! Never:      makes bytes: `tests/golden/messages` holds them, with the Java program that wrote
//!             them. A line is: name, version, kind, hex.

use crate::{DecodeError, EncodeError, Message, Reader, messages, records};

/// One line of the golden files.
pub struct Golden {
    pub name: &'static str,
    pub version: i16,
    pub kind: &'static str,
    pub bytes: Vec<u8>,
}

/// All lines of all files.
pub fn all() -> Vec<Golden> {
    [
        include_str!("../../tests/golden/messages/requests.hex"),
        include_str!("../../tests/golden/messages/responses.hex"),
        include_str!("../../tests/golden/messages/records.hex"),
    ]
    .iter()
    .flat_map(|text| text.lines())
    .map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("four words");
        let (name, version, kind, hex) = (word(), word(), word(), word());
        let digit = |char: u8| (char as char).to_digit(16).expect("hex") as u8;
        let bytes = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]));
        Golden {
            name,
            version: version.parse().expect("a number"),
            kind,
            bytes: bytes.collect(),
        }
    })
    .collect()
}

/// What became of bytes that were decoded and encoded again.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// `charged` is the memory decoding asked for.
    Same {
        charged: usize,
    },
    Different(Vec<u8>),
    NotDecoded(DecodeError),
    NotEncoded(EncodeError),
    NoSuchMessage,
}

fn through<'a, M: Message<'a>>(version: i16, bytes: &'a [u8]) -> Outcome {
    let mut reader = Reader::new(bytes);
    let message = match M::decode(&mut reader, version) {
        Ok(message) => message,
        Err(error) => return Outcome::NotDecoded(error),
    };
    let charged = reader.charged();
    if let Err(error) = reader.finish() {
        return Outcome::NotDecoded(error);
    }
    let mut out = Vec::new();
    match message.encode(&mut out, version) {
        Err(error) => Outcome::NotEncoded(error),
        Ok(()) if out == bytes => Outcome::Same { charged },
        Ok(()) => Outcome::Different(out),
    }
}

fn default_of<'a, M: Message<'a> + Default>(version: i16) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    M::default().encode(&mut out, version)?;
    Ok(out)
}

macro_rules! api_dispatch {
    ($($api:ident $request:ident $response:ident;)*) => {
        fn api_through(name: &str, version: i16, bytes: &[u8]) -> Outcome {
            match name {
                $(
                    stringify!($request) => through::<messages::$request>(version, bytes),
                    stringify!($response) => through::<messages::$response>(version, bytes),
                )*
                "RequestHeader" => through::<messages::header::RequestHeader>(version, bytes),
                "ResponseHeader" => through::<messages::header::ResponseHeader>(version, bytes),
                _ => Outcome::NoSuchMessage,
            }
        }

        fn api_default(name: &str, version: i16) -> Option<Result<Vec<u8>, EncodeError>> {
            match name {
                $(
                    stringify!($request) => Some(default_of::<messages::$request>(version)),
                    stringify!($response) => Some(default_of::<messages::$response>(version)),
                )*
                _ => None,
            }
        }
    };
}

macro_rules! record_dispatch {
    ($($family:ident $record:ident;)*) => {
        fn record_through(name: &str, version: i16, bytes: &[u8]) -> Outcome {
            match name {
                $(stringify!($record) => through::<records::$family::$record>(version, bytes),)*
                _ => Outcome::NoSuchMessage,
            }
        }

        fn record_default(name: &str, version: i16) -> Option<Result<Vec<u8>, EncodeError>> {
            match name {
                $(
                    stringify!($record) => {
                        Some(default_of::<records::$family::$record>(version))
                    }
                )*
                _ => None,
            }
        }
    };
}

crate::for_each_api!(api_dispatch);
crate::for_each_record!(record_dispatch);

/// Decodes bytes as the message of this name and encodes them again.
pub fn transcode(name: &str, version: i16, bytes: &[u8]) -> Outcome {
    match api_through(name, version, bytes) {
        Outcome::NoSuchMessage => record_through(name, version, bytes),
        outcome => outcome,
    }
}

#[test]
fn every_message_in_every_version_survives_decode_and_encode() {
    let golden = all();
    let mut failures = Vec::new();
    for line in &golden {
        let outcome = transcode(line.name, line.version, &line.bytes);
        if !matches!(outcome, Outcome::Same { .. }) {
            failures.push(format!(
                "{} {} {}: {outcome:?}",
                line.name, line.version, line.kind
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(golden.len() > 2000, "only {} lines", golden.len());
}

/// Goal: the bound on memory is far from what honest messages need.
#[test]
fn honest_messages_need_a_quarter_of_the_memory_they_may_ask_for() {
    for line in all() {
        let quarter = line.bytes.len() * 16;
        if let Outcome::Same { charged } = transcode(line.name, line.version, &line.bytes) {
            assert!(
                charged <= quarter,
                "{} {}: {charged}",
                line.name,
                line.version
            );
        }
    }
}

/// Goal: our `Default` is Kafka's constructor, field by field, in every version.
#[test]
fn a_message_with_nothing_set_is_what_kafka_writes() {
    for line in all().iter().filter(|line| line.kind == "default") {
        let ours = api_default(line.name, line.version);
        if let Some(ours) = ours.or_else(|| record_default(line.name, line.version)) {
            assert_eq!(
                ours,
                Ok(line.bytes.clone()),
                "{} {}",
                line.name,
                line.version
            );
        }
    }
}

/// Goal: no message of the schemas is missing in the golden files.
#[test]
fn every_message_is_in_the_golden_files() {
    let golden = all();
    let has = |name: &str, low: i16, high: i16| {
        for version in low..=high {
            let is_it = |kind: &str| {
                golden
                    .iter()
                    .any(|line| line.name == name && line.version == version && line.kind == kind)
            };
            assert!(is_it("full"), "{name} {version}");
            assert!(is_it("sparse"), "{name} {version}");
        }
    };
    macro_rules! check_apis {
        ($($api:ident $request:ident $response:ident;)*) => {
            $(
                has(
                    stringify!($request),
                    messages::$request::MIN_VERSION,
                    messages::$request::MAX_VERSION,
                );
                has(
                    stringify!($response),
                    messages::$response::MIN_VERSION,
                    messages::$response::MAX_VERSION,
                );
            )*
        };
    }
    macro_rules! check_records {
        ($($family:ident $record:ident;)*) => {
            $(
                has(
                    stringify!($record),
                    records::$family::$record::MIN_VERSION,
                    records::$family::$record::MAX_VERSION,
                );
            )*
        };
    }
    crate::for_each_api!(check_apis);
    crate::for_each_record!(check_records);
}
