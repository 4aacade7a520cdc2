//! `ottla groups`: all groups of all types, as `kafka-groups` lists them.
//!
//! Room:       `cli`, a tool.
//! Called by:  `cli::main`.
//! Calls:      `client::groups`.
//! Never:      changes anything.

use super::ClientFlags;
use super::output::{Outcome, Refusal, print};
use crate::client::{Cluster, groups};
use std::fmt::Write;

/// The flags of `ottla groups`.
#[derive(clap::Args, Debug)]
pub struct Groups {
    /// List groups.
    #[arg(long, required = true)]
    list: bool,
    /// Only groups of this type: classic, consumer, share or streams.
    #[arg(long, value_name = "TYPE")]
    group_type: Option<String>,
    /// Only groups of this protocol, as `consumer` or `connect`.
    #[arg(long, value_name = "NAME")]
    protocol: Option<String>,
    /// Only consumers, of either protocol.
    #[arg(long, conflicts_with_all = ["group_type", "protocol", "share", "streams"])]
    consumer: bool,
    /// Only share groups.
    #[arg(long, conflicts_with_all = ["group_type", "protocol", "streams"])]
    share: bool,
    /// Only streams groups.
    #[arg(long, conflicts_with_all = ["group_type", "protocol"])]
    streams: bool,
    #[command(flatten)]
    client: ClientFlags,
}

const KINDS: [&str; 4] = ["classic", "consumer", "share", "streams"];

impl Groups {
    pub fn run(self) -> Outcome {
        if let Some(named) = &self.group_type
            && !KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(named))
        {
            return Err(Refusal::new(format_args!(
                "--group-type {named}: there is no such type; name one of {}",
                KINDS.join(", ")
            )));
        }
        let cluster = Cluster::connect(self.client.config()?)?;
        let listed = groups::list(&cluster, &[], &[])?;
        let is = |wanted: &Option<String>, value: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        let shown = |group: &&groups::ListedGroup| {
            let consumes = group.kind == "consumer"
                || group.kind == "classic" && matches!(&*group.protocol, "" | "consumer");
            is(&self.group_type, &group.kind)
                && is(&self.protocol, &group.protocol)
                && (!self.consumer || consumes)
                && (!self.share || group.kind == "share")
                && (!self.streams || group.kind == "streams")
        };
        let shown: Vec<_> = listed.iter().filter(shown).collect();
        let width = shown
            .iter()
            .map(|group| group.id.len())
            .max()
            .unwrap_or(0)
            .max(15);
        let mut out = format!("{:<width$} {:<20} {}\n", "GROUP", "TYPE", "PROTOCOL");
        for group in shown {
            let kind = super::consumer_groups::capitalized(&group.kind);
            let _ = writeln!(out, "{:<width$} {kind:<20} {}", group.id, group.protocol);
        }
        print(&out)
    }
}
