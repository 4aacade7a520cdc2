//! Which rooms a source names, however it names them: what `tidy` holds their direction by.

/// The rooms that code names after `crate::`, or after as many `super::` as lead out of its own,
/// alone or in a group of imports, each with its line.
pub fn rooms_named(path: &str, code: &str) -> Vec<(usize, String)> {
    let code: Vec<&str> = code.lines().map(without_comment).collect();
    let code = code.join("\n");
    let depth = module_depth(path);
    let mut named = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = next_path(&code, at) {
        at = end;
        let head = &code[start..end];
        let supers = head.matches("super::").count();
        if head != "crate::" && supers != depth {
            continue;
        }
        let line_of = |position: usize| code[..position].matches('\n').count() + 1;
        if code[end..].starts_with('{') {
            let items = group_items(&code[end..]);
            named.extend(items.map(|(from, item)| (line_of(end + from), item.to_owned())));
        } else {
            let item = word(&code[end..]);
            named.extend((!item.is_empty()).then(|| (line_of(end), item.to_owned())));
        }
    }
    named
}

/// How many modules a file is below the crate.
fn module_depth(path: &str) -> usize {
    let parts = path.trim_end_matches(".rs").trim_end_matches("/mod");
    parts.split('/').count() - 1
}

/// The next `crate::` or `super::super::` from `at` on, from where to where.
fn next_path(code: &str, at: usize) -> Option<(usize, usize)> {
    let found = |what: &str| code[at..].find(what).map(|position| at + position);
    let start = [found("crate::"), found("super::")]
        .into_iter()
        .flatten()
        .min()?;
    let mut end = start + "crate::".len();
    while code[end..].starts_with("super::") {
        end += "super::".len();
    }
    Some((start, end))
}

/// The first word of each item of a group that opens here, and where it stands.
fn group_items(group: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut depth, mut fresh) = (0, false);
    group
        .char_indices()
        .map_while(move |(position, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            let starts = fresh && depth == 1 && (c.is_alphanumeric() || c == '_');
            fresh = match c {
                '{' | ',' => depth == 1,
                c if c.is_whitespace() => fresh,
                _ => false,
            };
            (depth > 0).then_some((position, if starts { word(&group[position..]) } else { "" }))
        })
        .filter(|(_, item)| !item.is_empty())
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

pub fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

#[test]
fn a_room_is_seen_however_it_is_named() {
    let seen = |code: &str| -> Vec<(usize, String)> { rooms_named("src/log/index/time.rs", code) };
    let named = |rooms: &[(usize, &str)]| -> Vec<(usize, String)> {
        let owned = rooms.iter().map(|(line, room)| (*line, (*room).to_owned()));
        owned.collect()
    };
    assert_eq!(seen("use crate::io::Op;"), named(&[(1, "io")]));
    assert_eq!(
        seen("use crate::{\n    io::{self, Op},\n    shard,\n};\ncrate::log::x()"),
        named(&[(2, "io"), (3, "shard"), (5, "log")])
    );
    assert_eq!(
        seen("super::super::super::router::f(); super::super::layout::g();"),
        named(&[(1, "router")])
    );
    assert_eq!(
        seen("use super::super::super::{ids, broker::Plan as P};"),
        named(&[(1, "ids"), (1, "broker")])
    );
    assert_eq!(seen("// crate::broker is not used"), []);
    let room = rooms_named("src/log/mod.rs", "super::shard::x(); super::super::y()");
    assert_eq!(room, named(&[(1, "shard")]));
}
