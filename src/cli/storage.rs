//! `ottla storage`: format log folders before the first start, and tell what is in them.
//!
//! Room:       `cli`, an offline tool: it works on folders of a broker that is not running.
//! Called by:  `cli::main`.
//! Calls:      `config::meta_properties` for the file's text; plain files; `server` to drain.
//! Never:      changes a folder that is formatted already or holds anything else, but for `drain`
//!             and `accept-loss`.

use super::features::{self, unknown_release};
use super::output::{Outcome, Refusal, print};
use super::release::{self, RELEASES};
use super::server;
use super::settings::{self, Flags};
use crate::config::meta_properties::{FILE_NAME, MetaProperties, check_together, is_cluster_id};
use crate::config::{BrokerConfig, meta_properties};
use crate::protocol::Uuid;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The commands of `ottla storage`.
#[derive(clap::Args, Debug)]
pub struct Storage {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Prints a new id for a cluster.
    RandomUuid,
    /// Makes the log folders of a configuration part of a cluster.
    Format(Box<Format>),
    /// Prints the feature levels a release of Apache Kafka starts with.
    VersionMapping {
        /// Which release; the newest without it.
        #[arg(short, long, value_name = "RELEASE")]
        release_version: Option<String>,
    },
    /// Prints which feature levels need which others.
    FeatureDependencies {
        /// Which: NAME=LEVEL; may be repeated.
        #[arg(short, long, value_name = "NAME=LEVEL", required = true)]
        feature: Vec<String>,
    },
    /// Brings all records out of our journals into Kafka's segment files, so that Apache Kafka can
    /// open the folders. The broker must not run.
    Drain {
        /// The properties file of the broker.
        #[arg(short, long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Has a partition serve again that refuses because acknowledged records of it were lost.
    AcceptLoss(AcceptLoss),
    /// Tells what the log folders of a configuration say of themselves.
    Info {
        /// The properties file of the broker.
        #[arg(short, long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// The flags of `ottla storage format`.
#[derive(clap::Args, Debug)]
struct Format {
    /// The cluster's id, the same on all its nodes.
    #[arg(short = 't', long, value_name = "ID")]
    cluster_id: String,
    /// The properties file of the broker.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Leave folders that are formatted already as they are.
    #[arg(short = 'g', long)]
    ignore_formatted: bool,
    /// As in Kafka; one node is always its own quorum.
    #[arg(short, long, group = "quorum")]
    standalone: bool,
    /// Not served yet: a node is its own quorum.
    #[arg(short = 'N', long, group = "quorum")]
    no_initial_controllers: bool,
    /// This node alone, as ID@HOST:PORT:DIRECTORY; more are not served yet.
    #[arg(short = 'I', long, value_name = "LIST", group = "quorum")]
    initial_controllers: Option<String>,
    /// The release whose feature levels to start with; the newest is the one there is.
    #[arg(short, long, value_name = "RELEASE")]
    release_version: Option<String>,
    /// A feature level to start with: NAME=LEVEL; may be repeated.
    #[arg(
        short,
        long,
        value_name = "NAME=LEVEL",
        conflicts_with = "release_version"
    )]
    feature: Vec<String>,
    /// Not served yet: there is no SASL.
    #[arg(short = 'S', long, value_name = "CREDENTIAL")]
    add_scram: Vec<String>,
}

impl Format {
    /// Refuses what asks for another start than the one there is; the directory id to take, if
    /// one was given.
    fn check(&self, config: &BrokerConfig) -> Result<Option<Uuid>, Refusal> {
        if !self.add_scram.is_empty() {
            return Err(Refusal::new(
                "--add-scram is not served yet: there is no SASL, so no user has a password",
            ));
        }
        if self.no_initial_controllers {
            return Err(Refusal::new(
                "--no-initial-controllers is not served yet: a node cannot join the quorum of \
                 others; leave it out, the node is its own quorum",
            ));
        }
        let (newest, _) = RELEASES[RELEASES.len() - 1];
        let started = release::levels(newest).unwrap_or_default();
        if let Some(release) = &self.release_version {
            let asked = release::levels(release).ok_or_else(|| unknown_release(release))?;
            if asked != started {
                return Err(Refusal::new(format_args!(
                    "--release-version {release}: folders start with the levels of {newest}; \
                     lower them with `ottla features downgrade` once the broker runs"
                )));
            }
        }
        for text in &self.feature {
            let (name, level) = features::parse(text)?;
            let known = started.iter().find(|(known, _)| *known == name);
            match known {
                None => {
                    return Err(Refusal::new(format_args!("Unknown feature: {name}")));
                }
                Some((_, starts)) if *starts != level => {
                    return Err(Refusal::new(format_args!(
                        "--feature {text}: folders start with {name}={starts}; change it with \
                         `ottla features upgrade` or `downgrade` once the broker runs"
                    )));
                }
                Some(_) => {}
            }
        }
        self.initial_controllers
            .as_deref()
            .map(|list| initial_controller(list, config.node_id))
            .transpose()
    }
}

/// The directory id of the one controller of a list, which must be this node.
fn initial_controller(list: &str, node_id: i32) -> Result<Uuid, Refusal> {
    let refuse =
        |reason: &str| Refusal::new(format_args!("--initial-controllers {list}: {reason}"));
    if list.contains(',') {
        return Err(refuse(
            "a quorum of several nodes is not served yet; name this node alone",
        ));
    }
    let shape = || refuse("write ID@HOST:PORT:DIRECTORY");
    let (id, rest) = list.trim().split_once('@').ok_or_else(shape)?;
    let (_, directory) = rest.rsplit_once(':').ok_or_else(shape)?;
    if id.parse() != Ok(node_id) {
        let reason = format!("this is node {node_id}; a quorum of others is not served yet");
        return Err(refuse(&reason));
    }
    directory.parse().map_err(|_| shape())
}

/// The flags of `ottla storage accept-loss`.
#[derive(clap::Args, Debug)]
struct AcceptLoss {
    /// The topic's name.
    #[arg(long, value_name = "NAME")]
    topic: String,
    /// The partition's number.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: i32,
    /// The properties file of the broker, which must not run.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only say what is lost and what is left.
    #[arg(long)]
    dry_run: bool,
}

impl Storage {
    pub fn run(self) -> Outcome {
        match self.command {
            Command::RandomUuid => print(&format!("{}\n", random_uuid()?)),
            Command::Format(flags) => {
                let config = settings::read(Some(&flags.config), &Flags::default())?;
                let directory = flags.check(&config)?;
                let ignore = flags.ignore_formatted;
                print(&format(&config, &flags.cluster_id, ignore, directory)?)
            }
            Command::VersionMapping { release_version } => {
                features::version_mapping(release_version.as_deref(), false)
            }
            Command::FeatureDependencies { feature } => features::dependencies(&feature),
            Command::Drain { config } => {
                let config = settings::read(config.as_deref(), &Flags::default())?;
                drain(config)
            }
            Command::AcceptLoss(flags) => {
                let config = settings::read(flags.config.as_deref(), &Flags::default())?;
                accept(config, flags)
            }
            Command::Info { config } => {
                let config = settings::read(config.as_deref(), &Flags::default())?;
                let (text, problems) = info(&config);
                print(&text)?;
                match problems {
                    0 => Ok(()),
                    1 => Err(Refusal::new("one problem found, see above")),
                    many => Err(Refusal::new(format_args!(
                        "{many} problems found, see above"
                    ))),
                }
            }
        }
    }
}

/// Formats what is not formatted yet. Everything is looked at before anything is written.
/// `directory` is the id the folder of the metadata gets.
fn format(
    config: &BrokerConfig,
    cluster_id: &str,
    ignore: bool,
    directory: Option<Uuid>,
) -> Result<String, Refusal> {
    if !is_cluster_id(cluster_id) {
        return Err(Refusal::new(format_args!(
            "{cluster_id:?} is no cluster id; `ottla storage random-uuid` makes one"
        )));
    }
    let mut formatted = Vec::new();
    let mut plain = Vec::new();
    for folder in folders(config) {
        match read(&folder)? {
            Some(_) if !ignore => {
                return Err(refuse(
                    &folder,
                    "already formatted; add --ignore-formatted to format only the others",
                ));
            }
            Some(meta) => {
                let owned = meta.check(config.node_id, Some(cluster_id));
                owned.map_err(|error| refuse(&folder, error))?;
                formatted.push(meta);
            }
            None => {
                refuse_foreign(&folder)?;
                plain.push(folder);
            }
        }
    }
    check_together(&formatted, config.node_id).map_err(Refusal::new)?;
    if plain.is_empty() {
        return Ok("All of the log directories are already formatted.\n".to_owned());
    }
    let mut text = String::new();
    for folder in plain {
        let meta = MetaProperties {
            cluster_id: cluster_id.to_owned(),
            node_id: config.node_id,
            directory_id: match directory {
                Some(id) if folder == config.metadata_log_dir => id,
                _ => random_uuid()?,
            },
            journals_in_use: false,
        };
        write(&folder, &meta).map_err(|error| refuse(&folder, error))?;
        text.push_str(&format!("Formatting log directory {}.\n", folder.display()));
    }
    Ok(text)
}

/// Empties the journals of formatted folders.
fn drain(config: BrokerConfig) -> Outcome {
    let folders = folders(&config);
    for folder in &folders {
        if read(folder)?.is_none() {
            return Err(refuse(folder, "not formatted, so nothing is in it"));
        }
    }
    server::drain(config)?;
    let lines = folders.iter().map(|folder| {
        let folder = folder.display();
        format!("{folder}: all records are in segment files.\n")
    });
    print(&lines.collect::<String>())
}

/// Tells what a partition lost and, unless it is a dry run, accepts it.
fn accept(config: BrokerConfig, flags: AcceptLoss) -> Outcome {
    for folder in folders(&config) {
        if read(&folder)?.is_none() {
            return Err(refuse(&folder, "not formatted, so nothing is in it"));
        }
    }
    let AcceptLoss {
        topic,
        partition,
        dry_run,
        ..
    } = flags;
    let lines = server::accept_loss(config, topic, partition, dry_run)?;
    print(
        &lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    )
}

/// The report of `info`, in the words of Kafka's tool, and how many problems it names.
fn info(config: &BrokerConfig) -> (String, usize) {
    let mut found = Vec::new();
    let mut metas = Vec::new();
    let mut problems = Vec::new();
    for folder in folders(config) {
        match read(&folder) {
            Ok(Some(meta)) => metas.push(meta),
            Ok(None) => problems.push(format!("{} is not formatted.", folder.display())),
            Err(refusal) => problems.push(refusal.to_string()),
        }
        if folder.is_dir() {
            found.push(format!("  {}\n", folder.display()));
        }
    }
    if let Err(error) = check_together(&metas, config.node_id) {
        problems.push(error.to_string());
    }
    let plural = if found.len() == 1 {
        "directory"
    } else {
        "directories"
    };
    let mut text = format!("Found log {plural}:\n{}\n", found.concat());
    for meta in &metas {
        let inside = meta.format();
        let pairs: Vec<_> = inside
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        text.push_str(&format!("Found metadata: {{{}}}\n\n", pairs.join(", ")));
    }
    if !problems.is_empty() {
        let plural = if problems.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        text.push_str(&format!("Found {plural}:\n  {}\n\n", problems.join("\n  ")));
    }
    (text, problems.len())
}

/// The log folders, and the metadata folder when it is another one.
fn folders(config: &BrokerConfig) -> Vec<PathBuf> {
    let mut folders = config.log_dirs.clone();
    if !folders.contains(&config.metadata_log_dir) {
        folders.push(config.metadata_log_dir.clone());
    }
    folders
}

/// What a folder says of itself; `None` when it is not formatted, or not there.
fn read(folder: &Path) -> Result<Option<MetaProperties>, Refusal> {
    /// Kafka's file has about 120 bytes.
    const FILE_BYTES_MAX: u64 = 64 << 10;
    let mut text = String::new();
    let read = File::open(folder.join(FILE_NAME))
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => MetaProperties::parse(&text)
            .map(Some)
            .map_err(|error| refuse(folder, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refuse(folder, error)),
    }
}

/// Refuses to format a folder in which something else lies.
fn refuse_foreign(folder: &Path) -> Outcome {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refuse(folder, error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| refuse(folder, error))?.file_name();
        let name = name.to_string_lossy();
        if let Some(name) = meta_properties::obstacle(std::iter::once(&*name)) {
            return Err(refuse(
                folder,
                format_args!("has no {FILE_NAME} but holds {name}; name an empty folder"),
            ));
        }
    }
    Ok(())
}

