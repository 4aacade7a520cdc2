//! What this kernel's io_uring can do, and why it may refuse.
//!
//! Room:       `io::uring`.
//! Called by:  `ring` when it opens, `open_all` for the trial.
//! Never:      decides by version numbers; every feature is asked for and found or not.

use super::Settings;
use crate::io::op::Errno;
use io_uring::{IoUring, Probe, opcode};
use std::fmt;

/// What was found; a missing feature is replaced one by one, see the fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features {
    /// SINGLE_ISSUER | DEFER_TASKRUN: completions run when the owner enters. Else COOP_TASKRUN.
    pub defer_taskrun: bool,
    /// COOP_TASKRUN: no interrupt for a completion.
    pub coop_taskrun: bool,
    /// TASKRUN_FLAG: pending completions are seen without a system call.
    pub taskrun_flag: bool,
    /// ENTER_NO_IOWAIT: waiting is not counted as waiting for a disk.
    pub no_iowait: bool,
    /// Else one accept at a time.
    pub multishot_accept: bool,
    /// With a provided-buffer ring; else one receive at a time into an own buffer.
    pub multishot_receive: bool,
    /// Else a parked peer is woken by an eventfd.
    pub msg_ring: bool,
    /// Else ftruncate runs on a helper thread.
    pub truncate: bool,
    /// Else sends are plain.
    pub send_zero_copy: bool,
}

/// Opens a ring with the best flags this kernel takes.
pub fn open(settings: &Settings) -> Result<(IoUring, Features), OpenError> {
    let mut refusal = None;
    for level in 0..LEVELS {
        if settings.oldest_features && level + 1 < LEVELS {
            continue;
        }
        match build(settings, level) {
            Ok(ring) => {
                let features = features_of(&ring, level, settings.oldest_features)?;
                return Ok((ring, features));
            }
            // Unknown flags are EINVAL: the next level asks for less.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refusal = Some(error),
            Err(error) => return Err(OpenError::of(&error)),
        }
    }
    Err(
        refusal.map_or(OpenError::Missing("any known set-up"), |error| {
            OpenError::of(&error)
        }),
    )
}

/// A ring that is opened and closed again.
pub fn try_open(settings: &Settings) -> Result<(), OpenError> {
    let small = Settings {
        queue_depth: 8,
        ..settings.clone()
    };
    open(&small).map(|_| ())
}

/// Each asks for one feature less, the newest first: kernels got them in this order.
const LEVELS: usize = 6;

fn build(settings: &Settings, level: usize) -> std::io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.dontfork().setup_clamp();
    // Multishot operations answer many times per entry, hence the deep completion queue.
    builder.setup_cqsize(settings.queue_depth.saturating_mul(8));
    if level < 5 {
        // 5.18.
        builder.setup_submit_all();
    }
    if level < 4 {
        // 5.19.
        builder.setup_coop_taskrun().setup_taskrun_flag();
    }
    if level < 3 {
        // 6.0.
        builder.setup_single_issuer();
    }
    if level < 2 {
        // 6.1.
        builder.setup_defer_taskrun();
    }
    if level < 1 {
        // 6.6.
        builder.setup_no_sqarray();
    }
    builder.build(settings.queue_depth)
}

fn features_of(ring: &IoUring, level: usize, oldest: bool) -> Result<Features, OpenError> {
    let params = ring.params();
    if !params.is_feature_ext_arg() {
        return Err(OpenError::Missing("EXT_ARG (Linux 5.11)"));
    }
    if !params.is_feature_nodrop() {
        return Err(OpenError::Missing("NODROP (Linux 5.5)"));
    }
    if !params.is_feature_fast_poll() {
        return Err(OpenError::Missing("FAST_POLL (Linux 5.7)"));
    }
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|error| OpenError::of(&error))?;
    let needed = [
        (opcode::Read::CODE, "READ"),
        (opcode::Writev::CODE, "WRITEV"),
        (opcode::Fsync::CODE, "FSYNC"),
        (opcode::Fallocate::CODE, "FALLOCATE"),
        (opcode::SendMsg::CODE, "SENDMSG"),
        (opcode::Recv::CODE, "RECV"),
        (opcode::Accept::CODE, "ACCEPT"),
        (opcode::Connect::CODE, "CONNECT"),
        (opcode::AsyncCancel::CODE, "ASYNC_CANCEL"),
        (opcode::PollAdd::CODE, "POLL_ADD"),
    ];
    for (code, name) in needed {
        if !probe.is_supported(code) {
            return Err(OpenError::Missing(name));
        }
    }
    if oldest {
        return Ok(Features::default());
    }
    // Multishot variants share their opcode with the single ones. What came with them in the
    // same kernel is asked for instead: SOCKET with accept (5.19), SEND_ZC with receive (6.0).
    let since_5_19 = probe.is_supported(opcode::Socket::CODE);
    let since_6_0 = probe.is_supported(opcode::SendZc::CODE);
    Ok(Features {
        defer_taskrun: level < 2,
        coop_taskrun: level < 4,
        taskrun_flag: level < 4,
        no_iowait: params.is_feature_no_iowait(),
        multishot_accept: since_5_19,
        multishot_receive: since_6_0,
        msg_ring: since_5_19 && probe.is_supported(opcode::MsgRingData::CODE),
        truncate: probe.is_supported(opcode::Ftruncate::CODE),
        send_zero_copy: probe.is_supported(opcode::SendMsgZc::CODE),
    })
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.defer_taskrun, "defer-taskrun"),
            (self.coop_taskrun, "coop-taskrun"),
            (self.no_iowait, "no-iowait"),
            (self.multishot_accept, "multishot-accept"),
            (self.multishot_receive, "multishot-receive"),
            (self.msg_ring, "msg-ring"),
            (self.truncate, "ftruncate"),
            (self.send_zero_copy, "send-zero-copy"),
        ];
        for (index, (present, name)) in all.into_iter().enumerate() {
            let sign = if present { "+" } else { "-" };
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{sign}{name}")?;
        }
        Ok(())
    }
}

