//! `ottla doctor`: whether this machine and a configuration are fit for a broker, without one.
//!
//! Room:       `cli`, an offline tool.
//! Called by:  `cli::main`.
//! Calls:      `host` and `disk` for what they find; `server` for a ring and for addresses.
//! Never:      changes a setting; leaves a file behind.
//!
//! One line for each thing looked at: how it is, what was found, and what to do about it where it
//! is not well. Only what keeps a broker from starting is a failure.

mod disk;
mod host;

use super::output::{Outcome, Refusal, print};
use super::{server, settings};
use crate::config::BrokerConfig;
use serde_json::json;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// The flags of `ottla doctor`.
#[derive(clap::Args, Debug)]
pub struct Doctor {
    /// Properties as in Kafka's server.properties; none is what `ottla` starts with.
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: settings::Flags,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How something that was looked at is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// A broker runs, but could do better, or not for long.
    Warn,
    /// A broker does not start.
    Fail,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    state: State,
    /// What it is about.
    about: &'static str,
    /// What was found, and the remedy.
    text: String,
}

impl Finding {
    fn new(state: State, about: &'static str, text: impl fmt::Display) -> Finding {
        Finding {
            state,
            about,
            text: text.to_string(),
        }
    }

    fn ok(about: &'static str, text: impl fmt::Display) -> Finding {
        Finding::new(State::Ok, about, text)
    }

    fn warn(about: &'static str, text: impl fmt::Display) -> Finding {
        Finding::new(State::Warn, about, text)
    }

    fn fail(about: &'static str, text: impl fmt::Display) -> Finding {
        Finding::new(State::Fail, about, text)
    }
}

impl Doctor {
    pub fn run(self) -> Outcome {
        let config = settings::read(self.file.as_deref(), &self.flags)?;
        let findings = look(&config);
        print(&match self.json {
            true => json(&findings),
            false => table(&findings),
        })?;
        match findings.iter().filter(|it| it.state == State::Fail).count() {
            0 => Ok(()),
            count => Err(Refusal::new(format_args!(
                "a broker does not start here; see what is marked `fail` ({count})"
            ))),
        }
    }
}

fn look(config: &BrokerConfig) -> Vec<Finding> {
    let mut findings = vec![
        Finding::ok("kernel", format_args!("Linux {}", server::kernel_release())),
        host::cores(config),
        host::memory(config),
    ];
    findings.extend(host::limits());
    findings.extend(config.listeners.iter().map(host::listener));
    match server::one_ring() {
        Err(error) => findings.push(Finding::fail("io_uring", error)),
        Ok(runtime) => {
            findings.push(host::ring(&runtime.describe()));
            let dirs = config.log_dirs.iter();
            findings.extend(dirs.flat_map(|dir| disk::log_dir(&runtime, dir)));
        }
    }
    findings
}

fn table(findings: &[Finding]) -> String {
    let mut all = String::new();
    for Finding { state, about, text } in findings {
        let _ = writeln!(all, "{:<5} {about:<11} {text}", state.name());
    }
    all
}

fn json(findings: &[Finding]) -> String {
    let findings = findings.iter().map(|Finding { state, about, text }| {
        json!({ "state": state.name(), "about": about, "text": text })
    });
    format!("{:#}\n", findings.collect::<serde_json::Value>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line() {
        let findings = [
            Finding::ok("kernel", "Linux 6.1"),
            Finding::warn("open files", "at most 1024; raise it"),
        ];
        assert_eq!(
            table(&findings),
            "ok    kernel      Linux 6.1\nwarn  open files  at most 1024; raise it\n"
        );
        let told: serde_json::Value = serde_json::from_str(&json(&findings)).expect("JSON");
        assert_eq!(told[1]["state"], "warn");
        assert_eq!(told[1]["about"], "open files");
    }
}
