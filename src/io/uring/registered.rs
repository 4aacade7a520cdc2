//! The table of open files and sockets, registered with the ring where there is room.
//!
//! Room:       `io::uring`.
//! Called by:  `ring`, `complete`.
//! Never:      closes a descriptor that an operation in flight uses.
//!
//! An id is a place in the table and a generation, so that an id kept too long is EBADF instead
//! of somebody else's file:
//!
//!   31        20 19                    0
//!   ├ generation ┼──────── place ───────┤
//!
//! The place is also the place in the ring's registered table: operations on a registered file
//! save the kernel the count of users on each submission.

use crate::io::op::{Address, Errno, Token};
use io_uring::{IoUring, squeue, types};
use smallvec::SmallVec;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

/// What an open descriptor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Listener {
        /// The socket file to remove when it is closed.
        unix: Option<PathBuf>,
    },
    Stream {
        unix: bool,
    },
    File {
        alignment: u32,
        /// See `OpenOptions::inline`.
        inline: bool,
    },
}

impl Kind {
    pub fn listener(address: &Address) -> Kind {
        let unix = match address {
            Address::Unix(path) => Some(path.clone()),
            Address::Tcp(_) => None,
        };
        Kind::Listener { unix }
    }
}

/// An open descriptor and who uses it.
pub struct Handle {
    pub fd: Arc<OwnedFd>,
    pub kind: Kind,
    /// Slots of the operations in flight on it.
    pub users: SmallVec<[u32; 4]>,
    /// The token of the close that waits for them.
    pub closing: Option<Token>,
    /// The way to the peer copies what is sent without copying: that only costs.
    pub copies: bool,
    registered: bool,
}

/// How an entry names its descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub place: u32,
    number: i32,
    registered: bool,
}

impl Target {
    /// For operations that have no descriptor in the table.
    pub const NONE: Target = Target {
        place: u32::MAX,
        number: -1,
        registered: false,
    };

    /// A descriptor beside the table.
    pub fn raw(fd: i32) -> Target {
        Target {
            number: fd,
            ..Target::NONE
        }
    }

    pub fn fd(&self) -> types::Fd {
        types::Fd(self.number)
    }

    pub fn flags(&self) -> squeue::Flags {
        if self.registered {
            squeue::Flags::FIXED_FILE
        } else {
            squeue::Flags::empty()
        }
    }
}

#[derive(Default)]
pub struct Handles {
    places: Vec<Place>,
    free: Vec<u32>,
    registered_max: u32,
}

#[derive(Default)]
struct Place {
    generation: u32,
    handle: Option<Handle>,
}

impl Handles {
    /// Registers an empty table; a kernel or a limit that refuses it gets a smaller one or none.
    pub fn new(ring: &IoUring, registered_max: u32) -> Handles {
        let mut size = registered_max.min(PLACES_MAX);
        while size > 0 && ring.submitter().register_files_sparse(size).is_err() {
            size /= 4;
        }
        Handles {
            registered_max: size,
            ..Handles::default()
        }
    }

    pub fn registered_max(&self) -> u32 {
        self.registered_max
    }

