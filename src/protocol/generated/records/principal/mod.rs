//! Record schemas: `principal`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/principal.txt`, by `protocol/generator`.
//! Never:  edited by hand.

pub mod default_principal_data;

pub use default_principal_data::DefaultPrincipalData;
