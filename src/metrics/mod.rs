//! Per-core counters and histograms, merged only when read.
//!
//! Room:       `metrics`, what is counted.
//! Called by:  everyone.
//! Calls:      nothing.
//! Never:      locks on the hot path.

#![forbid(unsafe_code)]

mod otlp;
mod request;
pub mod subscription;
mod telemetry;

pub use request::RequestMetrics;
pub use subscription::{ClientAttributes, Subscription};
pub use telemetry::ClientTelemetry;
