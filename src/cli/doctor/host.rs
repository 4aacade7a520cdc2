//! What the machine gives: cores, memory, limits, ports, features of the ring.
//!
//! Room:       `cli`, `ottla doctor`.
//! Called by:  `doctor`.
//! Calls:      files under `/proc` and `/sys`; binds a listener's address for a moment.
//! Never:      asks for more rights than a broker has.

use super::Finding;
use crate::cli::server;
use crate::config::{Address, BrokerConfig, Listener};
use crate::runtime::thread;
use std::fs;
use std::net::TcpListener;

pub fn cores(config: &BrokerConfig) -> Finding {
    let cores = thread::cores().len();
    let shards = config.shards.map_or(cores, |shards| shards as usize);
    match shards > cores {
        false => Finding::ok("cores", format_args!("{cores}, for {shards} shards")),
        true => Finding::warn(
            "cores",
            format_args!(
                "{cores} for {shards} shards, which take turns; set ottla.shards to {cores} at most"
            ),
        ),
    }
}

/// What the broker plans with, of what there is.
pub fn memory(config: &BrokerConfig) -> Finding {
    let planned = config.memory_bytes >> 20;
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let limits = limits
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    let limit = limits
        .filter_map(|text| text.trim().parse::<u64>().ok())
        .min();
    let free = available(&fs::read_to_string("/proc/meminfo").unwrap_or_default());
    let Some(there) = [limit, free].into_iter().flatten().min() else {
        return Finding::warn("memory", "/proc/meminfo does not say how much there is");
    };
    judge_memory(planned, there >> 20)
}

fn judge_memory(planned_mib: u64, there_mib: u64) -> Finding {
    let text = format!("{planned_mib} MiB planned of {there_mib} MiB that are free");
    match planned_mib <= there_mib / 2 {
        true => Finding::ok("memory", text),
        // The rest is the page cache of what else runs here.
        false => Finding::warn(
            "memory",
            format_args!("{text}; set ottla.memory.bytes to half of it at most"),
        ),
    }
}

/// Bytes that `/proc/meminfo` calls available.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

pub fn limits() -> Vec<Finding> {
    let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    vec![
        judge_files(hard_limit(&text, "Max open files")),
        judge_locked(soft_limit(&text, "Max locked memory")),
    ]
}

/// A connection is a descriptor, and so is each segment that is written to.
fn judge_files(most: Option<u64>) -> Finding {
    const ENOUGH: u64 = 16 << 10;
    match most {
        Some(most) if most < ENOUGH => Finding::warn(
            "open files",
            format_args!(
                "at most {most}, one for each connection and each partition that is written to; \
                 raise the hard limit (ulimit -Hn, LimitNOFILE) to {ENOUGH} or more"
            ),
        ),
        Some(most) => Finding::ok("open files", format_args!("at most {most}")),
        None => Finding::ok("open files", "without a limit"),
    }
}

/// Rings and their buffers count where the user is not root, on kernels before 5.12.
fn judge_locked(most: Option<u64>) -> Finding {
    const ENOUGH: u64 = 8 << 20;
    match most {
        Some(most) if most < ENOUGH => Finding::warn(
            "locked",
            format_args!(
                "{} KiB of memory may be locked; older kernels count rings against it (ulimit -l, \
                 LimitMEMLOCK): set {} KiB or more if io_uring finds no memory",
                most >> 10,
                ENOUGH >> 10
            ),
        ),
        Some(most) => Finding::ok(
            "locked",
            format_args!("{} KiB of memory at most", most >> 10),
        ),
        None => Finding::ok("locked", "memory without a limit"),
    }
}

/// The columns behind a limit's name; `None` for `unlimited`.
fn limit(text: &str, name: &str, column: usize) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().nth(column)?.parse().ok()
}

fn soft_limit(text: &str, name: &str) -> Option<u64> {
    limit(text, name, 0)
}

/// The broker raises the soft limit to this.
fn hard_limit(text: &str, name: &str) -> Option<u64> {
    limit(text, name, 1)
}

/// Whether a broker could listen there now.
pub fn listener(listener: &Listener) -> Finding {
    const ABOUT: &str = "listener";
    let Address::Tcp { port, .. } = &listener.address else {
        return Finding::ok(ABOUT, listener);
    };
    let bound = server::look_up("listeners", listener, &listener.address);
    let address = match bound {
        Ok(crate::io::Address::Tcp(address)) => address,
        Ok(_) => return Finding::ok(ABOUT, listener),
        Err(refusal) => return Finding::fail(ABOUT, refusal),
    };
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(ABOUT, format_args!("{listener} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::warn(
            ABOUT,
            format_args!(
                "{listener} is taken; unless that is the broker itself, stop who listens there \
                 (ss -ltnp sport = :{port}) or choose another port"
            ),
        ),
        Err(error) => Finding::fail(
            ABOUT,
            format_args!("{listener}: {error}; name an address of this machine that is allowed"),
        ),
    }
}

/// `described` tells each feature of the ring with a sign before it.
pub fn ring(described: &str) -> Finding {
    let missing: Vec<&str> = described
        .split(['(', ' ', ';', ')'])
        .filter_map(|word| word.strip_prefix('-'))
        .collect();
    match missing.is_empty() {
        true => Finding::ok("io_uring", described),
        false => Finding::warn(
            "io_uring",
            format_args!(
                "{described}; Linux 6.15 or newer has {} too, until then there is something slower",
                missing.join(", ")
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max open files            1024                 4096                 files     
Max locked memory         8388608              unlimited            bytes     
";

    #[test]
    fn limits_are_read_by_their_columns() {
        assert_eq!(soft_limit(LIMITS, "Max open files"), Some(1024));
        assert_eq!(hard_limit(LIMITS, "Max open files"), Some(4096));
        assert_eq!(hard_limit(LIMITS, "Max locked memory"), None);
        assert_eq!(hard_limit("", "Max open files"), None);
    }

    #[test]
    fn what_is_scarce_is_told_with_its_remedy() {
        let files = judge_files(Some(4096));
        assert_eq!(files.state, State::Warn);
        assert!(files.text.contains("4096") && files.text.contains("LimitNOFILE"));
        assert_eq!(judge_files(Some(20_000)).state, State::Ok);
        assert_eq!(judge_files(None).state, State::Ok);
        assert_eq!(judge_locked(Some(64 << 10)).state, State::Warn);
        assert_eq!(judge_locked(None).state, State::Ok);
        let memory = judge_memory(256, 300);
        assert_eq!(memory.state, State::Warn);
        assert!(memory.text.contains("ottla.memory.bytes"));
        assert_eq!(judge_memory(256, 512).state, State::Ok);
    }

    #[test]
    fn available_memory_is_read() {
        let text = "MemTotal:  24684084 kB\nMemFree:  1 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(available(text), Some(2 << 20));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
        assert_eq!(available("MemAvailable: much\n"), None);
    }

    #[test]
    fn missing_features_are_named() {
        let old = ring("io_uring (+defer-taskrun -no-iowait -send-zero-copy; registered files 1)");
        assert_eq!(old.state, State::Warn);
        assert!(
            old.text.contains("no-iowait, send-zero-copy too"),
            "{}",
            old.text
        );
        assert_eq!(ring("io_uring (+defer-taskrun)").state, State::Ok);
    }
}
