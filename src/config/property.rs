//! One property: its name, the kind of its value with bounds, its default, how it changes.
//!
//! Room:       `config`, the vocabulary of the table.
//! Called by:  `config::table` builds rows of it; everything else in `config` reads them.
//! Calls:      nothing.
//! Never:      knows where a value came from.
//!
//! Always true:
//!   - a default satisfies its own kind (a test walks the whole table).

use std::fmt;

/// One row of the table.
#[derive(Debug)]
pub struct Property {
    pub name: &'static str,
    pub kind: Kind,
    /// The text that holds when nobody sets the property; `None` leaves it unset.
    pub default: Option<&'static str>,
    pub update: Update,
    pub importance: Importance,
    pub serving: Serving,
    /// For a topic or group property: the broker properties that give its default, strongest
    /// first, each with the factor from its unit to ours.
    pub synonyms: &'static [(&'static str, i64)],
}

impl Property {
    pub const fn synonyms(mut self, synonyms: &'static [(&'static str, i64)]) -> Self {
        self.synonyms = synonyms;
        self
    }

    /// Checks one value as written, and says what would have been accepted.
    pub fn check(&self, value: &str) -> Result<(), Bound> {
        if self.kind.accepts(value) {
            Ok(())
        } else {
            Err(Bound(self.kind))
        }
    }

    /// One sentence for people, in DescribeConfigs and in the reference page.
    pub fn about(&self) -> &'static str {
        match self.serving {
            Serving::Served(about) => about,
            Serving::Later => "As in Apache Kafka; accepted, not served yet.",
            Serving::Unneeded(reason) => reason,
        }
    }
}

/// The kinds of values. Numbers carry their bounds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Boolean,
    Short {
        min: i64,
        max: i64,
    },
    Int {
        min: i64,
        max: i64,
    },
    Long {
        min: i64,
        max: i64,
    },
    Double {
        min: f64,
        max: f64,
    },
    Text,
    OneOf(&'static [&'static str]),
    OneOfAnyCase(&'static [&'static str]),
    List,
    ListOf(&'static [&'static str]),
    Class,
    Password,
    /// -1 for the codec's own default, or 1 to 9.
    GzipLevel,
    /// `*`, or PARTITION:BROKER pairs separated by commas.
    ThrottledReplicas,
}

impl Kind {
    fn accepts(&self, value: &str) -> bool {
        let value = value.trim();
        match *self {
            Self::Boolean => {
                value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
            }
            Self::Short { min, max } | Self::Int { min, max } | Self::Long { min, max } => value
                .parse::<i64>()
                .is_ok_and(|number| (min..=max).contains(&number)),
            Self::Double { min, max } => value
                .parse::<f64>()
                .is_ok_and(|number| number >= min && number <= max),
            Self::Text | Self::List | Self::Class | Self::Password => true,
            Self::OneOf(choices) => choices.contains(&value),
            Self::OneOfAnyCase(choices) => choices
                .iter()
                .any(|choice| choice.eq_ignore_ascii_case(value)),
            Self::ListOf(choices) => list(value).all(|item| choices.contains(&item)),
            Self::GzipLevel => value
                .parse::<i64>()
                .is_ok_and(|level| level == -1 || (1..=9).contains(&level)),
            Self::ThrottledReplicas => {
                value == "*"
                    || list(value).all(|pair| {
                        pair.split_once(':').is_some_and(|(partition, broker)| {
                            partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok()
                        })
                    })
            }
        }
    }

    /// The type code of DescribeConfigs v3+ (KIP-569).
    pub fn type_code(&self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::Text | Self::OneOf(_) | Self::OneOfAnyCase(_) => 2,
            Self::Int { .. } | Self::GzipLevel => 3,
            Self::Short { .. } => 4,
            Self::Long { .. } => 5,
            Self::Double { .. } => 6,
            Self::List | Self::ListOf(_) | Self::ThrottledReplicas => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }

    /// Kafka's word for the type, for the reference page.
    pub fn type_name(&self) -> &'static str {
        const NAMES: [&str; 10] = [
            "?", "boolean", "string", "int", "short", "long", "double", "list", "class", "password",
        ];
        NAMES.get(self.type_code() as usize).copied().unwrap_or("?")
    }

    pub fn is_list(&self) -> bool {
        self.type_code() == 7
    }

    /// A value nobody may read back from the broker.
    pub fn is_sensitive(&self) -> bool {
        matches!(self, Self::Password)
    }
}

