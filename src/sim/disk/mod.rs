//! The simulated disk of one machine: a file system whose names and bytes can be lost.
//!
//! Room:       `sim`.
//! Called by:  `sim::door` (operations), `sim::world` (power cuts, faults).
//! Calls:      `disk::file` for bytes.
//! Never:      knows time: the door decides when an operation takes effect, this says what it is.
//!
//! Names are journaled per directory: what was made, renamed or removed since the directory's
//! last sync survives a power cut up to a point in order, and a rename is never half done.
//!
//! Always true:
//!   - `synced` names plus `changes` in order are the names programs see.
//!   - a node lives while a name, a lost-able name or an open handle leads to it.

mod fault;
mod file;
mod loss;

pub use fault::{DiskLatencies, Fault, FaultKind, Faults};
pub use file::{BLOCK, File, Mercy, SECTOR};

use crate::io::{Entry, Errno, FileStatus, OpenOptions, WallMillis};
use crate::map::Map;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// Names a file or directory of this disk; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

const ROOT: NodeId = NodeId(0);

/// What `open` found or made.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    pub node: NodeId,
    pub length: u64,
}

/// One file system.
pub struct Disk {
    nodes: Map<NodeId, Node>,
    node_next: u64,
    /// Name changes not synced yet, oldest first.
    changes: Vec<NameChange>,
    sequence: u64,
    used_blocks: u64,
    removals: u32,
    /// Bytes this disk holds; `u64::MAX` never runs full.
    pub capacity: u64,
    pub faults: Faults,
}

struct Node {
    kind: NodeKind,
    names: u32,
    handles: u32,
    modified: WallMillis,
}

enum NodeKind {
    File(File),
    Directory {
        names: BTreeMap<String, NodeId>,
        synced: BTreeMap<String, NodeId>,
    },
}

/// One atomic change of names: a rename has two parts.
struct NameChange {
    sequence: u64,
    parts: Vec<(NodeId, String, Option<NodeId>)>,
}

impl Disk {
    pub fn new() -> Disk {
        let mut nodes = Map::default();
        nodes.insert(ROOT, Node::directory(1));
        Disk {
            nodes,
            node_next: 1,
            changes: Vec::new(),
            sequence: 0,
            used_blocks: 0,
            removals: 0,
            capacity: u64::MAX,
            faults: Faults::default(),
        }
    }

    // ── names ──

    pub fn open(
        &mut self,
        path: &Path,
        options: OpenOptions,
        wall: WallMillis,
    ) -> Result<Opened, Errno> {
        let (directory, name) = self.parent(path)?;
        let found = self.names(directory)?.get(name).copied();
        let node = match found {
            Some(_) if options.create_new => return Err(Errno::EXISTS),
            Some(node) => node,
            None if options.create || options.create_new => {
                if self.free_blocks() == 0 {
                    return Err(Errno::NO_SPACE);
                }
                let node = self.insert(Node::file(wall));
                self.change(vec![(directory, name.to_owned(), Some(node))]);
                node
            }
            None => return Err(Errno::NO_ENTRY),
        };
        if options.write && options.truncate && found.is_some() {
            self.truncate(node, 0, wall)?;
        }
        let file = self.file(node)?;
        let length = file.length();
        self.node_mut(node)?.handles += 1;
        Ok(Opened { node, length })
    }

    pub fn close(&mut self, node: NodeId) {
        if let Some(entry) = self.nodes.get_mut(&node) {
            entry.handles -= 1;
            self.release_if_unused(node);
        }
    }

