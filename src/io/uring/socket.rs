//! Making sockets, and translating addresses between our words and the kernel's.
//!
//! Room:       `io::uring`.
//! Called by:  `ring` (listen, connect), `complete` (accepted sockets).
//! Never:      blocks, except for a bind to a path; never sets O_NONBLOCK: the ring would answer
//!             EAGAIN instead of waiting.

use crate::io::op::{Address, Errno, ShutdownHow};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// An address as the kernel reads it; boxed by whoever hands it to an operation.
pub enum SocketAddress {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
    Unix(libc::sockaddr_un),
}

impl SocketAddress {
    pub fn of(address: &Address) -> Result<SocketAddress, Errno> {
        match address {
            Address::Tcp(SocketAddr::V4(v4)) => Ok(SocketAddress::V4(libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(v4.ip().octets()),
                },
                sin_zero: [0; 8],
            })),
            Address::Tcp(SocketAddr::V6(v6)) => Ok(SocketAddress::V6(libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            })),
            Address::Unix(path) => unix_address(path).map(SocketAddress::Unix),
        }
    }

    pub fn family(&self) -> i32 {
        match self {
            SocketAddress::V4(_) => libc::AF_INET,
            SocketAddress::V6(_) => libc::AF_INET6,
            SocketAddress::Unix(_) => libc::AF_UNIX,
        }
    }

    /// Valid as long as `self` stays where it is.
    pub fn as_ptr(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        match self {
            SocketAddress::V4(v4) => (std::ptr::from_ref(v4).cast(), size_of_val(v4) as u32),
            SocketAddress::V6(v6) => (std::ptr::from_ref(v6).cast(), size_of_val(v6) as u32),
            SocketAddress::Unix(un) => (std::ptr::from_ref(un).cast(), size_of_val(un) as u32),
        }
    }
}

fn unix_address(path: &Path) -> Result<libc::sockaddr_un, Errno> {
    let mut address = libc::sockaddr_un {
        sun_family: libc::AF_UNIX as libc::sa_family_t,
        sun_path: [0; 108],
    };
    let bytes = path.as_os_str().as_bytes();
    // One byte is for the closing zero.
    if bytes.len() >= address.sun_path.len() {
        return Err(Errno(libc::ENAMETOOLONG));
    }
    for (place, byte) in address.sun_path.iter_mut().zip(bytes) {
        *place = *byte as libc::c_char;
    }
    Ok(address)
}

/// A fresh stream socket for `address`, not connected yet.
pub fn stream_for(address: &SocketAddress) -> Result<OwnedFd, Errno> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: takes three integers; the result is checked.
    let fd = unsafe { libc::socket(address.family(), kind, 0) };
    if fd < 0 {
        return Err(Errno::last());
    }
    // SAFETY: a descriptor the kernel has just made for us, owned by nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if address.family() != libc::AF_UNIX {
        set_no_delay(&fd)?;
    }
    Ok(fd)
}

/// TCP_NODELAY: we send whole responses and never wait for more to fill a segment. On a
/// listening socket it is inherited by what is accepted.
fn set_no_delay(fd: &OwnedFd) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &on)
}

/// A peer that has vanished without a word is noticed within a minute: one that owes us an
/// acknowledgement by TCP_USER_TIMEOUT, a silent one by probes. What is accepted inherits it.
fn notice_vanished_peers(fd: &OwnedFd) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, &on)?;
    let options = [
        (libc::TCP_USER_TIMEOUT, 60_000),
        (libc::TCP_KEEPIDLE, 30),
        (libc::TCP_KEEPINTVL, 10),
        (libc::TCP_KEEPCNT, 3),
    ];
    for (name, value) in options {
        let value: libc::c_int = value;
        set_option(fd, libc::IPPROTO_TCP, name, &value)?;
    }
    Ok(())
}

/// Closing discards what was not sent yet. For sockets whose door closes before them.
pub fn reset_on_close(fd: &OwnedFd) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // A socket that refuses closes a little later.
    let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
}