/// What a kind accepts, as a phrase: `a number from 1 to 17`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound(pub Kind);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Boolean => write!(f, "true or false"),
            Kind::Short { min, max } => write_range(f, min, max, i16::MIN.into(), i16::MAX.into()),
            Kind::Int { min, max } => write_range(f, min, max, i32::MIN.into(), i32::MAX.into()),
            Kind::Long { min, max } => write_range(f, min, max, i64::MIN, i64::MAX),
            Kind::Double { min, max } if max == f64::MAX && min == f64::MIN => {
                write!(f, "a number")
            }
            Kind::Double { min, max } if max == f64::MAX => write!(f, "a number, at least {min}"),
            Kind::Double { min, max } => write!(f, "a number from {min} to {max}"),
            Kind::Text | Kind::Class | Kind::Password => write!(f, "any text"),
            Kind::List => write!(f, "a list separated by commas"),
            Kind::OneOf(choices) | Kind::OneOfAnyCase(choices) => {
                write!(f, "one of {}", choices.join(", "))
            }
            Kind::ListOf(choices) => {
                write!(f, "a list, separated by commas, of {}", choices.join(", "))
            }
            Kind::GzipLevel => write!(f, "-1, or a whole number from 1 to 9"),
            Kind::ThrottledReplicas => write!(f, "*, or a list of PARTITION:BROKER pairs"),
        }
    }
}

fn write_range(
    f: &mut fmt::Formatter<'_>,
    min: i64,
    max: i64,
    floor: i64,
    ceiling: i64,
) -> fmt::Result {
    match (min == floor, max == ceiling) {
        (true, true) => write!(f, "a whole number"),
        (false, true) => write!(f, "a whole number, at least {min}"),
        (true, false) => write!(f, "a whole number, at most {max}"),
        (false, false) => write!(f, "a whole number from {min} to {max}"),
    }
}

/// How a value changes while the broker runs (Kafka's update modes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Only by editing the file and starting again.
    ReadOnly,
    /// By AlterConfigs, for one broker.
    PerBroker,
    /// By AlterConfigs, for one broker or for all of them.
    ClusterWide,
    /// By AlterConfigs on the topic, group or subscription that has it.
    Dynamic,
}

/// How much Kafka thinks of a property. `Internal` ones are kept out of DescribeConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    High,
    Medium,
    Low,
    Internal,
}

/// What we do about a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It works; the sentence says what it does.
    Served(&'static str),
    /// Accepted with a warning, without effect for now.
    Later,
    /// Accepted with a warning; the sentence says why nothing is left for it to do.
    Unneeded(&'static str),
}

/// The items of a list value: separated by commas, trimmed, empty ones left out.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// A row with a default. The constructors below exist so that a row fits on a line.
pub const fn set(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    update: Update,
    importance: Importance,
    serving: Serving,
) -> Property {
    Property {
        name,
        kind,
        default: Some(default),
        update,
        importance,
        serving,
        synonyms: &[],
    }
}

/// A row that has no value until somebody gives one.
pub const fn unset(
    name: &'static str,
    kind: Kind,
    update: Update,
    importance: Importance,
    serving: Serving,
) -> Property {
    Property {
        name,
        kind,
        default: None,
        update,
        importance,
        serving,
        synonyms: &[],
    }
}

/// No lower bound but the type's own.
pub const MIN: i64 = i64::MIN;
/// No upper bound but the type's own.
pub const MAX: i64 = i64::MAX;

/// A 16-bit number.
pub const fn short(min: i64, max: i64) -> Kind {
    Kind::Short {
        min: clamp(min, i16::MIN as i64, i16::MAX as i64),
        max: clamp(max, i16::MIN as i64, i16::MAX as i64),
    }
}

/// A 32-bit number.
pub const fn int(min: i64, max: i64) -> Kind {
    Kind::Int {
        min: clamp(min, i32::MIN as i64, i32::MAX as i64),
        max: clamp(max, i32::MIN as i64, i32::MAX as i64),
    }
}

/// A 64-bit number.
pub const fn long(min: i64, max: i64) -> Kind {
    Kind::Long { min, max }
}

/// A number with a fraction.
pub const fn double(min: f64, max: f64) -> Kind {
    Kind::Double { min, max }
}

/// Values of `compression.type`: `producer` keeps what the producer chose.
pub const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

const fn clamp(number: i64, floor: i64, ceiling: i64) -> i64 {
    if number < floor {
        floor
    } else if number > ceiling {
        ceiling
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_within_its_type_and_its_bounds() {
        let kind = int(1, MAX);
        assert!(kind.accepts("1"));
        assert!(kind.accepts(" 2147483647 "));
        assert!(!kind.accepts("0"));
        assert!(!kind.accepts("2147483648"));
        assert!(!kind.accepts("1k"));
        assert!(!kind.accepts(""));
        assert_eq!(Bound(kind).to_string(), "a whole number, at least 1");
    }

    #[test]
    fn a_list_may_be_empty_and_its_items_are_checked() {
        let kind = Kind::ListOf(&["compact", "delete"]);
        assert!(kind.accepts("compact, delete"));
        assert!(kind.accepts(""));
        assert!(!kind.accepts("compress"));
    }

    #[test]
    fn throttled_replicas_are_a_star_or_pairs() {
        assert!(Kind::ThrottledReplicas.accepts("*"));
        assert!(Kind::ThrottledReplicas.accepts("0:1,1:2"));
        assert!(!Kind::ThrottledReplicas.accepts("0-1"));
    }
}
