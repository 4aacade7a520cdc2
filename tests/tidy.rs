//! Reads our own sources and fails on what a reviewer would have to say again and again.
//!
//! Held here: the direction of the rooms, what lies at the top, the head of each file, its width
//! and size, parked files, large fixtures, `unsafe` outside its places, leftovers, and what belongs
//! to one machine only. A limit is a ratchet: an exception is listed with its reason and may only
//! shrink.

#[path = "rooms.rs"]
mod rooms;

use rooms::{rooms_named, without_comment};
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may use, besides `config`, `metrics`, `protocol`, `ids` and `map`, which
/// all may. On the way of a request this goes down only (STYLE §1).
const ROOMS: &[(&str, &[&str])] = &[
    (
        "broker",
        &[
            "connection",
            "handlers",
            "http",
            "router",
            "controller",
            "shard",
            "partition",
            "metadata",
            "runtime",
            "io",
        ],
    ),
    ("http", &["runtime", "io"]),
    ("connection", &["handlers", "router", "runtime", "io"]),
    // Requests and answers are the lower rooms' own types; handlers reach them through the router.
    (
        "handlers",
        &[
            "router",
            "controller",
            "coordinator",
            "shard",
            "partition",
            "metadata",
            "runtime",
            "io",
        ],
    ),
    (
        "router",
        &[
            "controller",
            "coordinator",
            "shard",
            "partition",
            "metadata",
            "runtime",
            "io",
        ],
    ),
    (
        "shard",
        &[
            "coordinator",
            "partition",
            "journal",
            "log",
            "metadata",
            "runtime",
            "io",
        ],
    ),
    ("partition", &["journal", "log", "runtime", "io"]),
    ("journal", &["runtime", "io"]),
    ("log", &["runtime", "io"]),
    (
        "controller",
        &["metadata", "log", "journal", "runtime", "io"],
    ),
    ("coordinator", &["metadata"]),
    ("runtime", &["io"]),
    ("io", &[]),
    ("metadata", &[]),
    ("config", &[]),
    ("metrics", &[]),
    ("client", &[]),
    ("cli", &["client", "log", "journal"]),
    // The simulator may see everything; it is in no other room's list.
    ("sim", &["*"]),
];

/// Files that put the rooms together, so they see all of them.
const JOINTS: &[&str] = &[
    "src/cli/server.rs",
    "src/cli/server/",
    "src/cli/doctor/",
    "src/cli/log/ours.rs",
    "src/bin/",
    "src/main.rs",
];

const EVERYBODYS: &[&str] = &["config", "metrics", "protocol", "ids", "map"];

/// Where `unsafe` may stand (STYLE §8).
const UNSAFE_PLACES: &[&str] = &[
    "src/io/uring/",
    "src/io/buffer.rs",
    "src/runtime/task.rs",
    "src/runtime/stall.rs",
    "bench/",
];

/// Lines a file may have without its tests.
const FILE_LINES_MAX: usize = 600;

/// Files above the limit: what they may have, and why they are not two files.
const LONG_FILES: &[(&str, usize, &str)] = &[
    (
        "src/protocol/primitive.rs",
        700,
        "reader and writer of a primitive stand side by side",
    ),
    (
        "src/shard/checkpointer.rs",
        680,
        "the steps of one checkpoint stand in the order in which they become durable",
    ),
];

/// Suites that stand in `src` beside what they test.
const TEST_FILES: &[&str] = &["src/io/conformance/", "src/log/tests/"];

/// What lies at the top of the repository, besides what `.gitignore` names.
const TOP: &[&str] = &[
    ".ci",
    ".clippy.toml",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bench",
    "perf",
    "src",
    "tests",
    "tuning",
];

/// Files whose lines may be wider: the text of generated code is read better unbroken.
const WIDE_FILES: &[&str] = &["src/protocol/generator/emit_"];

const FIXTURE_BYTES_MAX: u64 = 1 << 20;

#[test]
fn rooms_are_used_in_their_direction() {
    let mut wrong = Vec::new();
    for source in rust_sources()
        .iter()
        .filter(|source| source.path.starts_with("src/"))
    {
        let room = source.path["src/".len()..]
            .split('/')
            .next()
            .unwrap_or_default();
        if room == "protocol" || JOINTS.iter().any(|joint| source.path.starts_with(joint)) {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            continue;
        };
        for (number, used) in rooms_named(&source.path, source.code()) {
            let known = ROOMS.iter().any(|(name, _)| *name == used);
            let fine = used == room
                || !known
                || EVERYBODYS.contains(&&*used)
                || allowed.contains(&&*used)
                || allowed.contains(&"*");
            if !fine {
                wrong.push(format!("{}:{number}: {room} uses {used}", source.path));
            }
        }
    }
    assert_none(
        &wrong,
        "a room may use only what ROOMS in tests/tidy.rs lists for it",
    );
}

