//! The executor of one thread.
