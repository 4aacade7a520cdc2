//! Listeners: their text, their addresses, and which security protocol each name speaks.
//!
//! Room:       `config`, the values of `listeners` and `advertised.listeners`.
//! Called by:  `config::broker`.
//! Calls:      nothing.
//! Never:      opens or resolves anything.
//!
//! ```text
//! NAME://HOST:PORT          TCP; an empty HOST is every interface, [::1] an IPv6 address
//! NAME://unix:/PATH         a Unix socket at an absolute path
//! ```

use super::error::{ConfigError, Place};
use super::property::list;
use super::values::Values;
use std::fmt;

/// One place where clients connect, or what they are told to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In upper case, as Kafka compares listener names.
    pub name: String,
    pub protocol: SecurityProtocol,
    pub address: Address,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, self.address)
    }
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host` is a name or an address without brackets, empty for every interface; port 0 lets
    /// the kernel choose.
    Tcp { host: String, port: u16 },
    /// An absolute path, short enough for the kernel's `sun_path`.
    Unix { path: String },
}

impl Address {
    /// Whether this address stands for every interface, so that no client can be told it.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Tcp { host, .. } if matches!(host.as_str(), "" | "0.0.0.0" | "::"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => write!(f, "unix:{path}"),
        }
    }
}

/// Kafka's security protocols. Only PLAINTEXT is served so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl SecurityProtocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Upper and lower case are the same, as in Kafka.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Plaintext,
            Self::Ssl,
            Self::SaslPlaintext,
            Self::SaslSsl,
        ]
        .into_iter()
        .find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }
}

/// The map of `listener.security.protocol.map`: name to protocol, in upper case.
#[derive(Clone, Debug)]
pub struct ProtocolMap(Vec<(String, SecurityProtocol)>);

impl ProtocolMap {
    pub fn parse(text: &str, place: &Place) -> Result<Self, ConfigError> {
        let mut map = Vec::new();
        for pair in list(text) {
            let known = pair.split_once(':').and_then(|(name, protocol)| {
                Some((
                    name.trim().to_uppercase(),
                    SecurityProtocol::from_name(protocol.trim())?,
                ))
            });
            match known {
                Some(entry) => map.push(entry),
                None => {
                    return Err(ConfigError::Refused {
                        place: place.clone(),
                        name: "listener.security.protocol.map",
                        value: pair.to_owned(),
                        remedy: "write NAME:PROTOCOL with one of PLAINTEXT, SSL, \
                                 SASL_PLAINTEXT, SASL_SSL"
                            .to_owned(),
                    });
                }
            }
        }
        Ok(Self(map))
    }

    /// The protocol of a listener name; a name that is a protocol's own needs no entry.
    fn protocol(&self, name: &str) -> Option<SecurityProtocol> {
        let mapped = self
            .0
            .iter()
            .find(|(mapped, _)| mapped == name)
            .map(|(_, protocol)| *protocol);
        mapped.or_else(|| SecurityProtocol::from_name(name))
    }
}

/// Reads the value of `listeners` or `advertised.listeners` (`property` says which).
/// `controllers` are the names of controller listeners, which need no entry in the map.
pub fn parse_listeners(
    property: &'static str,
    text: &str,
    map: &ProtocolMap,
    controllers: &[String],
    place: &Place,
) -> Result<Vec<Listener>, ConfigError> {
    let refuse = |value: &str, remedy: String| ConfigError::Refused {
        place: place.clone(),
        name: property,
        value: value.to_owned(),
        remedy,
    };
    let mut listeners: Vec<Listener> = Vec::new();
    for item in list(text) {
        let (name, address) = item.split_once("://").ok_or_else(|| {
            refuse(
                item,
                "write NAME://HOST:PORT or NAME://unix:/PATH".to_owned(),
            )
        })?;
        let name = name.trim().to_uppercase();
        let address = parse_address(address).map_err(|remedy| refuse(item, remedy.to_owned()))?;
        let protocol = match map.protocol(&name) {
            Some(protocol) => protocol,
            None if controllers.contains(&name) => SecurityProtocol::Plaintext,
            None => {
                let remedy = format!("add {name}:PLAINTEXT to listener.security.protocol.map");
                return Err(refuse(item, remedy));
            }
        };
        if listeners.iter().any(|other| other.name == name) {
            return Err(refuse(
                item,
                format!("the name {name} is there twice; give each its own"),
            ));
        }
        let taken = |other: &Listener| match &other.address {
            Address::Tcp { port: 0, .. } => false,
            taken => *taken == address,
        };
        if property == "listeners" && listeners.iter().any(taken) {
            return Err(refuse(
                item,
                "two listeners have this address; change one".to_owned(),
            ));
        }
        listeners.push(Listener {
            name,
            protocol,
            address,
        });
    }
    Ok(listeners)
}

/// Where metrics are fetched, if anywhere: `http://` before it changes nothing.
pub fn parse_metrics_listener(
    values: &Values,
    listeners: &[Listener],
) -> Result<Option<Address>, ConfigError> {
    let name = "ottla.metrics.listener";
    let text = values.text(name).unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let address = parse_address(text.strip_prefix("http://").unwrap_or(text));
    let address = address.map_err(|remedy| values.refuse(name, remedy))?;
    let is_zero = matches!(address, Address::Tcp { port: 0, .. });
    if !is_zero && listeners.iter().any(|other| other.address == address) {
        return Err(values.refuse(name, "clients connect there (listeners); choose another"));
    }
    Ok(Some(address))
}

