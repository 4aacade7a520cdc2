//! The superblock of a journal.
//!
//! Room:       `journal`.
