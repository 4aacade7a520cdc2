//! The levels of log lines, per room, as they are now (KIP-412).
//!
//! Room:       `config`; the one part that is not in the metadata: levels last until the stop.
//! Called by:  the config handlers (resource BROKER_LOGGER); `cli::server`, which applies them.
//! Calls:      nothing.
//! Never:      on the way of a request: the lock is for whoever asks or changes a level.
//!
//! A logger is a room of the broker, `ottla.shard`, below `root`. One that was never set has the
//! level of `root`, as in Kafka. The loggers of Kafka's own log4j2 file are other names of rooms,
//! so that what operators have written down works here too.

use super::AlterOp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Those of this process.
pub static LOG_LEVELS: LogLevels = LogLevels::new();

/// See the head of the file.
pub struct LogLevels {
    /// Those that were set; `root` is INFO without an entry.
    set: Mutex<BTreeMap<String, &'static str>>,
    apply: OnceLock<Apply>,
}

/// Takes a filter as `tracing_subscriber::EnvFilter` reads it: `info,ottla::shard=debug`.
type Apply = Box<dyn Fn(&str) + Send + Sync>;

/// Why a level cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelRefused {
    UnknownLogger(String),
    UnknownLevel {
        logger: String,
        level: String,
    },
    /// Everything falls back on it.
    RootDeleted,
    /// Levels are no lists.
    Operation(&'static str),
}

impl std::fmt::Display for LevelRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownLogger(name) => write!(f, "Logger {name} does not exist!"),
            Self::UnknownLevel { logger, level } => write!(
                f,
                "Cannot set the log level of {logger} to {level} as it is not a supported log \
                 level. Valid log levels are {}",
                LEVELS.map(|(name, _)| name).join(", ")
            ),
            Self::RootDeleted => {
                write!(
                    f,
                    "Removing the log level of the {ROOT} logger is not allowed"
                )
            }
            Self::Operation(name) => {
                write!(
                    f,
                    "{name} operation is not allowed for the BROKER_LOGGER resource"
                )
            }
        }
    }
}

impl std::error::Error for LevelRefused {}

impl LogLevels {
    const fn new() -> LogLevels {
        LogLevels {
            set: Mutex::new(BTreeMap::new()),
            apply: OnceLock::new(),
        }
    }

    /// From now on `apply` is told of every change.
    pub fn follow(&self, apply: impl Fn(&str) + Send + Sync + 'static) {
        let _ = self.apply.set(Box::new(apply));
    }

