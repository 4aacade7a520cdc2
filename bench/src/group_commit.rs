//! Question:  what does it cost to make a group of records survive power loss?
//! Budget:    4 KiB into zeroed extents with RWF_DSYNC: the device's own flush plus <= 20 us.
//!            1 MiB in one write: >= 2 GB/s on the same device.
//! Workload:  O_DIRECT writes one after the other (or 16 at once) into a 64 MiB file, round and
//!            round; the file zeroed before, reserved but unwritten, or growing.
//! Prints:    latency percentiles per way; ours, a plain thread's, and (feature `peers`) glommio's.

use crate::Size;
use crate::measure::{Latencies, now};
use ottla::io::uring::{Ring, Settings, open_all};
use ottla::io::{
    AllocateMode, Buffer, Completion, FileId, Io, Op, OpenOptions, Outcome, Slice, Token,
};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How the file was prepared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Zeroed,
    Unwritten,
    Growing,
}

/// How a write becomes durable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durable {
    WithTheWrite,
    ByASync,
    NotAtAll,
}

const FILE_BYTES: u64 = 64 << 20;

pub fn run(size: &Size) {
    use Durable::{ByASync, NotAtAll, WithTheWrite};
    use Space::{Growing, Unwritten, Zeroed};
    let ways = [
        ("zeroed, RWF_DSYNC", Zeroed, WithTheWrite, 4 << 10, 1),
        ("zeroed, fdatasync", Zeroed, ByASync, 4 << 10, 1),
        ("unwritten, RWF_DSYNC", Unwritten, WithTheWrite, 4 << 10, 1),
        ("growing, RWF_DSYNC", Growing, WithTheWrite, 4 << 10, 1),
        ("zeroed, not durable", Zeroed, NotAtAll, 4 << 10, 1),
        ("zeroed, RWF_DSYNC", Zeroed, WithTheWrite, 4 << 10, 16),
        ("zeroed, RWF_DSYNC", Zeroed, WithTheWrite, 64 << 10, 1),
        ("zeroed, RWF_DSYNC", Zeroed, WithTheWrite, 64 << 10, 16),
        ("zeroed, RWF_DSYNC", Zeroed, WithTheWrite, 1 << 20, 1),
    ];
    let path = size
        .folder
        .join(format!("ottla-bench-{}", std::process::id()));
    let mut door = Door::open();
    for (name, space, durable, bytes, at_once) in ways {
        let latencies = door.measure(&path, size, space, durable, bytes, at_once);
        report(&format!("ours: {name}"), bytes, at_once, latencies);
    }
    report(
        "thread: growing, fdatasync",
        4 << 10,
        1,
        thread(&path, size),
    );
    #[cfg(feature = "peers")]
    for at_once in [1, 16] {
        let latencies = glommio_writes(&path, size, at_once);
        report("glommio: zeroed, fdatasync", 4 << 10, at_once, latencies);
    }
    let _ = std::fs::remove_file(&path);
}

fn report(name: &str, bytes: usize, at_once: usize, mut latencies: Latencies) {
    let kib = bytes >> 10;
    println!(
        "commit   {name:<28} {kib:>4} KiB x {at_once:<2}  {}",
        latencies.line()
    );
}

struct Door {
    ring: Ring,
    done: Vec<Completion>,
}

impl Door {
    fn open() -> Door {
        let seed = open_all(1, Settings::default())
            .expect("io_uring is there")
            .remove(0);
        Door {
            ring: seed.open().expect("io_uring is there"),
            done: Vec::new(),
        }
    }

    /// Submits and waits for the answer.
    fn run(&mut self, op: Op) -> Outcome {
        self.ring.submit(Token(1), op);
        loop {
            self.ring.turn(None, &mut self.done);
            if let Some(completion) = self.done.pop() {
                return completion.outcome;
            }
        }
    }

    fn done(&mut self, op: Op) {
        match self.run(op) {
            Outcome::Done => {}
            Outcome::Failed(errno) => panic!("the disk refuses: {errno}"),
            _ => panic!("an operation that is done completes with `Done`"),
        }
    }

