//! What a simulated disk loses: names and bytes at a power cut, bits at rest, nodes nobody names.
//!
//! Room:       `sim`.
//! Called by:  `sim::world`, tests.
//! Never:      loses what was synced, or half of a rename.

use super::super::seed::Rng;
use super::super::trace::Trace;
use super::{Disk, Mercy, Node, NodeId, NodeKind, ROOT};
use crate::io::Errno;
use crate::map::Set;
use std::collections::BTreeMap;
use std::path::Path;

impl Disk {
    /// What is found after the power came back. All handles are gone.
    pub fn power_cut(&mut self, rng: &mut Rng) {
        const MERCIES: &[(u32, Mercy)] = &[
            (15, Mercy::KeepAll),
            (25, Mercy::LoseAll),
            (25, Mercy::Prefix),
            (35, Mercy::EachSector),
        ];
        let names = rng.choose(MERCIES);
        self.cut_names(names, rng);
        let style = rng.choose(MERCIES);
        let one_style = rng.flip();
        let mut files: Vec<NodeId> = self.nodes.keys().copied().collect();
        files.sort_unstable();
        for node in files {
            let mercy = match one_style {
                true => style,
                false => rng.choose(MERCIES),
            };
            if let Ok(file) = self.file_mut(node)
                && !file.is_synced()
            {
                file.power_cut(mercy, rng);
            }
        }
        self.close_all();
    }

    /// Every process is gone; what was written stays.
    pub fn close_all(&mut self) {
        for node in self.nodes.values_mut() {
            node.handles = 0;
        }
        self.collect();
    }

    fn cut_names(&mut self, mercy: Mercy, rng: &mut Rng) {
        let changes = std::mem::take(&mut self.changes);
        let mut cuts: BTreeMap<NodeId, u64> = BTreeMap::new();
        for change in &changes {
            for (directory, _, _) in &change.parts {
                cuts.entry(*directory).or_insert(0);
            }
        }
        let last = self.sequence;
        let first = changes.first().map_or(last, |change| change.sequence - 1);
        let common = rng.between(first..last + 1);
        for cut in cuts.values_mut() {
            *cut = match mercy {
                Mercy::KeepAll => last,
                Mercy::LoseAll => 0,
                Mercy::Prefix => common,
                Mercy::EachSector => rng.between(first..last + 1),
            };
        }
        // A rename is kept only if both of its directories got that far.
        loop {
            let before = cuts.clone();
            for change in &changes {
                let lost = change
                    .parts
                    .iter()
                    .any(|(of, _, _)| cuts[of] < change.sequence);
                for (of, _, _) in change.parts.iter().filter(|_| lost) {
                    let cut = cuts.get_mut(of).expect("collected above");
                    *cut = (*cut).min(change.sequence - 1);
                }
            }
            if before == cuts {
                break;
            }
        }
        for change in changes {
            for (of, name, node) in &change.parts {
                if change.sequence <= cuts[of] {
                    self.commit(*of, name, *node);
                }
            }
        }
        for node in self.nodes.values_mut() {
            node.names = 0;
            if let NodeKind::Directory { names, synced } = &mut node.kind {
                *names = synced.clone();
            }
        }
        let named: Vec<NodeId> = self.nodes.values().flat_map(Node::children).collect();
        for node in named {
            if let Some(node) = self.nodes.get_mut(&node) {
                node.names += 1;
            }
        }
        if let Some(root) = self.nodes.get_mut(&ROOT) {
            root.names = 1;
        }
    }

    /// Flips one bit of a file at rest.
    pub fn rot(&mut self, path: &Path, position: u64, bit: u8) -> Result<(), Errno> {
        let node = self.find(path)?;
        self.file_mut(node)?.rot(position, bit);
        Ok(())
    }

    /// What a file holds, past all faults.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>, Errno> {
        let file = self.file(self.find(path)?)?;
        let mut bytes = vec![0; file.length() as usize];
        file.read(0, &mut bytes);
        Ok(bytes)
    }

    /// Everything below the root with the hash of its bytes, for comparing two runs.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Trace::default();
        let mut waiting = vec![ROOT];
        while let Some(node) = waiting.pop() {
            match self.nodes.get(&node).map(|node| &node.kind) {
                Some(NodeKind::Directory { names, .. }) => {
                    for (name, child) in names {
                        hash.bytes(name.as_bytes());
                        waiting.push(*child);
                    }
                }
                Some(NodeKind::File(file)) => {
                    let mut bytes = vec![0; file.length() as usize];
                    file.read(0, &mut bytes);
                    hash.bytes(&bytes);
                }
                None => {}
            }
        }
        hash.value()
    }

    /// Forgets nodes nothing can lead to, and counts the blocks taken anew.
    pub(super) fn collect(&mut self) {
        self.removals = 0;
        let mut reached: Set<NodeId> = Set::default();
        let mut waiting = vec![ROOT];
        for (id, node) in &self.nodes {
            if node.handles > 0 {
                waiting.push(*id);
            }
        }
        for change in &self.changes {
            waiting.extend(change.parts.iter().filter_map(|(_, _, node)| *node));
        }
        while let Some(id) = waiting.pop() {
            if !reached.insert(id) {
                continue;
            }
            if let Some(node) = self.nodes.get(&id) {
                waiting.extend(node.children());
                if let NodeKind::Directory { synced, .. } = &node.kind {
                    waiting.extend(synced.values().copied());
                }
            }
        }
        self.nodes.retain(|id, _| reached.contains(id));
        let used = self.nodes.values().map(|node| match &node.kind {
            NodeKind::File(file) if node.names + node.handles > 0 => file.allocated_blocks(),
            _ => 0,
        });
        self.used_blocks = used.sum();
    }
}
