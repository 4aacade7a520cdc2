//! Before anything is served: whose folders these are, and that nobody else has them.
//!
//! Room:       `broker`.
//! Called by:  `broker::control`.
//! Calls:      `config::meta_properties`, `runtime` for files.
//! Never:      formats a folder that holds something, or opens one that another broker holds.

use crate::config::meta_properties::{FILE_NAME, check_together, obstacle};
use crate::config::{BrokerConfig, MetaError, MetaProperties};
use crate::io::{Errno, OpenOptions};
use crate::protocol::Uuid;
use crate::runtime::{File, Runtime, ballast};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a broker does not start: one line that names the thing, the cause and the remedy.
#[derive(Debug)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// A log dir that is ours for as long as this lives.
pub struct Folder {
    pub path: PathBuf,
    pub meta: MetaProperties,
    /// Holds the lock; the lock dies with the process, whatever kills it.
    _lock: File,
}

/// The bound of a `meta.properties`; a real one has five short lines.
const META_BYTES_MAX: usize = 64 << 10;

/// Locks all log dirs, formats those that are empty, checks that they belong together.
pub async fn take_folders(
    runtime: &Runtime,
    config: &BrokerConfig,
) -> Result<Vec<Folder>, StartError> {
    let mut taken = Vec::new();
    let mut paths = config.log_dirs.clone();
    if !paths.contains(&config.metadata_log_dir) {
        paths.push(config.metadata_log_dir.clone());
    }
    for path in paths {
        match take(runtime, &path, config.node_id).await {
            Ok((lock, meta)) => taken.push((path, lock, meta)),
            Err(refused) if may_fail(config, &path, Some(refused.errno)) => {
                tell_offline(&path, &refused.errno);
            }
            Err(refused) => return Err(refused.error),
        }
    }
    let mut formatted: Vec<MetaProperties> = Vec::new();
    for (path, _, meta) in &taken {
        formatted.extend(meta.clone());
        check_together(&formatted, config.node_id)
            .map_err(|error| StartError(format!("log.dirs: {}: {error}", path.display())))?;
    }
    let cluster_id = match formatted.first() {
        Some(meta) => meta.cluster_id.clone(),
        None => random_uuid(runtime).to_string(),
    };
    let mut folders = Vec::new();
    for (path, lock, meta) in taken {
        let meta = match meta {
            Some(meta) => meta,
            None => format(runtime, config, &path, &cluster_id).await?,
        };
        folders.push(Folder {
            path,
            meta,
            _lock: lock,
        });
    }
    Ok(folders)
}

/// A disk that fails leaves the others to serve, unless the metadata log lies on it. What an
/// operator can put right is refused instead.
pub fn may_fail(config: &BrokerConfig, path: &Path, errno: Option<Errno>) -> bool {
    let is_broken = errno.is_some_and(|errno| BROKEN.contains(&errno.0));
    is_broken && config.log_dirs.len() > 1 && *path != config.metadata_log_dir
}

/// What the kernel says of a disk that is broken or gone.
const BROKEN: &[i32] = &[libc::EIO, libc::EROFS, libc::ENXIO, libc::ENODEV];

pub fn tell_offline(path: &Path, reason: &dyn fmt::Display) {
    tracing::error!(
        dir = %path.display(), %reason,
        "the disk failed: partitions in this log dir are offline until a restart"
    );
}

/// A folder that cannot be taken.
struct Refused {
    error: StartError,
    /// 0: it is not the disk.
    errno: Errno,
}

async fn take(
    runtime: &Runtime,
    path: &Path,
    node_id: i32,
) -> Result<(File, Option<MetaProperties>), Refused> {
    let refuse = |errno: Errno, reason: &dyn fmt::Display| Refused {
        error: StartError(format!("log.dirs: {}: {reason}", path.display())),
        errno,
    };
    let unusable = |errno: Errno| {
        let remedy = errno
            .remedy()
            .unwrap_or("name a folder this user can write to");
        refuse(errno, &format_args!("{errno}; {remedy}"))
    };
    let not_ours = |reason: &dyn fmt::Display| refuse(Errno(0), reason);
    create_all(runtime, path).await.map_err(unusable)?;
    let meta = match runtime
        .read_file(&path.join(FILE_NAME), META_BYTES_MAX)
        .await
    {
        Ok(text) => {
            let text = String::from_utf8(text).map_err(|_| not_ours(&MetaError::Text))?;
            Some(MetaProperties::parse(&text).map_err(|error| not_ours(&error))?)
        }
        Err(Errno::NO_ENTRY) => None,
        Err(errno) => {
            return Err(refuse(
                errno,
                &format_args!("{FILE_NAME}: {}", errno.told()),
            ));
        }
    };
    // Before the lock: nothing is written into a folder that is not ours.
    match &meta {
        None => {
            let foreign = refuse_foreign(runtime, path).await;
            foreign.map_err(|error| Refused {
                error,
                errno: Errno(0),
            })?;
        }
        Some(meta) => {
            let ours = meta.check(node_id, None);
            ours.map_err(|error| not_ours(&error))?;
        }
    }
    let lock = lock(runtime, path).await.map_err(|errno| match errno {
        Errno::WOULD_BLOCK => not_ours(
            &"in use already: stop the broker that has it, or name another folder \
              (two names may lead to one)",
        ),
        errno => unusable(errno),
    })?;
    // A full disk must not keep a broker from starting: deleting is what helps.
    let made = ballast::give_way(runtime, path).await;
    made.map_err(unusable)?;
    Ok((lock, meta))
}

