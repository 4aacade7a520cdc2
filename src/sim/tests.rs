//! The simulator checks itself: the same seed gives the same run, and its doors keep the contract.
//!
//! Room:       `sim`, tests only.

use super::*;
use crate::io::*;
use crate::runtime::Runtime;