/// Reads HOST:PORT or unix:/PATH, what follows `://`.
fn parse_address(text: &str) -> Result<Address, &'static str> {
    /// `sun_path` holds 108 bytes, the last of them zero.
    const UNIX_PATH_BYTES_MAX: usize = 107;
    if let Some(path) = text.strip_prefix("unix:") {
        if !path.starts_with('/') || path.len() < 2 {
            return Err("the path of a Unix socket must be absolute: unix:/PATH");
        }
        if path.len() > UNIX_PATH_BYTES_MAX || path.contains('\0') {
            return Err("the path of a Unix socket may have 107 bytes; choose a shorter one");
        }
        return Ok(Address::Unix {
            path: path.to_owned(),
        });
    }
    let (host, port) = text
        .rsplit_once(':')
        .ok_or("the port is missing: HOST:PORT")?;
    let port = port
        .parse()
        .map_err(|_| "the port must be a number from 0 to 65535")?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .ok_or("close the bracket: [ADDRESS]:PORT")?,
        None if host.contains(':') => return Err("write an IPv6 address in brackets: [::1]"),
        None => host,
    };
    if bare.contains(|letter: char| letter.is_whitespace() || letter == '/') {
        return Err("the host must be a name or an address");
    }
    Ok(Address::Tcp {
        host: bare.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<String>, String> {
        let map = ProtocolMap::parse("EXTERNAL:PLAINTEXT,Inner:ssl", &Place::Argument)
            .map_err(|error| error.to_string())?;
        parse_listeners(
            "listeners",
            text,
            &map,
            &["CONTROLLER".to_owned()],
            &Place::Argument,
        )
        .map(|found| {
            found
                .iter()
                .map(|l| format!("{l} {}", l.protocol.name()))
                .collect()
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn tcp_ipv6_wildcard_and_unix_are_read() {
        let text = "PLAINTEXT://:9092, external://[::1]:9093 ,INNER://h:0,CONTROLLER://h:1";
        let expected = [
            "PLAINTEXT://:9092 PLAINTEXT",
            "EXTERNAL://[::1]:9093 PLAINTEXT",
            "INNER://h:0 SSL",
            "CONTROLLER://h:1 PLAINTEXT",
        ];
        assert_eq!(parse(text).expect("well formed"), expected);
        let unix = parse("EXTERNAL://unix:/run/ottla.sock").expect("well formed");
        assert_eq!(unix, ["EXTERNAL://unix:/run/ottla.sock PLAINTEXT"]);
    }

    #[test]
    fn metrics_are_fetched_where_it_is_asked_for() {
        let read = |text: &str| {
            let text = format!("ottla.metrics.listener={text}");
            let machine = crate::config::Machine::default();
            let read = crate::config::BrokerConfig::parse(&text, "f", &[], &machine);
            let read = read.map_err(|error| error.to_string())?.0.metrics_listener;
            Ok::<_, String>(read.map(|address| address.to_string()))
        };
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("http://[::1]:9644"), Ok(Some("[::1]:9644".to_owned())));
        assert_eq!(read("unix:/run/m"), Ok(Some("unix:/run/m".to_owned())));
        let error = read("127.0.0.1:9092").expect_err("the default listener");
        assert!(error.contains("choose another"), "{error}");
        let error = read("9644").expect_err("no host");
        assert!(error.contains("the port is missing: HOST:PORT"), "{error}");
    }

    #[test]
    fn what_cannot_work_names_the_remedy() {
        for (text, remedy) in [
            ("localhost:9092", "write NAME://HOST:PORT"),
            ("PLAINTEXT://localhost", "the port is missing"),
            ("PLAINTEXT://localhost:70000", "0 to 65535"),
            ("PLAINTEXT://::1:9092", "brackets"),
            ("PLAINTEXT://unix:run", "absolute"),
            (
                "OTHER://h:1",
                "add OTHER:PLAINTEXT to listener.security.protocol.map",
            ),
            ("PLAINTEXT://h:1,PLAINTEXT://h:2", "twice"),
            ("PLAINTEXT://h:1,EXTERNAL://h:1", "two listeners"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(remedy), "{error}");
            assert!(error.starts_with("listeners="), "{error}");
        }
    }
}