/// Rewrites `meta.properties` so that it says whether records may lie in our journals only.
pub async fn mark(runtime: &Runtime, folder: &Folder, journals_in_use: bool) -> Result<(), Errno> {
    let meta = MetaProperties {
        journals_in_use,
        ..folder.meta.clone()
    };
    let path = folder.path.join(FILE_NAME);
    let text = meta.format().into_bytes();
    match runtime.replace_file(&path, text.clone()).await {
        Err(Errno::NO_SPACE | Errno::QUOTA) => {
            ballast::remove(runtime, &folder.path, |_| true).await?;
            runtime.replace_file(&path, text).await
        }
        marked => marked,
    }
}

/// Refuses a folder that holds something but is not a broker's.
async fn refuse_foreign(runtime: &Runtime, path: &Path) -> Result<(), StartError> {
    let refuse =
        |reason: &dyn fmt::Display| StartError(format!("log.dirs: {}: {reason}", path.display()));
    let entries = runtime
        .list_directory(path)
        .await
        .map_err(|errno| refuse(&errno.told()))?;
    if let Some(name) = obstacle(entries.iter().map(|entry| entry.name.as_str())) {
        return Err(refuse(&format_args!(
            "holds {name} but no {FILE_NAME}, so it is not a broker's; name an empty folder"
        )));
    }
    Ok(())
}

async fn format(
    runtime: &Runtime,
    config: &BrokerConfig,
    path: &Path,
    cluster_id: &str,
) -> Result<MetaProperties, StartError> {
    let refuse =
        |reason: &dyn fmt::Display| StartError(format!("log.dirs: {}: {reason}", path.display()));
    let meta = MetaProperties {
        cluster_id: cluster_id.to_owned(),
        node_id: config.node_id,
        directory_id: random_uuid(runtime),
        journals_in_use: false,
    };
    tracing::warn!(
        folder = %path.display(), cluster_id,
        "the folder was not formatted and is now; `ottla storage format` does it beforehand"
    );
    let named = sync_name(runtime, path).await;
    named.map_err(|errno| refuse(&errno.told()))?;
    runtime
        .replace_file(&path.join(FILE_NAME), meta.format().into_bytes())
        .await
        .map_err(|errno| refuse(&format_args!("{FILE_NAME}: {}", errno.told())))?;
    Ok(meta)
}

async fn lock(runtime: &Runtime, path: &Path) -> Result<File, Errno> {
    let options = OpenOptions {
        write: true,
        create: true,
        ..OpenOptions::default()
    };
    let file = runtime.open(&path.join(".lock"), options).await?;
    let until = runtime.now().plus(LINGER);
    loop {
        match file.lock().await {
            Ok(()) => return Ok(file),
            Err(Errno::WOULD_BLOCK) if runtime.now() < until => runtime.sleep(LINGER_LOOK).await,
            Err(errno) => return Err(errno),
        }
    }
}

/// How long the files and sockets of a killed broker may stay open: the kernel takes its ring
/// apart after the process has gone.
pub const LINGER: Duration = Duration::from_secs(2);

/// How often a start looks whether they are closed by now.
pub const LINGER_LOOK: Duration = Duration::from_millis(20);

/// Creates a folder and those above it.
async fn create_all(runtime: &Runtime, path: &Path) -> Result<(), Errno> {
    let mut missing = Vec::new();
    let mut at = Some(path);
    while let Some(folder) = at.filter(|folder| !folder.as_os_str().is_empty()) {
        match runtime.status(folder).await {
            Ok(status) if status.is_directory => break,
            Ok(_) => return Err(Errno(libc::ENOTDIR)),
            Err(Errno::NO_ENTRY) => missing.push(folder),
            Err(errno) => return Err(errno),
        }
        at = folder.parent();
    }
    for folder in missing.into_iter().rev() {
        runtime.create_directory(folder).await?;
        let above = folder.parent().unwrap_or(Path::new(""));
        runtime.sync_directory(or_here(above)).await?;
    }
    Ok(())
}

/// What lies above a relative name is the current folder.
fn or_here(folder: &Path) -> &Path {
    match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    }
}

/// Makes the names of a folder and of those above it durable: the start that made them may have
/// been killed before it did. What may not be opened was not made by us.
async fn sync_name(runtime: &Runtime, path: &Path) -> Result<(), Errno> {
    for folder in path.ancestors().skip(1) {
        match runtime.sync_directory(or_here(folder)).await {
            Ok(()) | Err(Errno(libc::EACCES | libc::EPERM | libc::EINVAL | libc::EROFS)) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// A random (version 4) id that does not start with a dash, as Kafka's `Uuid.randomUuid`.
pub fn random_uuid(runtime: &Runtime) -> Uuid {
    loop {
        let bits = u128::from(runtime.random()) << 64 | u128::from(runtime.random());
        if let Some(uuid) = Uuid::from_random(bits) {
            return uuid;
        }
    }
}
