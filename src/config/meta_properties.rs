//! `meta.properties`: whose folder this is, in each log dir, in Kafka's format.
//!
//! Room:       `config`, the text of one small file.
//! Called by:  the broker at start, through its door; `cli::storage`.
//! Calls:      `protocol` for uuids.
//! Never:      reads or writes a file.
//!
//! ```text
//! version=1            2 while our journals hold what the segments do not (see below)
//! cluster.id=…         any text without blanks; 22 characters when we chose it
//! node.id=1
//! directory.id=…       22 characters of base64url, one per folder (KIP-858)
//! ```
//!
//! Kafka reads versions 0 and 1 and refuses others. So a folder whose journals are not empty
//! carries version 2: Kafka must not open it, because it would miss the records that are only in
//! the journals. Version 0 is a folder of the ZooKeeper days and is refused here.

use super::parse::parse;
use crate::protocol::Uuid;
use std::fmt;

/// What a formatted folder says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: i32,
    pub directory_id: Uuid,
    /// Records may lie in our journals only; Kafka must not open the folder.
    pub journals_in_use: bool,
}

/// The name of the file in each log dir.
pub const FILE_NAME: &str = "meta.properties";

/// Why a folder is not ours to use. Each line ends in what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaError {
    /// The text is no properties file.
    Text,
    Missing {
        name: &'static str,
    },
    Value {
        name: &'static str,
        value: String,
    },
    Version {
        version: String,
    },
    Node {
        found: i32,
        configured: i32,
    },
    Cluster {
        found: String,
        expected: String,
    },
    /// Two folders with one identity: one is a copy of the other.
    DirectoryTwice {
        directory_id: Uuid,
    },
}

impl fmt::Display for MetaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => write!(
                f,
                "{FILE_NAME} is damaged; restore it or format the folder anew"
            ),
            Self::Missing { name } => {
                write!(
                    f,
                    "{FILE_NAME} has no {name}; restore it or format the folder anew"
                )
            }
            Self::Value { name, value } => {
                write!(
                    f,
                    "{FILE_NAME} has {name}={value}; restore it or format the folder anew"
                )
            }
            Self::Version { version } => write!(
                f,
                "{FILE_NAME} has version {version}; open the folder with the broker that wrote it"
            ),
            Self::Node { found, configured } => write!(
                f,
                "the folder belongs to node {found}, this is node {configured}; \
                 correct node.id or log.dirs"
            ),
            Self::Cluster { found, expected } => write!(
                f,
                "the folder belongs to cluster {found}, not to {expected}; \
                 correct log.dirs or use another folder"
            ),
            Self::DirectoryTwice { directory_id } => write!(
                f,
                "two folders have directory.id {directory_id}; one is a copy, take it out of \
                 log.dirs"
            ),
        }
    }
}

impl std::error::Error for MetaError {}