/// Why there is no ring; the text says what to do about it, in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// `kernel.io_uring_disabled` has this value.
    Disabled(u32),
    /// EPERM or EACCES though the sysctl allows it: a seccomp filter.
    Forbidden,
    /// ENOMEM: locked memory (RLIMIT_MEMLOCK, in bytes) or a control group's limit.
    Memory {
        locked_max: u64,
    },
    /// EMFILE or ENFILE.
    TooManyFiles,
    /// ENOSYS: not compiled in, or a kernel before 5.1.
    Absent,
    /// This feature, without which we do not run.
    Missing(&'static str),
    Other(Errno),
}

impl OpenError {
    /// Reads the cause behind an error of `io_uring_setup` or `io_uring_register`.
    pub fn of(error: &std::io::Error) -> OpenError {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        let sysctl = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
        let disabled = sysctl.ok().and_then(|text| text.trim().parse().ok());
        OpenError::judge(
            errno,
            disabled.unwrap_or(0),
            super::socket::locked_memory_max(),
        )
    }

    fn judge(errno: i32, disabled: u32, locked_max: u64) -> OpenError {
        match errno {
            libc::EPERM | libc::EACCES if disabled > 0 => OpenError::Disabled(disabled),
            libc::EPERM | libc::EACCES => OpenError::Forbidden,
            libc::ENOMEM => OpenError::Memory { locked_max },
            libc::EMFILE | libc::ENFILE => OpenError::TooManyFiles,
            libc::ENOSYS => OpenError::Absent,
            other => OpenError::Other(Errno(other)),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Disabled(value) => write!(
                f,
                "io_uring is disabled by kernel.io_uring_disabled={value}; as root run: sysctl -w \
                 kernel.io_uring_disabled=0"
            ),
            OpenError::Forbidden => write!(
                f,
                "io_uring is forbidden here (EPERM), as containers' default seccomp profiles do; \
                 allow io_uring_setup, io_uring_enter and io_uring_register (docker run \
                 --security-opt seccomp=unconfined)"
            ),
            OpenError::Memory { locked_max } => write!(
                f,
                "no memory for io_uring (ENOMEM) with {locked_max} bytes of lockable memory; raise \
                 it (ulimit -l unlimited, LimitMEMLOCK=infinity) or the container's memory limit"
            ),
            OpenError::TooManyFiles => write!(
                f,
                "too many open files for another io_uring; raise the limit (ulimit -n, LimitNOFILE)"
            ),
            OpenError::Absent => write!(
                f,
                "this kernel has no io_uring (ENOSYS); Linux 5.13 or newer is needed, 6.1 or newer \
                 is better, built with CONFIG_IO_URING"
            ),
            OpenError::Missing(what) => write!(
                f,
                "this kernel's io_uring lacks {what}; Linux 5.13 or newer is needed, 6.1 or newer \
                 is better"
            ),
            OpenError::Other(errno) => {
                write!(f, "io_uring could not be opened: {errno} ({})", errno.0)
            }
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_cause_and_its_remedy() {
        let disabled = OpenError::judge(libc::EPERM, 2, 0);
        assert_eq!(disabled, OpenError::Disabled(2));
        assert!(disabled.to_string().contains("kernel.io_uring_disabled=2"));
        let forbidden = OpenError::judge(libc::EPERM, 0, 0);
        assert!(forbidden.to_string().contains("seccomp"));
        let memory = OpenError::judge(libc::ENOMEM, 0, 65536);
        assert!(memory.to_string().contains("65536"));
        assert_eq!(OpenError::judge(libc::ENOSYS, 0, 0), OpenError::Absent);
        for error in [disabled, forbidden, memory, OpenError::Absent] {
            assert!(!error.to_string().contains('\n'));
        }
    }
}