fn set_option<T>(fd: &OwnedFd, level: i32, name: i32, value: &T) -> Result<(), Errno> {
    // SAFETY: `value` lives through the call and its size is given; the kernel refuses an option
    // whose value has another size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result != 0 {
        Err(Errno::last())
    } else {
        Ok(())
    }
}

/// A listening socket and the address it really has (port 0 asks the kernel to choose). A TCP
/// port that another process uses is EADDRINUSE: we set SO_REUSEADDR but never SO_REUSEPORT.
pub fn listen(address: &Address, backlog: u32) -> Result<(OwnedFd, Address), Errno> {
    let (fd, real) = match address {
        Address::Tcp(socket) => {
            let listener = match socket {
                SocketAddr::V6(v6) if v6.ip().is_unspecified() => listen_everywhere(v6.port())?,
                // The standard library sets SO_REUSEADDR, binds and listens.
                _ => TcpListener::bind(socket).map_err(|error| Errno::from(&error))?,
            };
            let real = listener.local_addr().map_err(|error| Errno::from(&error))?;
            let fd = OwnedFd::from(listener);
            set_no_delay(&fd)?;
            notice_vanished_peers(&fd)?;
            (fd, Address::Tcp(real))
        }
        Address::Unix(path) => (listen_unix(path)?, Address::Unix(path.clone())),
    };
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    // SAFETY: takes two integers. Listening again only changes the backlog.
    let result = unsafe { libc::listen(fd.as_raw_fd(), backlog) };
    if result != 0 {
        return Err(Errno::last());
    }
    Ok((fd, real))
}

/// One socket for every interface of IPv6 and IPv4, whatever the sysctl `bindv6only` says; of
/// IPv4 alone where the kernel has no IPv6.
fn listen_everywhere(port: u16) -> Result<TcpListener, Errno> {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let address = SocketAddress::of(&Address::Tcp(any))?;
    let fd = match stream_for(&address) {
        Err(Errno(libc::EAFNOSUPPORT)) => {
            let bound = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
            return bound.map_err(|error| Errno::from(&error));
        }
        made => made?,
    };
    let on: libc::c_int = 1;
    let off: libc::c_int = 0;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &on)?;
    set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &off)?;
    let (pointer, length) = address.as_ptr();
    // SAFETY: pointer and length describe `address`, which lives through the call.
    let result = unsafe { libc::bind(fd.as_raw_fd(), pointer, length) };
    if result != 0 {
        return Err(Errno::last());
    }
    Ok(TcpListener::from(fd))
}

fn listen_unix(path: &Path) -> Result<OwnedFd, Errno> {
    match UnixListener::bind(path) {
        Ok(listener) => Ok(OwnedFd::from(listener)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let is_socket = std::fs::symlink_metadata(path)
                .is_ok_and(|metadata| metadata.file_type().is_socket());
            if !is_socket || answers(path) {
                return Err(Errno::ADDRESS_IN_USE);
            }
            // Left behind by a process that is gone.
            std::fs::remove_file(path).map_err(|error| Errno::from(&error))?;
            let listener = UnixListener::bind(path).map_err(|error| Errno::from(&error))?;
            Ok(OwnedFd::from(listener))
        }
        Err(error) => Err(Errno::from(&error)),
    }
}