    fn file(&mut self, path: &Path, space: Space) -> FileId {
        let _ = std::fs::remove_file(path);
        let options = OpenOptions {
            write: true,
            create: true,
            direct: true,
            ..OpenOptions::default()
        };
        let path = path.to_owned();
        let Outcome::Opened { file, .. } = self.run(Op::Open { path, options }) else {
            panic!("the folder is writable");
        };
        let mode = match space {
            Space::Growing => return file,
            Space::Unwritten => AllocateMode::KeepSize,
            Space::Zeroed => AllocateMode::Zeroed,
        };
        self.done(Op::Allocate {
            file,
            at: 0,
            length: FILE_BYTES,
            mode,
        });
        self.done(Op::Sync { file });
        file
    }

    /// Rounds of `at_once` writes; a round's latency is that of its last write.
    fn measure(
        &mut self,
        path: &Path,
        size: &Size,
        space: Space,
        durable: Durable,
        bytes: usize,
        at_once: usize,
    ) -> Latencies {
        let file = self.file(path, space);
        let piece = piece(bytes);
        let mut latencies = Latencies::default();
        let mut at = 0;
        let end = now() + size.span;
        while now() < end || latencies.len() == 0 {
            let start = now();
            for number in 0..at_once {
                let from = vec![piece.clone()];
                let durable = durable == Durable::WithTheWrite;
                let write = Op::Write {
                    file,
                    at,
                    from,
                    durable,
                };
                self.ring.submit(Token(number as u64), write);
                at += bytes as u64;
            }
            while self.done.len() < at_once {
                self.ring.turn(None, &mut self.done);
            }
            for completion in self.done.drain(..) {
                assert!(
                    matches!(completion.outcome, Outcome::Done),
                    "the disk writes"
                );
            }
            if durable == Durable::ByASync {
                self.done(Op::Sync { file });
            }
            latencies.add(start.elapsed());
            // Written space is used again only where that is the question.
            if at + (bytes * at_once) as u64 > FILE_BYTES {
                if space != Space::Zeroed {
                    break;
                }
                at = 0;
            }
        }
        self.done(Op::CloseFile { file });
        latencies
    }
}

fn piece(bytes: usize) -> Slice {
    let mut buffer = Buffer::with_room(bytes);
    buffer.room_mut()[..bytes].fill(0x5a);
    buffer.advance(bytes);
    buffer.freeze()
}

/// What a plain thread does: write into the page cache, then fdatasync.
fn thread(path: &PathBuf, size: &Size) -> Latencies {
    let _ = std::fs::remove_file(path);
    let file = std::fs::File::create(path).expect("the folder is writable");
    let bytes = vec![0x5a; 4 << 10];
    let mut latencies = Latencies::default();
    let end = now() + size.span;
    let mut at = 0;
    while (now() < end || latencies.len() == 0) && at < FILE_BYTES {
        let start = now();
        file.write_all_at(&bytes, at).expect("the disk writes");
        file.sync_data().expect("the disk syncs");
        latencies.add(start.elapsed());
        at += bytes.len() as u64;
    }
    latencies
}

#[cfg(feature = "peers")]
fn glommio_writes(path: &Path, size: &Size, at_once: usize) -> Latencies {
    let path = path.to_owned();
    let span = size.span;
    // A file that is zeroed already, so that both write into the same kind of space.
    Door::open().file(&path, Space::Zeroed);
    let executor = glommio::LocalExecutorBuilder::default()
        .make()
        .expect("an executor");
    executor.run(async move {
        let file = glommio::io::OpenOptions::new()
            .read(true)
            .write(true)
            .dma_open(&path)
            .await
            .expect("it is there");
        let file = std::rc::Rc::new(file);
        let mut latencies = Latencies::default();
        let mut at = 0u64;
        let end = now() + span;
        while now() < end || latencies.len() == 0 {
            let start = now();
            let writes: Vec<_> = (0..at_once as u64)
                .map(|number| {
                    let file = file.clone();
                    let at = at + number * (4 << 10);
                    glommio::spawn_local(async move {
                        let mut buffer = file.alloc_dma_buffer(4 << 10);
                        buffer.as_bytes_mut().fill(0x5a);
                        file.write_at(buffer, at).await.expect("the disk writes");
                        file.fdatasync().await.expect("the disk syncs");
                    })
                })
                .collect();
            for write in writes {
                write.await;
            }
            latencies.add(start.elapsed());
            at += at_once as u64 * (4 << 10);
            if at + at_once as u64 * (4 << 10) > FILE_BYTES {
                at = 0;
            }
        }
        let _ = file.close_rc().await;
        latencies
    })
}
