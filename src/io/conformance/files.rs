//! What every opener must do with files and names.
//!
//! Room:       `io`, tests only.
//! Called by:  `conformance!`.
//! Never:      knows which opener it stands before.

use super::*;

pub fn a_file_is_written_read_and_found<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("file").join("a");
    let missing = rig.failed(
        0,
        Op::Open {
            path: path.clone(),
            options: OpenOptions::default(),
        },
    );
    assert_eq!(missing, Errno::NO_ENTRY);
    let (file, length, alignment) = rig.open(path.clone(), write_options());
    assert_eq!((length, alignment), (0, 1));
    rig.write(
        file,
        0,
        vec![slice(b"hello "), Slice::empty(), slice(b"world")],
        false,
    );
    rig.write(file, 11, vec![slice(b"!")], true);
    rig.write(file, 0, vec![], true);
    rig.done(0, Op::Sync { file });
    assert_eq!(rig.read(file, 0, 100), b"hello world!");
    assert_eq!(rig.read(file, 6, 5), b"world");
    assert_eq!(rig.read(file, 12, 5), b"");
    assert_eq!(rig.read(file, 1000, 5), b"");
    rig.done(0, Op::Truncate { file, length: 5 });
    assert_eq!(rig.read(file, 0, 100), b"hello");
    rig.done(0, Op::CloseFile { file });
    assert_eq!(rig.failed(0, Op::Sync { file }), Errno::BAD_HANDLE);
    assert_eq!(rig.failed(0, Op::CloseFile { file }), Errno::BAD_HANDLE);
    let (file, length, _) = rig.open(path.clone(), OpenOptions::default());
    assert_eq!(length, 5);
    rig.done(0, Op::CloseFile { file });
    match rig.run(0, Op::Status { path: path.clone() }) {
        Outcome::Status(status) => {
            assert_eq!((status.length, status.is_directory), (5, false));
        }
        _ => panic!("it is there"),
    }
    let exclusive = OpenOptions {
        create_new: true,
        ..write_options()
    };
    let options = exclusive;
    assert_eq!(rig.failed(0, Op::Open { path, options }), Errno::EXISTS);
}

pub fn what_a_thread_writes_itself_is_read_by_all<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("inline").join("a");
    let inline = OpenOptions {
        inline: true,
        ..write_options()
    };
    let (file, _, _) = rig.open(path.clone(), inline);
    rig.write(file, 0, vec![slice(b"hello "), slice(b"world")], false);
    rig.write(file, 6, vec![slice(b"ottla")], false);
    rig.write(file, 11, vec![slice(b"!")], true);
    let (other, length, _) = rig.open(path, OpenOptions::default());
    assert_eq!(length, 12);
    assert_eq!(rig.read(other, 0, 100), b"hello ottla!");
    rig.done(0, Op::CloseFile { file });
    let from = vec![slice(b"late")];
    let late = Op::Write {
        file,
        at: 0,
        from,
        durable: false,
    };
    assert_eq!(rig.failed(0, late), Errno::BAD_HANDLE);
    assert_eq!(rig.read(other, 0, 5), b"hello");
}

pub fn long_chains_and_large_pieces_are_written_whole<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (file, _, _) = rig.open(F::directory("chain").join("a"), write_options());
    let bytes = pattern(700 * 100);
    let chain = bytes.chunks(100).map(slice).collect();
    rig.write(file, 10, chain, false);
    same(&rig.read(file, 10, bytes.len() + 5), &bytes);
    let large = pattern(3 << 20);
    rig.write(
        file,
        0,
        vec![slice(&large[..1 << 20]), slice(&large[1 << 20..])],
        true,
    );
    same(&rig.read(file, 0, large.len()), &large);
}

pub fn direct_files_keep_their_alignment<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("direct").join("a");
    let options = OpenOptions {
        direct: true,
        ..write_options()
    };
    let (file, _, alignment) = rig.open(path, options);
    assert!(alignment.is_power_of_two());
    assert!(alignment <= 4096);
    rig.done(
        0,
        Op::Allocate {
            file,
            at: 0,
            length: 1 << 20,
            mode: AllocateMode::Zeroed,
        },
    );
    same(&rig.read(file, 0, 1 << 20), &[0; 1 << 20]);
    let bytes = pattern(64 << 10);
    let mut buffer = Buffer::with_room(bytes.len());
    buffer.extend(&bytes);
    let chain: Vec<Slice> = {
        let whole = buffer.freeze();
        (0..16)
            .map(|n| whole.range(n * 4096, (n + 1) * 4096))
            .collect()
    };
    rig.write(file, 8192, chain, true);
    same(&rig.read(file, 8192, bytes.len()), &bytes);
    rig.done(0, Op::Sync { file });
    // The end of the file may lie between two blocks.
    rig.done(
        0,
        Op::Truncate {
            file,
            length: 10_000,
        },
    );
    assert_eq!(rig.read(file, 8192, 8192).len(), 10_000 - 8192);
}

