//! The ring files of a journal.
//!
//! Room:       `journal`.