    /// Takes a descriptor in and names it.
    pub fn insert(&mut self, ring: &IoUring, fd: Arc<OwnedFd>, kind: Kind) -> Result<u32, Errno> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = self.places.len() as u32;
                if place >= PLACES_MAX {
                    return Err(Errno::TOO_MANY_FILES);
                }
                self.places.push(Place::default());
                place
            }
        };
        let registered = place < self.registered_max
            && ring
                .submitter()
                .register_files_update(place, &[fd.as_raw_fd()])
                .is_ok();
        let entry = &mut self.places[place as usize];
        entry.handle = Some(Handle {
            fd,
            kind,
            users: SmallVec::new(),
            closing: None,
            copies: false,
            registered,
        });
        Ok(entry.generation << PLACE_BITS | place)
    }

    /// The place of an id that is open and not being closed.
    pub fn find(&self, id: u32) -> Result<u32, Errno> {
        let place = id & (PLACES_MAX - 1);
        let entry = self.places.get(place as usize).ok_or(Errno::BAD_HANDLE)?;
        let open = entry
            .handle
            .as_ref()
            .is_some_and(|handle| handle.closing.is_none());
        if open && entry.generation == id >> PLACE_BITS {
            Ok(place)
        } else {
            Err(Errno::BAD_HANDLE)
        }
    }

    pub fn at(&mut self, place: u32) -> Option<&mut Handle> {
        self.places.get_mut(place as usize)?.handle.as_mut()
    }

    /// Finds `id`, counts `slot` as its user, and says how an entry names it.
    pub fn use_by(&mut self, id: u32, slot: u32) -> Result<Target, Errno> {
        let place = self.find(id)?;
        let handle = self.at(place).ok_or(Errno::BAD_HANDLE)?;
        handle.users.push(slot);
        let number = if handle.registered {
            place as i32
        } else {
            handle.fd.as_raw_fd()
        };
        Ok(Target {
            place,
            number,
            registered: handle.registered,
        })
    }

    /// `slot` is done with it. Answers whether a close has waited for this, and may go on.
    pub fn release(&mut self, place: u32, slot: u32) -> bool {
        let Some(handle) = self.at(place) else {
            return false;
        };
        if let Some(at) = handle.users.iter().position(|user| *user == slot) {
            handle.users.swap_remove(at);
        }
        handle.users.is_empty() && handle.closing.is_some()
    }

    /// Closes all connected sockets with a reset, so that nothing they hold is sent any more.
    pub fn reset_sockets(&mut self, ring: &IoUring) {
        for place in 0..self.places.len() as u32 {
            let connected = |handle: &Handle| matches!(handle.kind, Kind::Stream { .. });
            if self
                .at(place)
                .is_some_and(|handle| connected(handle) && handle.users.is_empty())
                && let Some(handle) = self.remove(ring, place)
            {
                super::socket::reset_on_close(&handle.fd);
            }
        }
    }

    /// Takes a descriptor out of the table; the ring has then forgotten it too.
    pub fn remove(&mut self, ring: &IoUring, place: u32) -> Option<Handle> {
        let entry = self.places.get_mut(place as usize)?;
        let handle = entry.handle.take()?;
        assert!(
            handle.users.is_empty(),
            "a descriptor in use stays in the table"
        );
        entry.generation = (entry.generation + 1) % GENERATIONS;
        if handle.registered {
            // Fails only for a place outside of the table, which `registered` excludes.
            let _ = ring.submitter().register_files_update(place, &[-1]);
        }
        self.free.push(place);
        Some(handle)
    }
}

const PLACE_BITS: u32 = 20;
const PLACES_MAX: u32 = 1 << PLACE_BITS;
const GENERATIONS: u32 = 1 << (32 - PLACE_BITS);

#[cfg(test)]
mod tests {
    use super::*;

    fn any_fd() -> Arc<OwnedFd> {
        Arc::new(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()))
    }

    #[test]
    fn an_id_kept_too_long_is_refused() {
        let ring = IoUring::new(8).unwrap();
        let mut handles = Handles::new(&ring, 4);
        let kind = Kind::File {
            alignment: 1,
            inline: false,
        };
        let first = handles.insert(&ring, any_fd(), kind.clone()).unwrap();
        let place = handles.find(first).unwrap();
        assert!(handles.remove(&ring, place).is_some());
        assert_eq!(handles.find(first), Err(Errno::BAD_HANDLE));
        let second = handles.insert(&ring, any_fd(), kind).unwrap();
        assert_eq!(handles.find(second), Ok(place));
        assert_eq!(handles.find(first), Err(Errno::BAD_HANDLE));
    }

    #[test]
    fn more_files_than_the_ring_knows_are_used_by_number() {
        let ring = IoUring::new(8).unwrap();
        let mut handles = Handles::new(&ring, 1);
        let kind = Kind::File {
            alignment: 1,
            inline: false,
        };
        let first = handles.insert(&ring, any_fd(), kind.clone()).unwrap();
        let second = handles.insert(&ring, any_fd(), kind).unwrap();
        assert!(handles.use_by(first, 0).unwrap().registered);
        assert!(!handles.use_by(second, 1).unwrap().registered);
    }

    #[test]
    fn a_close_waits_for_the_last_user() {
        let ring = IoUring::new(8).unwrap();
        let mut handles = Handles::new(&ring, 4);
        let id = handles
            .insert(&ring, any_fd(), Kind::Stream { unix: false })
            .unwrap();
        let target = handles.use_by(id, 7).unwrap();
        handles.use_by(id, 8).unwrap();
        handles.at(target.place).unwrap().closing = Some(Token(1));
        assert_eq!(handles.use_by(id, 9).unwrap_err(), Errno::BAD_HANDLE);
        assert!(!handles.release(target.place, 7));
        assert!(handles.release(target.place, 8));
    }
}
