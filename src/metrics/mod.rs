//! Per-core counters and histograms, merged only when read.
//!
//! Room:       `metrics`, what is counted.
//! Called by:  everyone.
//! Calls:      nothing.
//! Never:      locks on the hot path.

#![forbid(unsafe_code)]

pub mod exposition;
mod otlp;
mod request;
mod sample;
pub mod subscription;
mod telemetry;

pub use request::RequestMetrics;
pub use sample::{ClientSample, Pushed, Sample, SeriesName};
pub use subscription::{ClientAttributes, Subscription};
pub use telemetry::{ClientTelemetry, Pusher};
