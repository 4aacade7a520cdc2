//! How often a request names each thing.
//!
//! Room:       `handlers`.
//! Called by:  those that refuse what is named twice.
//! Never:      hashes: a request may name hundreds of thousands of things, and its sender chooses
//!             how they are called.

use crate::runtime::Pace;
use std::collections::BTreeMap;

pub struct Said<K>(BTreeMap<K, usize>);

impl<K: Ord> Said<K> {
    pub async fn of(things: impl IntoIterator<Item = K>, pace: &mut Pace) -> Said<K> {
        let mut said = Said(BTreeMap::new());
        for thing in things {
            said.say(thing);
            pace.step().await;
        }
        said
    }

    fn say(&mut self, thing: K) {
        *self.0.entry(thing).or_default() += 1;
    }

    pub fn is_repeated(&self, thing: &K) -> bool {
        self.0.get(thing).is_some_and(|times| *times > 1)
    }

    /// Whether it is said twice; told once, so that it is answered once. `None`: it was told.
    pub fn take(&mut self, thing: &K) -> Option<bool> {
        self.0.remove(thing).map(|times| times > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_is_found_and_taken_once() {
        let mut said = Said(BTreeMap::new());
        for thing in ["a", "b", "a"] {
            said.say(thing);
        }
        assert!(said.is_repeated(&"a") && !said.is_repeated(&"b") && !said.is_repeated(&"c"));
        let told = ["a", "b", "a", "b", "c"].map(|thing| said.take(&thing));
        assert_eq!(told, [Some(true), Some(false), None, None, None]);
    }
}
