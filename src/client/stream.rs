//! Addresses of brokers and the byte streams to them: TCP, and Unix sockets for the same machine.
//!
//! Room:       `client`.
//! Called by:  `connection`.
//! Never:      knows Kafka's frames.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::error::ClientError;

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Address {
    /// The address a broker advertises. A host that is a path is a Unix socket.
    pub fn advertised(host: &str, port: i32) -> Result<Self, ClientError> {
        if let Some(path) = unix_path(host) {
            return Ok(Self::Unix(path));
        }
        let bad = || ClientError::Address {
            text: format!("{host}:{port}"),
            cause: "bad port",
        };
        Ok(Self::Tcp {
            host: host.to_owned(),
            port: u16::try_from(port).map_err(|_| bad())?,
        })
    }

    /// A comma-separated list, as `bootstrap.servers` and `--bootstrap-server` take it.
    pub fn list(text: &str) -> Result<Vec<Self>, ClientError> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let list: Vec<Self> = parts.map(str::parse).collect::<Result<_, _>>()?;
        if list.is_empty() {
            return Err(ClientError::Address {
                text: text.into(),
                cause: "empty",
            });
        }
        Ok(list)
    }
}

fn unix_path(text: &str) -> Option<PathBuf> {
    match text.strip_prefix("unix:") {
        Some(path) => Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path))),
        None => text.starts_with('/').then(|| PathBuf::from(text)),
    }
}

impl FromStr for Address {
    type Err = ClientError;

    /// `host:port`, `[v6]:port`, `PROTOCOL://host:port`, `unix:/path` or `/path`.
    fn from_str(text: &str) -> Result<Self, ClientError> {
        let bad = |cause| ClientError::Address {
            text: text.to_owned(),
            cause,
        };
        if let Some(path) = unix_path(text) {
            return Ok(Self::Unix(path));
        }
        let bare = text.split_once("://").map_or(text, |(_, bare)| bare);
        let (host, port) = bare
            .rsplit_once(':')
            .ok_or_else(|| bad("the port is missing"))?;
        let port = port
            .parse()
            .map_err(|_| bad("the port is not a number below 65536"))?;
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = inner.unwrap_or(host);
        if host.is_empty() || (inner.is_none() && host.contains(':')) {
            return Err(bad(
                "the host is missing or an IPv6 address without brackets",
            ));
        }
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A blocking stream of bytes. Clones share the socket, so one may read while another writes.
#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Connects; each address a name resolves to is tried for at most `timeout`.
    pub fn connect(address: &Address, timeout: Duration) -> io::Result<Self> {
        let (host, port) = match address {
            Address::Unix(path) => return UnixStream::connect(path).map(Self::Unix),
            Address::Tcp { host, port } => (host.as_str(), *port),
        };
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for target in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&target, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self::Tcp(stream));
                }
                Err(cause) => failure = cause,
            }
        }
        Err(failure)
    }

    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Bounds every later read; `None` waits for ever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        // Zero would mean "for ever" to the system and is refused by the library.
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
            Self::Unix(stream) => stream.set_read_timeout(timeout),
        }
    }

    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(timeout),
            Self::Unix(stream) => stream.set_write_timeout(timeout),
        }
    }

    /// Ends both directions, which wakes a clone that waits in a read.
    pub fn shutdown(&self) {
        // A socket that is not connected any more is as shut as it can be.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(from),
            Self::Unix(stream) => stream.write(from),
        }
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(from),
            Self::Unix(stream) => stream.write_vectored(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("localhost:9092", "localhost:9092"),
            ("PLAINTEXT://127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:9092", "[::1]:9092"),
            ("unix:/run/ottla.sock", "unix:/run/ottla.sock"),
            ("/run/ottla.sock", "unix:/run/ottla.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for text in [
            "localhost",
            "localhost:x",
            ":9092",
            "::1:9092",
            "localhost:99999",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert_eq!(Address::list("a:1, b:2,").unwrap().len(), 2);
        assert!(Address::list(" ,").is_err());
    }
}
