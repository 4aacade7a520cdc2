//! One table of properties: Kafka's names, types, bounds, defaults.
//!
//! Room:       `config`, configuration.
//! Called by:  everyone.
//! Calls:      nothing.
//! Never:      hands out strings: text becomes types here, once.

#![forbid(unsafe_code)]