#[test]
fn every_room_is_in_the_list() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("src"))
        .expect("src is there")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let listed = ROOMS.iter().any(|(room, _)| *room == name);
        if entry.path().is_dir() && !listed && !matches!(name.as_str(), "bin" | "protocol") {
            wrong.push(format!("src/{name}"));
        }
    }
    assert_none(
        &wrong,
        "a new room says in tests/tidy.rs which rooms it may use",
    );
}

#[test]
fn nothing_lies_at_the_top_that_does_not_belong_there() {
    let ignored = fs::read_to_string(root().join(".gitignore")).expect("it is there");
    let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    let entries = fs::read_dir(root()).expect("the repository is there");
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let wrong: Vec<String> = names
        .filter(|name| !TOP.contains(&&**name) && !ignored.contains(&&**name))
        .collect();
    assert_none(
        &wrong,
        "the map has no place for these; move them or name them in TOP",
    );
    for place in TEST_FILES {
        assert!(root().join(place).exists(), "TEST_FILES: {place} is gone");
    }
}

#[test]
fn every_file_opens_with_its_head() {
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let head: Vec<&str> = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let says = |word: &str| {
            head.iter()
                .any(|line| line[3..].trim_start().starts_with(word))
        };
        if head.is_empty() {
            wrong.push(format!("{}: no head", source.path));
        } else if source.is_room() && !(says("Room:") && says("Called by:") && says("Never:")) {
            wrong.push(format!(
                "{}: Room, Called by or Never is missing",
                source.path
            ));
        }
    }
    assert_none(
        &wrong,
        "a file opens with //!, a room's mod.rs with Room, Called by and Never",
    );
}

#[test]
fn no_line_is_too_wide() {
    let mut wrong = Vec::new();
    for source in rust_sources()
        .iter()
        .filter(|source| !source.is_generated())
    {
        if WIDE_FILES.iter().any(|wide| source.path.starts_with(wide)) {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if line.chars().count() > 100 {
                wrong.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none(&wrong, "lines have 100 characters at most");
}

#[test]
fn no_file_is_too_long() {
    let mut wrong = Vec::new();
    for source in rust_sources()
        .iter()
        .filter(|source| !source.is_generated())
    {
        let lines = source.code().lines().count();
        let exception = LONG_FILES.iter().find(|(path, _, _)| *path == source.path);
        let limit = exception.map_or(FILE_LINES_MAX, |(_, lines, _)| *lines);
        if lines > limit {
            wrong.push(format!(
                "{}: {lines} lines without tests, {limit} allowed",
                source.path
            ));
        }
        if exception.is_some() && lines <= FILE_LINES_MAX {
            wrong.push(format!("{}: needs its exception no longer", source.path));
        }
    }
    assert_none(&wrong, "ask which second room is hiding in the file");
}

#[test]
fn no_file_is_parked() {
    let mut reached = Vec::new();
    for start in [
        "src/lib.rs",
        "src/main.rs",
        "src/protocol/lib.rs",
        "tests/main.rs",
    ] {
        reach(Path::new(start), true, &mut reached);
    }
    for binary in [
        "src/bin",
        "bench/src",
        "bench/src/bin",
        "src/protocol/generator",
    ] {
        for path in files_under(&root().join(binary)) {
            let starts = path.parent() == Some(&root().join(binary));
            if starts && path.extension().is_some_and(|extension| extension == "rs") {
                let is_root = !binary.ends_with("bench/src") || path.ends_with("main.rs");
                if is_root && (!binary.ends_with("generator") || path.ends_with("main.rs")) {
                    reach(
                        path.strip_prefix(root()).expect("under the root"),
                        true,
                        &mut reached,
                    );
                }
            }
        }
    }
    let wrong: Vec<String> = rust_sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| !reached.contains(&PathBuf::from(path)))
        .collect();
    assert_none(
        &wrong,
        "no `mod` leads to these files; use them or delete them",
    );
}

#[test]
fn unsafe_stays_in_its_places() {
    let word = concat!("uns", "afe");
    let mut wrong = Vec::new();
    for source in rust_sources() {
        if UNSAFE_PLACES
            .iter()
            .any(|place| source.path.starts_with(place))
        {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            let code = without_comment(line);
            let used = code
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|w| w == word);
            if used && !code.contains('"') {
                wrong.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none(
        &wrong,
        "only the places in STYLE §8 may be trusted instead of checked",
    );
}

#[test]
fn nothing_is_left_over() {
    let leftovers = [
        concat!("db", "g!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        "#[ignore",
    ];
    let mut wrong = Vec::new();
    for source in rust_sources() {
        for (number, line) in source.text.lines().enumerate() {
            let found = leftovers.iter().find(|leftover| line.contains(*leftover));
            if let Some(leftover) = found.filter(|_| source.path != "tests/tidy.rs") {
                wrong.push(format!("{}:{}: {leftover}", source.path, number + 1));
            }
        }
    }
    assert_none(&wrong, "finish it, or say in an issue what is missing");
}

#[test]
fn nothing_belongs_to_one_machine() {
    let traces = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let mut wrong = Vec::new();
    for path in repository_files() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if traces.iter().any(|trace| line.contains(trace)) {
                wrong.push(format!("{path}:{}", number + 1));
            }
        }
    }
    assert_none(&wrong, "paths of one machine mean nothing on another");
}

#[test]
fn no_fixture_is_large() {
    let large = |path: &String| {
        fs::metadata(root().join(path)).is_ok_and(|meta| meta.len() > FIXTURE_BYTES_MAX)
    };
    let wrong: Vec<String> = repository_files().into_iter().filter(large).collect();
    assert_none(
        &wrong,
        "a fixture has 1 MiB at most; make it, or make it smaller",
    );
}

/// One Rust file, its path relative to the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Everything before the tests at the foot of the file; a file of tests has none.
    fn code(&self) -> &str {
        let tests = self.path.ends_with("tests.rs")
            || TEST_FILES.iter().any(|place| self.path.starts_with(place));
        let end = self
            .text
            .find("\n#[cfg(test)]\nmod tests")
            .unwrap_or(self.text.len());
        if tests { "" } else { &self.text[..end] }
    }

    /// The file that opens a room of the broker.
    fn is_room(&self) -> bool {
        let path = self
            .path
            .strip_prefix("src/")
            .and_then(|path| path.strip_suffix("/mod.rs"));
        path.is_some_and(|room| !room.contains('/'))
    }

    fn is_generated(&self) -> bool {
        self.path.contains("/generated/")
    }
}

fn rust_sources() -> Vec<Source> {
    let paths = repository_files()
        .into_iter()
        .filter(|path| path.ends_with(".rs"));
    paths
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).expect("a source is text");
            Source { path, text }
        })
        .collect()
}

