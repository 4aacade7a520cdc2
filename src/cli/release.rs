//! Releases of Apache Kafka, and the feature levels each starts a cluster with: its facts.
//!
//! Room:       `cli`.
//! Called by:  `features`.
//! Never:      says what a broker serves; the broker does.

/// The feature whose level says which records the metadata log holds.
pub const METADATA_VERSION: &str = "metadata.version";

/// Releases by name, each with its `metadata.version`.
pub const RELEASES: &[(&str, i16)] = &[
    ("3.3", 7),
    ("3.4", 8),
    ("3.5", 11),
    ("3.6", 14),
    ("3.7", 19),
    ("3.8", 20),
    ("3.9", 21),
    ("4.0", 25),
    ("4.1", 27),
    ("4.2", 29),
    ("4.3", 30),
];

/// Names of the levels of `metadata.version` from `FIRST` on.
const NAMES: [&str; 24] = [
    "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
    "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0",
    "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0",
];
const FIRST: i16 = 7;

/// From which `metadata.version` on a new cluster has which level of the other features.
const OTHERS: [(&str, i16, i16); 6] = [
    ("kraft.version", 1, 21),
    ("transaction.version", 2, 24),
    ("group.version", 1, 22),
    ("eligible.leader.replicas.version", 1, 26),
    ("share.version", 1, 28),
    ("streams.version", 1, 28),
];

/// The name of a level, as `4.0-IV3`.
pub fn metadata_name(level: i16) -> Option<&'static str> {
    let place = usize::try_from(level.checked_sub(FIRST)?).ok()?;
    NAMES.get(place).copied()
}

/// A level by its number, its name, or its release.
pub fn metadata_level(text: &str) -> Option<i16> {
    let named = NAMES.iter().zip(FIRST..).find(|(name, _)| **name == text);
    let released = RELEASES.iter().find(|(name, _)| *name == text);
    let level = named
        .map(|(_, level)| level)
        .or(released.map(|(_, level)| *level));
    level.or_else(|| text.parse().ok())
}

/// What a release, or a level by its name, starts a cluster with: each feature and its level.
pub fn levels(release: &str) -> Option<Vec<(&'static str, i16)>> {
    let level = metadata_level(release).filter(|_| release.contains('.'))?;
    let others = OTHERS
        .iter()
        .map(|(name, newest, since)| match level >= *since {
            true => (*name, *newest),
            false => (*name, 0),
        });
    Some(
        [(METADATA_VERSION, level)]
            .into_iter()
            .chain(others)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_their_names() {
        assert_eq!(metadata_name(25), Some("4.0-IV3"));
        assert_eq!(metadata_name(30), Some("4.3-IV0"));
        assert_eq!(
            (metadata_name(6), metadata_name(31), metadata_name(-9)),
            (None, None, None)
        );
        for (release, level) in RELEASES {
            assert_eq!(metadata_level(release), Some(*level));
            assert!(metadata_name(*level).is_some_and(|name| name.starts_with(release)));
        }
    }

    #[test]
    fn a_release_has_its_levels() {
        let of = |release| levels(release).map(|all| all.into_iter().map(|(_, l)| l).collect());
        assert_eq!(of("3.3"), Some(vec![7, 0, 0, 0, 0, 0, 0]));
        assert_eq!(of("3.9"), Some(vec![21, 1, 0, 0, 0, 0, 0]));
        assert_eq!(of("4.0"), Some(vec![25, 1, 2, 1, 0, 0, 0]));
        assert_eq!(of("4.1"), Some(vec![27, 1, 2, 1, 1, 0, 0]));
        assert_eq!(of("4.3"), Some(vec![30, 1, 2, 1, 1, 1, 1]));
        assert_eq!(of("9"), None);
    }
}
