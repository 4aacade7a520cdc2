//! What a log dir's disk is like: its file system, its room, how long a durable write takes.
//!
//! Room:       `cli`, `ottla doctor`.
//! Called by:  `doctor`.
//! Calls:      `runtime`, through the ring, as a broker's journal would.
//! Never:      leaves its file behind, nor makes a folder.

use super::Finding;
use crate::io::{AllocateMode, Buffer, Errno, OpenOptions};
use crate::runtime::{File, Runtime};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ABOUT: &str = "log dir";
/// What is written and removed again.
const FILE: &str = ".ottla-doctor";
/// Of the file; writes go round in it.
const FILE_BYTES: u64 = 1 << 20;
const WRITES: usize = 300;
/// Above this somebody waits for acks=all longer than for the network.
const SLOW: Duration = Duration::from_millis(5);

/// Everything about one of `log.dirs`.
pub fn log_dir(runtime: &Runtime, dir: &Path) -> Vec<Finding> {
    let shown = dir.display();
    let Some(existing) = existing(dir) else {
        let text = format!("{shown}: a file is in the way; name another folder in log.dirs");
        return vec![Finding::fail(ABOUT, text)];
    };
    let mut findings = Vec::new();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if let Some(mount) = mount_of(&mounts, &existing) {
        findings.extend(judge_mount(&mount, dir));
    }
    let measured = {
        let runtime = runtime.clone();
        runtime
            .clone()
            .block_on(async move { measure(&runtime, &existing).await })
    };
    findings.push(match measured {
        Ok(measured) => judge_writes(dir, &measured),
        Err(Errno::NO_SPACE) => {
            let text = format!("{shown}: the disk is full; a broker needs 64 MiB to begin with");
            Finding::fail(ABOUT, text)
        }
        Err(errno) => {
            let remedy = "let the broker's user write there, or name another folder in log.dirs";
            Finding::fail(ABOUT, format_args!("{shown}: {errno}; {remedy}"))
        }
    });
    findings
}

/// The folder, or the one in which it would be made.
fn existing(dir: &Path) -> Option<PathBuf> {
    let dir = std::path::absolute(dir).ok()?;
    let mut there = dir.ancestors().filter(|at| at.exists());
    there.next().filter(|at| at.is_dir()).map(Path::to_owned)
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    kind: String,
    device: String,
    options: Vec<String>,
}

/// The mount in which `path` lies: that with the longest mount point, the last of these.
fn mount_of(mountinfo: &str, path: &Path) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(4);
        let (point, own) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, device, shared) = (right.next()?, right.next()?, right.next()?);
        let point = point.replace("\\040", " ");
        let options = own.split(',').chain(shared.split(',')).map(str::to_owned);
        let mount = Mount {
            kind: kind.to_owned(),
            device: device.rsplit('/').next()?.to_owned(),
            options: options.collect(),
        };
        path.starts_with(&point).then_some((point.len(), mount))
    });
    mounts
        .max_by_key(|(length, _)| *length)
        .map(|(_, mount)| mount)
}

fn judge_mount(mount: &Mount, dir: &Path) -> Option<Finding> {
    let Mount {
        kind,
        device,
        options,
    } = mount;
    let shown = dir.display();
    let has = |option: &str| options.iter().any(|it| it == option);
    match kind.as_str() {
        "tmpfs" | "ramfs" => Some(Finding::warn(
            ABOUT,
            format_args!(
                "{shown}: {kind} is memory; what is acknowledged is gone with the machine"
            ),
        )),
        "nfs" | "nfs4" | "cifs" | "9p" | "fuse" => Some(Finding::warn(
            ABOUT,
            format_args!(
                "{shown}: {kind} may lose what it has acknowledged; use a local disk (xfs, ext4)"
            ),
        )),
        "ext4" if !has("lazytime") && !Path::new(&format!("/proc/fs/jbd2/{device}-8")).exists() => {
            Some(Finding::warn(
                ABOUT,
                format_args!(
                    "{shown}: ext4 without a journal of its own writes a file's times with each \
                     durable write; mount -o remount,lazytime leaves them for later"
                ),
            ))
        }
        _ => None,
    }
}

/// What a durable write of one block took, from the shortest.
struct Measured {
    block: usize,
    direct: bool,
    free: u64,
    took: Vec<Duration>,
}