/// Every file that belongs to the repository, relative to it, sorted.
fn repository_files() -> Vec<String> {
    let mut files = Vec::new();
    for top in ["src", "bench", "perf", "tests", "tuning", ".ci"] {
        files.extend(files_under(&root().join(top)));
    }
    for top in [
        "Cargo.toml",
        "README.md",
        ".gitignore",
        ".clippy.toml",
        ".rustfmt.toml",
    ] {
        files.push(root().join(top));
    }
    let relative = |path: PathBuf| {
        path.strip_prefix(root())
            .expect("under the root")
            .to_string_lossy()
            .into_owned()
    };
    let mut files: Vec<String> = files.into_iter().map(relative).collect();
    files.sort();
    files
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return files;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if name == "target" || name == "__pycache__" || name == ".cache" {
            continue;
        }
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Follows the `mod` lines of a file, which is given relative to the repository.
fn reach(path: &Path, is_root: bool, reached: &mut Vec<PathBuf>) {
    if reached.iter().any(|other| other == path) {
        return;
    }
    reached.push(path.to_owned());
    let Ok(text) = fs::read_to_string(root().join(path)) else {
        return;
    };
    let parent = path.parent().unwrap_or(Path::new(""));
    let own = match path.file_stem() {
        Some(stem) if !is_root && stem != "mod" => parent.join(stem),
        _ => parent.to_owned(),
    };
    let mut named: Option<PathBuf> = None;
    for line in text.lines() {
        let line = without_comment(line).trim();
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            named = rest.split('"').next().map(|file| parent.join(file));
            continue;
        }
        let Some(name) = line.strip_suffix(';').and_then(module_name) else {
            continue;
        };
        if let Some(file) = named.take() {
            reach(&file, false, reached);
            continue;
        }
        for file in [
            own.join(format!("{name}.rs")),
            own.join(name).join("mod.rs"),
        ] {
            if root().join(&file).is_file() {
                reach(&file, false, reached);
            }
        }
    }
}

/// `x` of `mod x`, `pub mod x` and `pub(super) mod x`.
fn module_name(declaration: &str) -> Option<&str> {
    let (visibility, name) = declaration.rsplit_once("mod ")?;
    let visibility = visibility.trim();
    (visibility.is_empty() || visibility.starts_with("pub")).then_some(name.trim())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}