    /// Keeps the node open for an operation in flight; `close` ends it.
    pub fn pin(&mut self, node: NodeId) {
        if let Some(entry) = self.nodes.get_mut(&node) {
            entry.handles += 1;
        }
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Errno> {
        let (source, source_name) = self.parent(from)?;
        let (target, target_name) = self.parent(to)?;
        let moved = *self
            .names(source)?
            .get(source_name)
            .ok_or(Errno::NO_ENTRY)?;
        let replaced = self.names(target)?.get(target_name).copied();
        if replaced == Some(moved) {
            return Ok(());
        }
        if let Some(replaced) = replaced {
            match (&self.node(moved)?.kind, &self.node(replaced)?.kind) {
                (NodeKind::File(_), NodeKind::File(_)) => {}
                (NodeKind::Directory { .. }, NodeKind::Directory { names, .. }) => {
                    if !names.is_empty() {
                        return Err(Errno(libc::ENOTEMPTY));
                    }
                }
                (NodeKind::File(_), NodeKind::Directory { .. }) => {
                    return Err(Errno(libc::EISDIR));
                }
                (NodeKind::Directory { .. }, NodeKind::File(_)) => {
                    return Err(Errno(libc::ENOTDIR));
                }
            }
        }
        self.change(vec![
            (source, source_name.to_owned(), None),
            (target, target_name.to_owned(), Some(moved)),
        ]);
        Ok(())
    }

    pub fn unlink(&mut self, path: &Path) -> Result<(), Errno> {
        let (directory, name) = self.parent(path)?;
        let node = *self.names(directory)?.get(name).ok_or(Errno::NO_ENTRY)?;
        if let NodeKind::Directory { .. } = self.node(node)?.kind {
            return Err(Errno(libc::EISDIR));
        }
        self.change(vec![(directory, name.to_owned(), None)]);
        Ok(())
    }

    pub fn create_directory(&mut self, path: &Path) -> Result<(), Errno> {
        let (directory, name) = self.parent(path)?;
        if self.names(directory)?.contains_key(name) {
            return Err(Errno::EXISTS);
        }
        let node = self.insert(Node::directory(0));
        self.change(vec![(directory, name.to_owned(), Some(node))]);
        Ok(())
    }

    pub fn remove_directory(&mut self, path: &Path) -> Result<(), Errno> {
        let (directory, name) = self.parent(path)?;
        let node = *self.names(directory)?.get(name).ok_or(Errno::NO_ENTRY)?;
        if !self.names(node)?.is_empty() {
            return Err(Errno(libc::ENOTEMPTY));
        }
        self.change(vec![(directory, name.to_owned(), None)]);
        Ok(())
    }

    pub fn list(&self, path: &Path, part: &str) -> Result<Vec<Entry>, Errno> {
        let directory = self.find(path)?;
        let entry = |(name, node): (&String, &NodeId)| Entry {
            name: name.clone(),
            is_directory: matches!(
                self.nodes.get(node).map(|node| &node.kind),
                Some(NodeKind::Directory { .. })
            ),
        };
        let names = self.names(directory)?.iter();
        let names = names.filter(|(name, _)| name.contains(part));
        Ok(names.map(entry).collect())
    }

    pub fn status(&self, path: &Path) -> Result<FileStatus, Errno> {
        let node = self.node(self.find(path)?)?;
        let (length, allocated, is_directory) = match &node.kind {
            NodeKind::File(file) => (file.length(), file.allocated_blocks() * BLOCK, false),
            NodeKind::Directory { .. } => (BLOCK, BLOCK, true),
        };
        Ok(FileStatus {
            length,
            is_directory,
            allocated,
            modified: node.modified,
        })
    }

    /// (total, available) bytes.
    pub fn space(&self) -> (u64, u64) {
        let total = self.capacity.min(1 << 50);
        (total, total.saturating_sub(self.used_blocks * BLOCK))
    }

    /// The last name change so far; `sync_directory` takes it back.
    pub fn mark(&self) -> u64 {
        self.sequence
    }

    /// Makes the names of one directory survive, as of `mark`.
    pub fn sync_directory(&mut self, path: &Path, mark: u64) -> Result<(), Errno> {
        let directory = self.find(path)?;
        self.names(directory)?;
        self.sync_names(directory, mark);
        Ok(())
    }

    fn sync_names(&mut self, directory: NodeId, mark: u64) {
        let mut others: Vec<(NodeId, u64)> = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            let concerns = change.parts.iter().any(|(of, _, _)| *of == directory);
            if !concerns || change.sequence > mark {
                self.changes.push(change);
                continue;
            }
            for (of, name, node) in &change.parts {
                if *of != directory {
                    others.push((*of, change.sequence));
                }
                self.commit(*of, name, *node);
            }
        }
        // A rename between two directories takes what came before it in the other one along.
        for (other, mark) in others {
            self.sync_names(other, mark);
        }
    }

    // ── bytes ──

    pub fn file(&self, node: NodeId) -> Result<&File, Errno> {
        match &self.node(node)?.kind {
            NodeKind::File(file) => Ok(file),
            NodeKind::Directory { .. } => Err(Errno(libc::EISDIR)),
        }
    }

    pub fn file_mut(&mut self, node: NodeId) -> Result<&mut File, Errno> {
        match &mut self.node_mut(node)?.kind {
            NodeKind::File(file) => Ok(file),
            NodeKind::Directory { .. } => Err(Errno(libc::EISDIR)),
        }
    }

    /// Writes all of `bytes`; ENOSPC writes what fits in front.
    pub fn write(
        &mut self,
        node: NodeId,
        at: u64,
        bytes: &[u8],
        durable: bool,
        wall: WallMillis,
    ) -> Result<(), Errno> {
        self.node_mut(node)?.modified = wall;
        let length = bytes.len() as u64;
        if let Err(error) = self.take(node, at, length) {
            let room = self.free_blocks() * BLOCK;
            let fits = room.min(length) / BLOCK * BLOCK;
            if fits > 0 && self.take(node, at, fits).is_ok() {
                let file = self.file_mut(node)?;
                file.write(at, &bytes[..fits as usize], false);
            }
            return Err(error);
        }
        self.file_mut(node)?.write(at, bytes, durable);
        Ok(())
    }

