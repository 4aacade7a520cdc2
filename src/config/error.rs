//! What is wrong with a configuration, where, and what to do: one line each.
//!
//! Room:       `config`, refusals and warnings.
//! Called by:  the parsers and checks of `config`; `cli` and the config handlers print them.
//! Calls:      nothing.
//! Never:      decides whether to go on; an error refuses, a warning does not.

use super::property::Bound;
use std::fmt;
use std::sync::Arc;

/// Where a property was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, counted from 1.
    Line { file: Arc<str>, line: usize },
    /// The command line, or a request of a client.
    Argument,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}: "),
            Self::Argument => Ok(()),
        }
    }
}

/// Why a configuration is refused. Nothing was applied when one of these comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigError {
    /// Neither Kafka nor we know this name.
    Unknown {
        place: Place,
        name: String,
        nearest: Option<&'static str>,
    },
    /// Kafka had this name and dropped it.
    Removed {
        place: Place,
        name: String,
        remedy: &'static str,
    },
    /// The value is not of the property's kind, or out of its bounds.
    Value {
        place: Place,
        name: String,
        value: String,
        bound: Bound,
    },
    /// The value is of its kind, but cannot work; the remedy says what would.
    Refused {
        place: Place,
        name: &'static str,
        value: String,
        remedy: String,
    },
    /// A `\u` escape without four hexadecimal digits.
    Escape { place: Place },
    /// A property that only the file can set, or only for one broker.
    Fixed { name: String },
    /// APPEND and SUBTRACT work on lists only.
    NotAList { name: String },
}

impl ConfigError {
    /// The same error, at the place where the property was written.
    pub fn at(mut self, found: &Place) -> Self {
        match &mut self {
            Self::Unknown { place, .. }
            | Self::Removed { place, .. }
            | Self::Value { place, .. }
            | Self::Refused { place, .. }
            | Self::Escape { place } => *place = found.clone(),
            Self::Fixed { .. } | Self::NotAList { .. } => {}
        }
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown {
                place,
                name,
                nearest: Some(nearest),
            } => {
                write!(f, "{place}unknown property {name}; did you mean {nearest}?")
            }
            Self::Unknown {
                place,
                name,
                nearest: None,
            } => {
                write!(
                    f,
                    "{place}unknown property {name}; `ottla config reference` lists them all"
                )
            }
            Self::Removed {
                place,
                name,
                remedy,
            } => {
                write!(f, "{place}{name} does not exist in Kafka 4; {remedy}")
            }
            Self::Value {
                place,
                name,
                value,
                bound,
            } => {
                write!(f, "{place}{name}={value}: expected {bound}")
            }
            Self::Refused {
                place,
                name,
                value,
                remedy,
            } => {
                write!(f, "{place}{name}={value}: {remedy}")
            }
            Self::Escape { place } => {
                write!(
                    f,
                    "{place}\\u needs four hexadecimal digits; write \\\\ for a backslash"
                )
            }
            Self::Fixed { name } => {
                write!(
                    f,
                    "{name} cannot change while the broker runs; set it in the file"
                )
            }
            Self::NotAList { name } => {
                write!(
                    f,
                    "{name} is not a list; set it instead of appending or subtracting"
                )
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// Something accepted that the operator should know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub place: Place,
    pub name: String,
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.place, self.name, self.text)
    }
}