async fn measure(runtime: &Runtime, dir: &Path) -> Result<Measured, Errno> {
    let (_, free) = runtime.space(dir).await?;
    let path = dir.join(FILE);
    let options = OpenOptions {
        write: true,
        create: true,
        direct: true,
        ..OpenOptions::default()
    };
    let file = runtime.open(&path, options).await?;
    let block = 4096.max(file.alignment as usize);
    let direct = file.direct;
    let took = write(runtime, &file, block).await;
    drop(file);
    runtime.unlink(&path).await?;
    let mut took = took?;
    took.sort();
    Ok(Measured {
        block,
        direct,
        free,
        took,
    })
}

async fn write(runtime: &Runtime, file: &File, block: usize) -> Result<Vec<Duration>, Errno> {
    file.allocate(0, FILE_BYTES, AllocateMode::Zeroed).await?;
    file.sync().await?;
    let mut took = Vec::with_capacity(WRITES);
    for number in 0..WRITES {
        let mut buffer = Buffer::with_room(block);
        buffer.room_mut()[..block].fill(number as u8);
        buffer.advance(block);
        let at = (number * block) as u64 % FILE_BYTES;
        let from = runtime.now_exact();
        file.write(at, vec![buffer.freeze()], true).await?;
        took.push(runtime.now_exact().since(from));
    }
    Ok(took)
}

fn judge_writes(dir: &Path, measured: &Measured) -> Finding {
    let Measured {
        block,
        direct,
        free,
        took,
    } = measured;
    let part = |of_thousand: usize| took[(took.len() - 1) * of_thousand / 1000];
    let (p50, p99, most) = (part(500), part(990), part(1000));
    let text = format!(
        "{}: {} MiB free; a durable write of {block} bytes takes {} µs, {} at p99, {} at most",
        dir.display(),
        free >> 20,
        p50.as_micros(),
        p99.as_micros(),
        most.as_micros()
    );
    if !direct {
        let text = format!("{text}; this file system has no O_DIRECT, xfs and ext4 have");
        return Finding::warn(ABOUT, text);
    }
    match p99 > SLOW {
        false => Finding::ok(ABOUT, text),
        true => Finding::warn(
            ABOUT,
            format_args!("{text}; acks=all waits for that: use a disk that protects its cache"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const MOUNTS: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 0:5 / /data rw,noatime shared:3 - tmpfs tmp rw,size=4k
29 27 8:1 / /data\\040b rw,lazytime - xfs /dev/sda1 rw
";

    #[test]
    fn a_folder_lies_in_its_nearest_mount() {
        let kind = |path| mount_of(MOUNTS, Path::new(path)).map(|mount| mount.kind);
        assert_eq!(kind("/var/ottla").as_deref(), Some("ext4"));
        assert_eq!(kind("/data/a").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/data b/a").as_deref(), Some("xfs"));
        assert_eq!(kind("/database").as_deref(), Some("ext4"));
        assert_eq!(mount_of("nonsense\n", Path::new("/")), None);
        let mount = mount_of(MOUNTS, Path::new("/data b")).expect("it is there");
        assert_eq!(mount.device, "sda1");
        assert!(mount.options.contains(&"lazytime".to_owned()));
    }

    #[test]
    fn memory_is_no_disk() {
        let mount = mount_of(MOUNTS, Path::new("/data")).expect("it is there");
        let finding = judge_mount(&mount, Path::new("/data")).expect("a warning");
        assert_eq!(finding.state, State::Warn);
        let mount = mount_of(MOUNTS, Path::new("/data b")).expect("it is there");
        assert_eq!(judge_mount(&mount, Path::new("/data b")), None);
    }

    #[test]
    fn slow_writes_are_warned_of() {
        let judged = |millis, direct| {
            let took = vec![Duration::from_millis(millis); 300];
            let measured = Measured {
                block: 4096,
                direct,
                free: 1 << 30,
                took,
            };
            judge_writes(Path::new("/data"), &measured).state
        };
        assert_eq!(judged(1, true), State::Ok);
        assert_eq!(judged(20, true), State::Warn);
        assert_eq!(judged(1, false), State::Warn);
    }

    #[test]
    fn a_folder_that_would_be_made_lies_in_one_that_is() {
        assert_eq!(existing(Path::new("/no/such/folder")), Some("/".into()));
        assert_eq!(existing(Path::new("/proc/self")), Some("/proc/self".into()));
        assert_eq!(existing(Path::new("/proc/self/limits")), None);
        assert_eq!(existing(Path::new("/proc/self/limits/data")), None);
    }
}