    pub fn truncate(&mut self, node: NodeId, length: u64, wall: WallMillis) -> Result<(), Errno> {
        self.node_mut(node)?.modified = wall;
        let file = self.file_mut(node)?;
        file.truncate(length);
        let released = file.release_behind(length);
        self.used_blocks -= released;
        Ok(())
    }

    pub fn allocate(
        &mut self,
        node: NodeId,
        at: u64,
        length: u64,
        zeroed: bool,
    ) -> Result<(), Errno> {
        self.take(node, at, length)?;
        if zeroed {
            self.file_mut(node)?.write_zeros(at, length);
        }
        Ok(())
    }

    /// Takes the blocks of a range, or refuses when the disk is full.
    fn take(&mut self, node: NodeId, at: u64, length: u64) -> Result<(), Errno> {
        let missing = self.file(node)?.missing_blocks(at, length);
        if missing > self.free_blocks() {
            return Err(Errno::NO_SPACE);
        }
        self.used_blocks += self.file_mut(node)?.allocate(at, length);
        Ok(())
    }

    fn free_blocks(&self) -> u64 {
        (self.capacity / BLOCK).saturating_sub(self.used_blocks)
    }

    // ── the tree ──

    fn find(&self, path: &Path) -> Result<NodeId, Errno> {
        let mut node = ROOT;
        for name in steps(path)? {
            node = *self.names(node)?.get(name).ok_or(Errno::NO_ENTRY)?;
        }
        Ok(node)
    }

    fn parent<'a>(&self, path: &'a Path) -> Result<(NodeId, &'a str), Errno> {
        let steps = steps(path)?;
        let (name, parents) = steps.split_last().ok_or(Errno::EXISTS)?;
        let mut node = ROOT;
        for step in parents {
            node = *self.names(node)?.get(*step).ok_or(Errno::NO_ENTRY)?;
        }
        Ok((node, *name))
    }

    fn names(&self, node: NodeId) -> Result<&BTreeMap<String, NodeId>, Errno> {
        match &self.node(node)?.kind {
            NodeKind::Directory { names, .. } => Ok(names),
            NodeKind::File(_) => Err(Errno(libc::ENOTDIR)),
        }
    }

    fn node(&self, node: NodeId) -> Result<&Node, Errno> {
        self.nodes.get(&node).ok_or(Errno::NO_ENTRY)
    }

    fn node_mut(&mut self, node: NodeId) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&node).ok_or(Errno::NO_ENTRY)
    }

    fn insert(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.node_next);
        self.node_next += 1;
        self.nodes.insert(id, node);
        id
    }

    /// Changes names now, to be synced later.
    fn change(&mut self, parts: Vec<(NodeId, String, Option<NodeId>)>) {
        for (directory, name, node) in &parts {
            if let Some(node) = node.and_then(|node| self.nodes.get_mut(&node)) {
                node.names += 1;
            }
            let Some(NodeKind::Directory { names, .. }) =
                self.nodes.get_mut(directory).map(|node| &mut node.kind)
            else {
                continue;
            };
            let before = match node {
                Some(node) => names.insert(name.clone(), *node),
                None => names.remove(name),
            };
            if let Some(before) = before
                && let Some(entry) = self.nodes.get_mut(&before)
            {
                entry.names -= 1;
                self.release_if_unused(before);
            }
        }
        self.sequence += 1;
        self.changes.push(NameChange {
            sequence: self.sequence,
            parts,
        });
    }

    fn commit(&mut self, directory: NodeId, name: &str, node: Option<NodeId>) {
        if let Some(NodeKind::Directory { synced, .. }) =
            self.nodes.get_mut(&directory).map(|node| &mut node.kind)
        {
            match node {
                Some(node) => synced.insert(name.to_owned(), node),
                None => synced.remove(name),
            };
        }
    }

    /// The space of a file without name and handle is free at once; its bytes may come back with
    /// its name after a power cut, so the node itself waits for `collect`.
    fn release_if_unused(&mut self, node: NodeId) {
        let Some(entry) = self.nodes.get(&node) else {
            return;
        };
        if entry.names > 0 || entry.handles > 0 {
            return;
        }
        if let NodeKind::File(file) = &entry.kind {
            self.used_blocks = self.used_blocks.saturating_sub(file.allocated_blocks());
        }
        self.removals += 1;
        if self.removals >= 256 {
            self.collect();
        }
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new()
    }
}

impl Node {
    fn file(modified: WallMillis) -> Node {
        Node {
            kind: NodeKind::File(File::default()),
            names: 0,
            handles: 0,
            modified,
        }
    }

