//! The one integration-test binary: one module per subject.

mod metadata_log;
mod tidy;
