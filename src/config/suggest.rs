//! The known name nearest to one that is not known.
//!
//! Room:       `config`, help for a misspelt name.
//! Called by:  `config::broker`, `config::alter`, when they refuse a name.
//! Calls:      nothing.
//! Never:      guesses: a name further than a third of its length away is no suggestion.

/// The candidate with the smallest edit distance to `name`, if it is near enough to be meant.
pub fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    // A name from a client may be of any length; none of ours passes a hundred bytes.
    if name.len() > 200 {
        return None;
    }
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        .filter(|(edits, _)| *edits <= (name.len() / 3).max(2))
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one name into the
/// other, upper and lower case being the same, `_` and `.` too.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<u8> = left.bytes().map(fold).collect();
    let right: Vec<u8> = right.bytes().map(fold).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &a) in left.iter().enumerate() {
        let mut here = Vec::with_capacity(right.len() + 1);
        here.push(row + 1);
        for (column, &b) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(a != b);
            let mut best = replaced.min(above[column + 1] + 1).min(here[column] + 1);
            if row > 0 && column > 0 && a == right[column - 1] && left[row - 1] == b {
                best = best.min(before[column - 1] + 1);
            }
            here.push(best);
        }
        before = std::mem::replace(&mut above, here);
    }
    above[right.len()]
}

fn fold(byte: u8) -> u8 {
    if byte == b'_' {
        b'.'
    } else {
        byte.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = [
        "log.dirs",
        "log.dir",
        "num.partitions",
        "ottla.memory.bytes",
    ];

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        assert_eq!(
            nearest("num.partitons", NAMES.into_iter()),
            Some("num.partitions")
        );
        assert_eq!(nearest("LOG_DIRS", NAMES.into_iter()), Some("log.dirs"));
        assert_eq!(
            nearest("ottla.memroy.bytes", NAMES.into_iter()),
            Some("ottla.memory.bytes")
        );
    }

    #[test]
    fn a_name_far_from_all_finds_none() {
        assert_eq!(nearest("zookeeper.connect", NAMES.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(100_000), NAMES.into_iter()), None);
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