    fn directory(names: u32) -> Node {
        Node {
            kind: NodeKind::Directory {
                names: BTreeMap::new(),
                synced: BTreeMap::new(),
            },
            names,
            handles: 0,
            modified: WallMillis(0),
        }
    }

    fn children(&self) -> Vec<NodeId> {
        match &self.kind {
            NodeKind::Directory { names, .. } => names.values().copied().collect(),
            NodeKind::File(_) => Vec::new(),
        }
    }
}

/// The names on the way; `.` and the root count for nothing, `..` is refused.
fn steps(path: &Path) -> Result<Vec<&str>, Errno> {
    let mut steps = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => steps.push(name.to_str().ok_or(Errno::INVALID)?),
            Component::ParentDir | Component::Prefix(_) => return Err(Errno::INVALID),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::super::seed::Rng;
    use super::*;

    const CREATE: OpenOptions = OpenOptions {
        write: true,
        create: true,
        create_new: false,
        truncate: false,
        direct: false,
        inline: false,
    };
    const WALL: WallMillis = WallMillis(1);

    fn create(disk: &mut Disk, path: &str, bytes: &[u8]) -> NodeId {
        let opened = disk.open(Path::new(path), CREATE, WALL).unwrap();
        disk.write(opened.node, 0, bytes, true, WALL).unwrap();
        opened.node
    }

    fn names(disk: &Disk, path: &str) -> Vec<String> {
        let entries = disk.list(Path::new(path), "").unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn a_name_survives_once_its_directory_is_synced() {
        let mut lost = 0;
        for seed in 0..100 {
            let mut disk = Disk::new();
            disk.create_directory(Path::new("/data")).unwrap();
            disk.sync_directory(Path::new("/"), disk.mark()).unwrap();
            create(&mut disk, "/data/kept", b"a");
            disk.sync_directory(Path::new("/data"), disk.mark())
                .unwrap();
            create(&mut disk, "/data/maybe", b"b");
            disk.power_cut(&mut Rng::new(seed));
            let left = names(&disk, "/data");
            assert!(left.contains(&"kept".to_owned()));
            lost += usize::from(!left.contains(&"maybe".to_owned()));
        }
        assert!((20..80).contains(&lost), "{lost}");
    }

    #[test]
    fn a_rename_is_never_half_done() {
        for seed in 0..200 {
            let mut disk = Disk::new();
            create(&mut disk, "/state", b"old");
            disk.sync_directory(Path::new("/"), disk.mark()).unwrap();
            create(&mut disk, "/state.tmp", b"new");
            disk.rename(Path::new("/state.tmp"), Path::new("/state"))
                .unwrap();
            disk.power_cut(&mut Rng::new(seed));
            let opened = disk.open(Path::new("/state"), CREATE, WALL).unwrap();
            let mut bytes = [0; 3];
            disk.file(opened.node).unwrap().read(0, &mut bytes);
            match &bytes {
                b"new" => assert_eq!(names(&disk, "/"), ["state"]),
                b"old" => {}
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_full_disk_refuses_and_space_comes_back() {
        let mut disk = Disk::new();
        disk.capacity = 4 * BLOCK;
        let node = create(&mut disk, "/a", &[1; 8192]);
        assert_eq!(disk.space(), (4 * BLOCK, 2 * BLOCK));
        let refused = disk.write(node, 8192, &[1; 16384], false, WALL);
        assert_eq!(refused, Err(Errno::NO_SPACE));
        disk.unlink(Path::new("/a")).unwrap();
        assert_eq!(disk.space().1, 0);
        disk.close(node);
        assert_eq!(disk.space().1, 4 * BLOCK);
    }

    #[test]
    fn a_directory_moves_with_what_is_in_it() {
        let mut disk = Disk::new();
        disk.create_directory(Path::new("/t-0")).unwrap();
        create(&mut disk, "/t-0/log", b"x");
        disk.rename(Path::new("/t-0"), Path::new("/t-0-stray"))
            .unwrap();
        assert_eq!(names(&disk, "/t-0-stray"), ["log"]);
        let refused = disk.remove_directory(Path::new("/t-0-stray"));
        assert_eq!(refused, Err(Errno(libc::ENOTEMPTY)));
        assert_eq!(disk.unlink(Path::new("/t-0/log")), Err(Errno::NO_ENTRY));
    }

    #[test]
    fn an_unlinked_file_may_come_back() {
        let came_back = (0..100).filter(|seed| {
            let mut disk = Disk::new();
            create(&mut disk, "/a", b"x");
            disk.sync_directory(Path::new("/"), disk.mark()).unwrap();
            disk.unlink(Path::new("/a")).unwrap();
            disk.power_cut(&mut Rng::new(*seed));
            disk.status(Path::new("/a")).is_ok()
        });
        assert!((20..80).contains(&came_back.count()));
    }
}