pub fn space_is_taken_without_changing_the_length<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let directory = F::directory("space");
    let path = directory.join("a");
    let (file, _, _) = rig.open(path.clone(), write_options());
    rig.write(file, 0, vec![slice(b"x")], false);
    rig.done(
        0,
        Op::Allocate {
            file,
            at: 0,
            length: 1 << 20,
            mode: AllocateMode::KeepSize,
        },
    );
    match rig.run(0, Op::Status { path }) {
        Outcome::Status(status) => {
            assert_eq!(status.length, 1);
            assert!(status.allocated >= 1 << 20);
        }
        _ => panic!("it is there"),
    }
    rig.done(
        0,
        Op::Allocate {
            file,
            at: 0,
            length: 3 << 20,
            mode: AllocateMode::Zeroed,
        },
    );
    assert_eq!(rig.read(file, 0, 4 << 20).len(), 3 << 20);
    match rig.run(0, Op::Space { path: directory }) {
        Outcome::Space { total, available } => {
            assert!(total > 0);
            assert!(available <= total);
        }
        _ => panic!("the file system answers"),
    }
}

pub fn names_are_made_moved_listed_and_removed<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let root = F::directory("names");
    let inner = root.join("inner");
    rig.done(
        0,
        Op::CreateDirectory {
            path: inner.clone(),
        },
    );
    let again = rig.failed(
        0,
        Op::CreateDirectory {
            path: inner.clone(),
        },
    );
    assert_eq!(again, Errno::EXISTS);
    for name in ["b", "a", "c"] {
        let (file, _, _) = rig.open(inner.join(name), write_options());
        rig.write(file, 0, vec![slice(name.as_bytes())], false);
        rig.done(0, Op::CloseFile { file });
    }
    let from = inner.join("c");
    let to = inner.join("a");
    rig.done(
        0,
        Op::Rename {
            from: from.clone(),
            to: to.clone(),
        },
    );
    assert_eq!(
        rig.failed(
            0,
            Op::Rename {
                from: from.clone(),
                to: to.clone()
            }
        ),
        Errno::NO_ENTRY
    );
    rig.done(
        0,
        Op::SyncDirectory {
            path: inner.clone(),
        },
    );
    let (file, _, _) = rig.open(to.clone(), OpenOptions::default());
    assert_eq!(rig.read(file, 0, 10), b"c");
    let names = |outcome| match outcome {
        Outcome::Listed(entries) => entries
            .into_iter()
            .map(|entry: Entry| (entry.name, entry.is_directory))
            .collect::<Vec<_>>(),
        _ => panic!("a list completes with `Listed`"),
    };
    let mut list = |path: &std::path::Path, part| {
        let path = path.to_owned();
        names(rig.run(0, Op::ListDirectory { path, part }))
    };
    let (a, b) = (("a".to_owned(), false), ("b".to_owned(), false));
    assert_eq!(list(&inner, ""), vec![a, b.clone()]);
    assert_eq!(list(&inner, "b"), vec![b]);
    assert_eq!(list(&root, "nn"), vec![("inner".to_owned(), true)]);
    let busy = rig.failed(
        0,
        Op::RemoveDirectory {
            path: inner.clone(),
        },
    );
    assert_eq!(busy, Errno(libc::ENOTEMPTY));
    rig.done(0, Op::Unlink { path: to.clone() });
    assert_eq!(rig.failed(0, Op::Unlink { path: to }), Errno::NO_ENTRY);
    // An open file outlives its name.
    assert_eq!(rig.read(file, 0, 10), b"c");
    rig.done(
        0,
        Op::Unlink {
            path: inner.join("b"),
        },
    );
    rig.done(
        0,
        Op::RemoveDirectory {
            path: inner.clone(),
        },
    );
    assert_eq!(
        rig.failed(
            0,
            Op::ListDirectory {
                path: inner.clone(),
                part: "",
            }
        ),
        Errno::NO_ENTRY
    );
    assert_eq!(rig.failed(0, Op::Status { path: inner }), Errno::NO_ENTRY);
}

pub fn a_locked_file_is_locked_for_others<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let path = F::directory("lock").join("a");
    let (first, _, _) = rig.open(path.clone(), write_options());
    let (second, _, _) = rig.open(path, write_options());
    rig.done(0, Op::Lock { file: first });
    assert_eq!(rig.failed(0, Op::Lock { file: second }), Errno::WOULD_BLOCK);
    rig.done(0, Op::CloseFile { file: first });
    rig.done(0, Op::Lock { file: second });
}

pub fn many_operations_at_once_all_complete<F: Fixture>() {
    let mut rig = Rig::new::<F>(1);
    let (file, _, _) = rig.open(F::directory("many").join("a"), write_options());
    let writes: Vec<Token> = (0..3000u64)
        .map(|n| {
            let from = vec![slice(&n.to_be_bytes())];
            let at = n * 8;
            rig.submit(
                0,
                Op::Write {
                    file,
                    at,
                    from,
                    durable: false,
                },
            )
        })
        .collect();
    for token in writes {
        assert!(matches!(rig.next(0, token).outcome, Outcome::Done));
    }
    let bytes = rig.read(file, 0, 3000 * 8);
    for (n, word) in bytes.chunks(8).enumerate() {
        assert_eq!(word, (n as u64).to_be_bytes());
    }
}