impl MetaProperties {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, MetaError> {
        let given = parse(text, FILE_NAME).map_err(|_| MetaError::Text)?;
        let value = |name: &'static str| {
            let found = given.iter().rev().find(|given| given.name == name);
            found
                .map(|given| given.value.as_str())
                .ok_or(MetaError::Missing { name })
        };
        let version = value("version")?;
        if !matches!(version, "1" | "2") {
            return Err(MetaError::Version {
                version: version.to_owned(),
            });
        }
        let wrong = |name, value: &str| MetaError::Value {
            name,
            value: value.to_owned(),
        };
        let cluster_id = value("cluster.id")?;
        if !is_cluster_id(cluster_id) {
            return Err(wrong("cluster.id", cluster_id));
        }
        let node = value("node.id")?;
        let node_id = node.parse::<i32>().ok().filter(|id| *id >= 0);
        let directory = value("directory.id")?;
        Ok(Self {
            cluster_id: cluster_id.to_owned(),
            node_id: node_id.ok_or_else(|| wrong("node.id", node))?,
            directory_id: directory
                .parse()
                .map_err(|_| wrong("directory.id", directory))?,
            journals_in_use: version == "2",
        })
    }

    /// The file's text, without the date Kafka puts into it.
    pub fn format(&self) -> String {
        let version = if self.journals_in_use { 2 } else { 1 };
        format!(
            "#\ncluster.id={}\ndirectory.id={}\nnode.id={}\nversion={version}\n",
            self.cluster_id, self.directory_id, self.node_id
        )
    }

    /// Whether the folder belongs to this node of this cluster. `cluster_id` is `None` for the
    /// first folder read, which then tells the cluster of the others.
    pub fn check(&self, node_id: i32, cluster_id: Option<&str>) -> Result<(), MetaError> {
        if self.node_id != node_id {
            return Err(MetaError::Node {
                found: self.node_id,
                configured: node_id,
            });
        }
        match cluster_id {
            Some(expected) if expected != self.cluster_id => Err(MetaError::Cluster {
                found: self.cluster_id.clone(),
                expected: expected.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// Whether all folders of a broker belong together: one cluster, one node, no folder twice.
pub fn check_together(folders: &[MetaProperties], node_id: i32) -> Result<(), MetaError> {
    let Some(first) = folders.first() else {
        return Ok(());
    };
    for (index, folder) in folders.iter().enumerate() {
        folder.check(node_id, Some(&first.cluster_id))?;
        let twice = folders[..index]
            .iter()
            .any(|other| other.directory_id == folder.directory_id);
        if twice {
            return Err(MetaError::DirectoryTwice {
                directory_id: folder.directory_id,
            });
        }
    }
    Ok(())
}

/// The first of a folder's entries that forbids to format it: something lies there that is not
/// ours. Hidden files, the file system's own folder and what a format left half done (the power
/// went) do not count.
pub fn obstacle<'a>(mut entries: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_half_done = |name: &str| name.strip_suffix(".tmp") == Some(FILE_NAME);
    entries.find(|name| !name.starts_with('.') && *name != "lost+found" && !is_half_done(name))
}

/// What Kafka accepts as a cluster id: any short text; a blank or a line end cannot be kept.
pub fn is_cluster_id(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=249).contains(&text.len()) && text.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> MetaProperties {
        MetaProperties {
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qk".to_owned(),
            node_id: 3,
            directory_id: "zDjFT3JNRhCUVFgmZf4nlw".parse().expect("22 characters"),
            journals_in_use: false,
        }
    }

    #[test]
    fn what_kafka_wrote_is_read() {
        let text = "#\n#Sat Nov 21 05:00:00 UTC 2026\nnode.id=3\ndirectory.id=\
                    zDjFT3JNRhCUVFgmZf4nlw\nversion=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qk\n";
        assert_eq!(MetaProperties::parse(text), Ok(folder()));
    }

    #[test]
    fn what_we_write_comes_back() {
        for journals_in_use in [false, true] {
            let folder = MetaProperties {
                journals_in_use,
                ..folder()
            };
            assert_eq!(MetaProperties::parse(&folder.format()), Ok(folder));
        }
    }

    #[test]
    fn a_damaged_or_foreign_file_is_refused_with_its_reason() {
        let text = folder().format();
        for (from, to, error) in [
            (
                "version=1",
                "version=0",
                MetaError::Version {
                    version: "0".to_owned(),
                },
            ),
            ("node.id=3\n", "", MetaError::Missing { name: "node.id" }),
            (
                "node.id=3",
                "node.id=-3",
                MetaError::Value {
                    name: "node.id",
                    value: "-3".to_owned(),
                },
            ),
        ] {
            assert_eq!(MetaProperties::parse(&text.replace(from, to)), Err(error));
        }
        assert_eq!(
            MetaProperties::parse("\u{0}\u{1}"),
            Err(MetaError::Missing { name: "version" })
        );
    }

    #[test]
    fn folders_must_belong_together() {
        let first = folder();
        let other = MetaProperties {
            directory_id: Uuid::from_u128(9),
            ..folder()
        };
        assert_eq!(check_together(&[first.clone(), other.clone()], 3), Ok(()));
        let error = check_together(&[first.clone(), other], 4);
        assert_eq!(
            error,
            Err(MetaError::Node {
                found: 3,
                configured: 4
            })
        );
        assert!(check_together(&[first.clone(), first.clone()], 3).is_err());
        let stranger = MetaProperties {
            cluster_id: "x".to_owned(),
            ..first.clone()
        };
        assert!(check_together(&[first, stranger], 3).is_err());
    }
}