/// Writes the file so that it is whole or not there, even after a power cut.
fn write(folder: &Path, meta: &MetaProperties) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!("{FILE_NAME}.tmp"));
    let mut file = File::create(&unfinished)?;
    file.write_all(meta.format().as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(FILE_NAME))?;
    File::open(folder)?.sync_all()
}

fn refuse(folder: &Path, reason: impl Display) -> Refusal {
    Refusal::new(format_args!("{}: {reason}", folder.display()))
}

/// A new id from the kernel's randomness.
fn random_uuid() -> Result<Uuid, Refusal> {
    let refuse = |error| Refusal::new(format_args!("cannot read /dev/urandom: {error}"));
    let mut source = File::open("/dev/urandom").map_err(refuse)?;
    loop {
        let mut bits = [0; 16];
        source.read_exact(&mut bits).map_err(refuse)?;
        if let Some(uuid) = Uuid::from_random(u128::from_be_bytes(bits)) {
            return Ok(uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Machine;

    /// A folder for one test, gone when the test ends.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = format!("ottla-storage-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            fs::create_dir_all(&folder).expect("the temporary folder is writable");
            Self(folder)
        }

        fn config(&self, dirs: &[&str], node_id: i32) -> BrokerConfig {
            let dirs: Vec<_> = dirs
                .iter()
                .map(|dir| self.0.join(dir).display().to_string())
                .collect();
            let text = format!("node.id={node_id}\nlog.dirs={}\n", dirs.join(","));
            BrokerConfig::parse(&text, "f", &[], &Machine::default())
                .expect("valid")
                .0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn folders_are_formatted_once_and_told_about() {
        let scratch = Scratch::new("once");
        let config = scratch.config(&["a", "b"], 3);
        let first = format(&config, "abc", false, None).expect("empty folders");
        assert_eq!(first.lines().count(), 2);
        let again = format(&config, "abc", false, None)
            .expect_err("formatted")
            .to_string();
        assert!(again.contains("--ignore-formatted"), "{again}");
        let ignored = format(&config, "abc", true, None).expect("ignored");
        assert_eq!(
            ignored,
            "All of the log directories are already formatted.\n"
        );

        let (text, problems) = info(&config);
        assert_eq!(problems, 0, "{text}");
        assert!(text.starts_with("Found log directories:\n  "));
        assert!(
            text.contains("Found metadata: {cluster.id=abc, directory.id="),
            "{text}"
        );
    }

    #[test]
    fn foreign_folders_stay_untouched() {
        let scratch = Scratch::new("foreign");
        format(&scratch.config(&["a"], 3), "abc", false, None).expect("empty folder");
        let node =
            format(&scratch.config(&["a", "b"], 4), "abc", true, None).expect_err("other node");
        assert!(
            node.to_string()
                .contains("belongs to node 3, this is node 4"),
            "{node}"
        );
        let cluster =
            format(&scratch.config(&["a", "b"], 3), "x", true, None).expect_err("other cluster");
        assert!(
            cluster
                .to_string()
                .contains("belongs to cluster abc, not to x"),
            "{cluster}"
        );
        assert!(
            !scratch.0.join("b").exists(),
            "nothing is written when anything is refused"
        );

        fs::create_dir(scratch.0.join("c")).expect("writable");
        fs::write(scratch.0.join("c/letter.txt"), "dear").expect("writable");
        let other = format(&scratch.config(&["c"], 3), "abc", false, None).expect_err("not ours");
        assert!(
            other
                .to_string()
                .contains("holds letter.txt; name an empty folder"),
            "{other}"
        );
    }

    #[test]
    fn what_is_not_formatted_is_a_problem() {
        let scratch = Scratch::new("plain");
        let (text, problems) = info(&scratch.config(&["a"], 1));
        assert_eq!(problems, 1);
        assert!(text.contains("a is not formatted."), "{text}");
    }

    #[test]
    fn one_controller_is_this_node() {
        let id = "JEXY6aqzQY-32P5TStzaFg";
        let of = |list: &str| initial_controller(list, 3).map(|id| id.to_string());
        assert_eq!(of(&format!("3@localhost:9093:{id}")).unwrap(), id);
        for wrong in [
            format!("4@localhost:9093:{id}"),
            format!("3@a:1:{id},4@b:1:{id}"),
            "3@localhost:9093".to_owned(),
        ] {
            assert!(of(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_has_22_characters() {
        let id = random_uuid()
            .expect("the kernel has randomness")
            .to_string();
        assert_eq!(id.len(), 22);
        assert!(!id.starts_with('-'));
    }
}
