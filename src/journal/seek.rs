//! Where in a ring file the groups begin that a replay needs.
//!
//! Room:       `journal`.
//! Called by:  `replay`, for each file it scans.
//! Calls:      `reader`, `group` for headers.
//! Never:      steps over a group that is needed: it goes on only to where a whole header stands
//!             that comes before all of them.
//!
//! Groups of a lap lie in a file in the order of their sequence; behind the last of them are those
//! of earlier laps, all of which come before the first one of this lap. So halves of the file can
//! be left out, down to a part that is quick to read; a look that finds no whole header counts as
//! behind `start`.

use super::group::{HEADER, Header, Incarnation};
use super::reader::{CHUNK, Reader};
use crate::ids::GroupSequence;
use crate::io::Errno;

/// One part in so many of a file is read through: another look would cost as much.
const READ_WHOLE: u64 = 32;

pub(super) struct Sought {
    /// Incarnation and salt of the groups that count.
    pub life: (Incarnation, u64),
    /// The group the file begins with.
    pub first: GroupSequence,
    /// The first group that is needed.
    pub start: GroupSequence,
    pub block: usize,
}

impl Sought {
    /// Where a group stands that comes before `start`, or 0: every group of this lap from `start`
    /// on stands behind it.
    pub async fn position(&self, reader: &mut Reader) -> Result<u64, Errno> {
        if self.first >= self.start {
            return Ok(0);
        }
        let (mut early, mut late) = (0, reader.length());
        while late.saturating_sub(early) > reader.length() / READ_WHOLE {
            let middle = (early + (late - early) / 2).next_multiple_of(self.block as u64);
            match header_near(reader, middle, self.life, self.block).await? {
                Some((at, header)) if (self.first..self.start).contains(&header.sequence) => {
                    early = at;
                }
                // Nothing is left out by this; a middle that is the end again would never end.
                _ if middle >= late => break,
                _ => late = middle,
            }
        }
        Ok(early)
    }
}

/// The first whole header of an incarnation in the chunk behind `from`, and its position.
pub(super) async fn header_near(
    reader: &mut Reader,
    from: u64,
    (incarnation, salt): (Incarnation, u64),
    block: usize,
) -> Result<Option<(u64, Header)>, Errno> {
    for at in (from..from + CHUNK as u64).step_by(block) {
        let Some(bytes) = reader.bytes(at, HEADER).await? else {
            break;
        };
        if let Some(header) = Header::decode(&bytes, incarnation, salt) {
            return Ok(Some((at, header)));
        }
    }
    Ok(None)
}
