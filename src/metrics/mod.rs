//! Per-core counters and histograms, merged only when read.
//!
//! Room:       `metrics`, what is counted.
//! Called by:  everyone.
//! Calls:      nothing.
//! Never:      locks on the hot path.

#![forbid(unsafe_code)]

mod request;

pub use request::RequestMetrics;