/// Whether some process still listens on the socket file; never waits for a full backlog.
fn answers(path: &Path) -> bool {
    let Ok(address) = unix_address(path).map(SocketAddress::Unix) else {
        return false;
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes three integers; the result is checked.
    let fd = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    if fd < 0 {
        return true;
    }
    // SAFETY: a descriptor the kernel has just made for us, owned by nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let (pointer, length) = address.as_ptr();
    // SAFETY: pointer and length describe `address`, which lives through the call.
    let result = unsafe { libc::connect(fd.as_raw_fd(), pointer, length) };
    result == 0 || Errno::last().0 != libc::ECONNREFUSED
}

/// Ends one or both directions of a connected socket; never waits.
pub fn shutdown(fd: &OwnedFd, how: ShutdownHow) -> Result<(), Errno> {
    let how = match how {
        ShutdownHow::Write => libc::SHUT_WR,
        ShutdownHow::Both => libc::SHUT_RDWR,
    };
    // SAFETY: takes two integers; the descriptor is open as long as it is borrowed.
    let result = unsafe { libc::shutdown(fd.as_raw_fd(), how) };
    if result != 0 {
        Err(Errno::last())
    } else {
        Ok(())
    }
}

/// Takes over a descriptor that an accept has answered with.
pub fn accepted(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel made it for the accept whose only completion with it is this one.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// The address of the other end; an error when it has gone already.
pub fn peer_address(fd: OwnedFd, unix: bool) -> Result<(OwnedFd, Address), Errno> {
    if unix {
        return Ok((fd, Address::Unix(PathBuf::new())));
    }
    let stream = TcpStream::from(fd);
    let peer = stream.peer_addr().map_err(|error| Errno::from(&error))?;
    // A client of IPv4 has its own address, not the one that a socket of both families gives it.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    Ok((OwnedFd::from(stream), Address::Tcp(peer)))
}

/// Bytes this process may lock in memory.
pub fn locked_memory_max() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is ours and lives through the call.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) };
    if result == 0 { limit.rlim_cur } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_does_not_fit_is_refused() {
        let long = Address::Unix(PathBuf::from("x".repeat(108)));
        assert!(matches!(
            SocketAddress::of(&long),
            Err(Errno(libc::ENAMETOOLONG))
        ));
        let short = Address::Unix(PathBuf::from("x".repeat(107)));
        assert!(SocketAddress::of(&short).is_ok());
    }

    #[test]
    fn every_interface_is_of_both_families() {
        let (held, real) = listen(&Address::Tcp("[::]:0".parse().unwrap()), 16).unwrap();
        let Address::Tcp(real) = real else {
            panic!("{real:?}")
        };
        let listener = TcpListener::from(held);
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, real.port())).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let (_, peer) = peer_address(OwnedFd::from(accepted), false).unwrap();
        assert_eq!(peer, Address::Tcp(client.local_addr().unwrap()));
        assert_eq!(
            listen(&Address::Tcp(real), 16).unwrap_err(),
            Errno::ADDRESS_IN_USE
        );
        if real.is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, real.port())).unwrap();
        }
    }

    #[test]
    fn what_is_accepted_notices_a_vanished_peer() {
        let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
        let (listening, real) = listen(&any, 16).unwrap();
        let Address::Tcp(real) = real else {
            panic!("a TCP address was asked for");
        };
        let _client = TcpStream::connect(real).unwrap();
        let (accepted, _) = TcpListener::from(listening).accept().unwrap();
        let options = [
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
            (libc::IPPROTO_TCP, libc::TCP_NODELAY, 1),
            (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 60_000),
            (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 30),
        ];
        for (level, name, expected) in options {
            let mut value: libc::c_int = 0;
            let mut length = size_of::<libc::c_int>() as libc::socklen_t;
            // SAFETY: value and length are ours, match each other, and live through the call.
            let result = unsafe {
                libc::getsockopt(
                    accepted.as_raw_fd(),
                    level,
                    name,
                    (&raw mut value).cast(),
                    &mut length,
                )
            };
            assert_eq!((result, value), (0, expected), "option {name}");
        }
    }

    #[test]
    fn a_port_in_use_is_refused_and_a_stale_socket_file_replaced() {
        let any = Address::Tcp("127.0.0.1:0".parse().unwrap());
        let (_held, real) = listen(&any, 16).unwrap();
        assert_eq!(listen(&real, 16).unwrap_err(), Errno::ADDRESS_IN_USE);

        let path = std::env::temp_dir().join(format!("ottla-socket-{}", std::process::id()));
        let address = Address::Unix(path.clone());
        let (held, _) = listen(&address, 16).unwrap();
        assert_eq!(listen(&address, 16).unwrap_err(), Errno::ADDRESS_IN_USE);
        drop(held);
        assert!(path.exists());
        assert!(listen(&address, 16).is_ok());
        std::fs::remove_file(path).unwrap();
    }
}