    /// Every logger with the level that holds for it, in the order of their names.
    pub fn list(&self) -> Vec<(String, &'static str)> {
        let set = self.lock();
        let root = set.get(ROOT).copied().unwrap_or(DEFAULT);
        let names = ROOMS.iter().map(|room| format!("{PREFIX}{room}"));
        let mut all: Vec<(String, &'static str)> = names
            .map(|name| {
                let level = set.get(&name).copied().unwrap_or(root);
                (name, level)
            })
            .collect();
        all.push((ROOT.to_owned(), root));
        let aliases = ALIASES.map(|(alias, logger)| {
            let level = set.get(logger).copied().unwrap_or(root);
            (alias.to_owned(), level)
        });
        all.extend(aliases);
        all.sort();
        all
    }

    /// Carries out all changes, or none.
    pub fn change(
        &self,
        changes: &[(AlterOp, String, String)],
        validate_only: bool,
    ) -> Result<(), LevelRefused> {
        let mut set = self.lock();
        let mut new = set.clone();
        for (operation, logger, level) in changes {
            apply(&mut new, *operation, logger, level)?;
        }
        if !validate_only {
            *set = new;
            if let Some(apply) = self.apply.get() {
                apply(&filter(&set));
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, &'static str>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply(
    set: &mut BTreeMap<String, &'static str>,
    operation: AlterOp,
    logger: &str,
    level: &str,
) -> Result<(), LevelRefused> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == logger);
    let logger = alias.map_or(logger, |(_, logger)| *logger);
    let room = logger.strip_prefix(PREFIX);
    if logger != ROOT && !room.is_some_and(|room| ROOMS.contains(&room)) {
        return Err(LevelRefused::UnknownLogger(logger.to_owned()));
    }
    match operation {
        AlterOp::Set => {
            let known = LEVELS.iter().find(|(name, _)| *name == level);
            let (known, _) = known.ok_or_else(|| LevelRefused::UnknownLevel {
                logger: logger.to_owned(),
                level: level.to_owned(),
            })?;
            set.insert(logger.to_owned(), known);
        }
        AlterOp::Delete if logger == ROOT && alias.is_none() => {
            return Err(LevelRefused::RootDeleted);
        }
        AlterOp::Delete => {
            set.remove(logger);
        }
        AlterOp::Append => return Err(LevelRefused::Operation("APPEND")),
        AlterOp::Subtract => return Err(LevelRefused::Operation("SUBTRACT")),
    }
    Ok(())
}

/// The filter that stands for these levels.
fn filter(set: &BTreeMap<String, &'static str>) -> String {
    let ours = |level: &str| {
        let known = LEVELS.iter().find(|(name, _)| *name == level);
        known.map_or("info", |(_, ours)| *ours)
    };
    let mut parts = vec![ours(set.get(ROOT).copied().unwrap_or(DEFAULT)).to_owned()];
    for (name, level) in set.iter().filter(|(name, _)| *name != ROOT) {
        parts.push(format!("{}={}", name.replace('.', "::"), ours(level)));
    }
    parts.join(",")
}

pub const ROOT: &str = "root";
const DEFAULT: &str = "INFO";
const PREFIX: &str = "ottla.";

/// The loggers that Kafka's log4j2 file names, and who does that work here.
const ALIASES: [(&str, &str); 9] = [
    ("kafka", ROOT),
    ("kafka.authorizer.logger", "ottla.handlers"),
    ("kafka.network.RequestChannel$", "ottla.connection"),
    ("kafka.request.logger", "ottla.handlers"),
    ("org.apache.kafka", ROOT),
    ("org.apache.kafka.controller", "ottla.controller"),
    (
        "org.apache.kafka.storage.internals.log.LogCleaner",
        "ottla.log",
    ),
    (
        "org.apache.kafka.storage.internals.log.LogCleaner$CleanerThread",
        "ottla.log",
    ),
    ("state.change.logger", "ottla.metadata"),
];

/// Kafka's levels, and what each is here: nothing is logged as FATAL.
const LEVELS: [(&str, &str); 7] = [
    ("TRACE", "trace"),
    ("DEBUG", "debug"),
    ("INFO", "info"),
    ("WARN", "warn"),
    ("ERROR", "error"),
    ("FATAL", "off"),
    ("OFF", "off"),
];

/// The rooms of a running broker.
const ROOMS: [&str; 13] = [
    "broker",
    "cli",
    "connection",
    "controller",
    "coordinator",
    "handlers",
    "io",
    "journal",
    "log",
    "metadata",
    "partition",
    "router",
    "shard",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn op(operation: AlterOp, logger: &str, level: &str) -> (AlterOp, String, String) {
        (operation, logger.to_owned(), level.to_owned())
    }

    #[test]
    fn a_level_holds_for_its_room_and_others_follow_root() {
        let levels = LogLevels::new();
        let told = Arc::new(Mutex::new(String::new()));
        let heard = told.clone();
        levels.follow(move |filter| filter.clone_into(&mut heard.lock().unwrap()));
        let set = op(AlterOp::Set, "ottla.shard", "DEBUG");
        let warn = op(AlterOp::Set, "root", "WARN");
        levels.change(&[set.clone(), warn], false).unwrap();
        assert_eq!(*told.lock().unwrap(), "warn,ottla::shard=debug");
        let level = |name: &str| {
            let all = levels.list();
            all.iter()
                .find(|(of, _)| of == name)
                .map(|(_, level)| *level)
        };
        assert_eq!(level("ottla.shard"), Some("DEBUG"));
        assert_eq!(level("ottla.log"), Some("WARN"));
        assert_eq!(level("root"), Some("WARN"));
        assert_eq!(level("kafka.request.logger"), Some("WARN"));
        let request = op(AlterOp::Set, "kafka.request.logger", "TRACE");
        levels.change(&[request], false).unwrap();
        assert_eq!(level("ottla.handlers"), Some("TRACE"));
        assert_eq!(level("kafka.request.logger"), Some("TRACE"));
        let request = op(AlterOp::Delete, "kafka.request.logger", "");
        levels.change(&[request], false).unwrap();
        assert_eq!(level("ottla.handlers"), Some("WARN"));
        levels
            .change(&[op(AlterOp::Delete, "ottla.shard", "")], true)
            .unwrap();
        assert_eq!(level("ottla.shard"), Some("DEBUG"), "only validated");
        levels
            .change(&[op(AlterOp::Delete, "ottla.shard", "")], false)
            .unwrap();
        assert_eq!(*told.lock().unwrap(), "warn");
    }

    #[test]
    fn what_cannot_be_changed_changes_nothing() {
        let levels = LogLevels::new();
        let refused = |change| {
            let fine = op(AlterOp::Set, "root", "OFF");
            let refused = levels.change(&[fine, change], false).unwrap_err();
            assert!(levels.list().iter().all(|(_, level)| *level == "INFO"));
            refused.to_string()
        };
        let text = refused(op(AlterOp::Set, "kafka.server", "INFO"));
        assert_eq!(text, "Logger kafka.server does not exist!");
        assert!(refused(op(AlterOp::Set, "root", "LOUD")).contains("TRACE, DEBUG"));
        assert!(refused(op(AlterOp::Delete, "root", "")).contains("not allowed"));
        assert!(refused(op(AlterOp::Append, "root", "INFO")).starts_with("APPEND"));
    }
}
