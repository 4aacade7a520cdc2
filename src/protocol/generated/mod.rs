//! The generated part of the crate.
//!
//! Room:   `protocol`.
//! Source: `schema/`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod api;
pub mod api_key;
pub mod records;
