//! Kafka's own deserializers, by the names of their classes, and how Java prints what they read.
//!
//! Room:       `cli::console_consumer`.
//! Called by:  `format`.
//! Never:      guesses: bytes that are no number of that size are an error.

use crate::cli::output::Refusal;

/// How the bytes of a key or value become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deserializer {
    /// As they are.
    Bytes,
    /// What is not UTF-8 is replaced.
    String,
    Boolean,
    Short,
    Integer,
    Long,
    Float,
    Double,
    Uuid,
    Void,
}

impl Deserializer {
    /// By the class, whose package may be missing.
    pub fn of(class: &str) -> Result<Self, Refusal> {
        Ok(match class.rsplit('.').next().unwrap_or(class) {
            "" | "ByteArrayDeserializer" | "BytesDeserializer" | "ByteBufferDeserializer" => {
                Self::Bytes
            }
            "StringDeserializer" => Self::String,
            "BooleanDeserializer" => Self::Boolean,
            "ShortDeserializer" => Self::Short,
            "IntegerDeserializer" => Self::Integer,
            "LongDeserializer" => Self::Long,
            "FloatDeserializer" => Self::Float,
            "DoubleDeserializer" => Self::Double,
            "UUIDDeserializer" => Self::Uuid,
            "VoidDeserializer" => Self::Void,
            _ => {
                return Err(Refusal::new(format_args!(
                    "deserializer {class}: classes of one's own cannot be loaded; there are \
                     String-, ByteArray-, Boolean-, Short-, Integer-, Long-, Float-, Double- and \
                     UUIDDeserializer of org.apache.kafka.common.serialization"
                )));
            }
        })
    }

    /// The text of `bytes`.
    pub fn read(self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        Ok(match self {
            Self::Bytes => return Ok(bytes.to_vec()),
            Self::String => String::from_utf8_lossy(bytes).into_owned(),
            Self::Boolean => match bytes {
                [0] => "false".to_owned(),
                [1] => "true".to_owned(),
                _ => return Err("Unexpected byte received by BooleanDeserializer".to_owned()),
            },
            Self::Short => i16::from_be_bytes(sized("ShortDeserializer", bytes)?).to_string(),
            Self::Integer => i32::from_be_bytes(sized("IntegerDeserializer", bytes)?).to_string(),
            Self::Long => i64::from_be_bytes(sized("LongDeserializer", bytes)?).to_string(),
            Self::Float => {
                let number = f32::from_be_bytes(sized("FloatDeserializer", bytes)?);
                as_java(
                    number.to_string(),
                    format!("{number:E}"),
                    number.abs().into(),
                )
            }
            Self::Double => {
                let number = f64::from_be_bytes(sized("DoubleDeserializer", bytes)?);
                as_java(number.to_string(), format!("{number:E}"), number.abs())
            }
            Self::Uuid => {
                let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
                let lengths: Vec<usize> = text.split('-').map(str::len).collect();
                let digits = text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
                if !digits || lengths != [8, 4, 4, 4, 12] {
                    return Err("Error parsing data into UUID".to_owned());
                }
                text
            }
            Self::Void => return Err("Data should be null for a VoidDeserializer.".to_owned()),
        }
        .into_bytes())
    }
}

fn sized<const N: usize>(class: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    bytes
        .try_into()
        .map_err(|_| format!("Size of data received by {class} is not {N}"))
}

/// A floating number as Java prints it: always with a fraction, with an exponent below 10⁻³ and
/// from 10⁷ on.
fn as_java(plain: String, scientific: String, size: f64) -> String {
    if !size.is_finite() {
        return plain.replace("inf", "Infinity");
    }
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return match plain.contains('.') {
            true => plain,
            false => plain + ".0",
        };
    }
    match scientific.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(class: &str, bytes: &[u8]) -> Result<String, String> {
        let deserializer = Deserializer::of(class).expect("it is known");
        let read = deserializer.read(bytes)?;
        Ok(String::from_utf8(read).expect("numbers are text"))
    }

    #[test]
    fn numbers_are_printed_as_java_prints_them() {
        let integer = "org.apache.kafka.common.serialization.IntegerDeserializer";
        assert_eq!(read(integer, &[0, 0, 1, 0]).unwrap(), "256");
        assert_eq!(
            read(integer, &[1]).unwrap_err(),
            "Size of data received by IntegerDeserializer is not 4"
        );
        assert_eq!(read("LongDeserializer", &[0xff; 8]).unwrap(), "-1");
        for (number, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e7, "1.0E7"),
            (-1.5e-4, "-1.5E-4"),
            (0.0, "0.0"),
            (f64::INFINITY, "Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(
                read("DoubleDeserializer", &f64::to_be_bytes(number)).unwrap(),
                text
            );
        }
        assert_eq!(read("BooleanDeserializer", &[1]).unwrap(), "true");
        assert!(Deserializer::of("com.example.Mine").is_err());
    }
}
