//! `consumer-groups --reset-offsets`: where groups shall go on.
//!
//! Room:       `cli`, part of a tool.
//! Called by:  `consumer_groups`.
//! Calls:      `client::groups`, ListOffsets for what times and ends mean.
//! Never:      sets an offset outside the log: it goes to the nearest end.

use super::{ConsumerGroups, topics};
use crate::cli::output::{Outcome, Refusal, note, print};
use crate::client::admin::{OffsetSpec, list_offsets};
use crate::client::properties::parse_duration;
use crate::client::{Cluster, clock, groups};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Where to; one of these.
#[derive(clap::Args, Debug)]
#[group(multiple = false)]
pub struct Scenario {
    /// To the first offset there is.
    #[arg(long)]
    to_earliest: bool,
    /// To the end.
    #[arg(long)]
    to_latest: bool,
    /// To where it is: useful with --export.
    #[arg(long)]
    to_current: bool,
    /// To an offset.
    #[arg(long, value_name = "OFFSET")]
    to_offset: Option<i64>,
    /// By so many records, forward or (negative) back.
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true)]
    shift_by: Option<i64>,
    /// To a time: YYYY-MM-DDTHH:mm:SS.sss, in UTC unless it ends in Z or +HH:MM.
    #[arg(long, value_name = "TIME")]
    to_datetime: Option<String>,
    /// By a duration back from now: PnDTnHnMnS.
    #[arg(long, value_name = "DURATION")]
    by_duration: Option<String>,
    /// To what a file says: topic,partition,offset a line, with the group in front for several.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

type Places = BTreeMap<(String, i32), i64>;

pub fn run(flags: &ConsumerGroups, cluster: &Arc<Cluster>, wanted: &[String]) -> Outcome {
    let mut prepared = Vec::new();
    for group in wanted {
        let described = groups::describe(cluster, group)?;
        let state = described.map_or("Dead".to_owned(), |described| described.state);
        if !matches!(state.as_str(), "Empty" | "Dead") {
            return Err(Refusal::new(format_args!(
                "Assignments can only be reset if the group '{group}' is inactive, but the \
                 current state is {state}; stop its members"
            )));
        }
        prepared.push((group, offsets(flags, cluster, group, wanted.len() > 1)?));
    }
    if flags.execute {
        for (group, offsets) in &prepared {
            groups::commit(cluster, group, offsets)?;
        }
    } else if !flags.dry_run && !flags.export {
        note("WARN: No action will be performed as the --execute option is missing.");
    }
    print(&report(&prepared, flags.export))
}

pub fn report(prepared: &[(&String, Places)], export: bool) -> String {
    let mut out = String::new();
    if !export {
        let _ = writeln!(
            out,
            "\n{:<30} {:<30} {:<10} {:<15}",
            "GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"
        );
    }
    for (group, offsets) in prepared {
        for ((topic, partition), offset) in offsets {
            let _ = match (export, prepared.len()) {
                (false, _) => writeln!(out, "{group:<30} {topic:<30} {partition:<10} {offset:<15}"),
                (true, 1) => writeln!(out, "{topic},{partition},{offset}"),
                (true, _) => writeln!(out, "{group},{topic},{partition},{offset}"),
            };
        }
    }
    out
}

fn offsets(
    flags: &ConsumerGroups,
    cluster: &Arc<Cluster>,
    group: &str,
    several: bool,
) -> Result<Places, Refusal> {
    let committed = groups::offsets(cluster, group)?;
    if flags.reset.is_from_file() {
        return flags
            .reset
            .offsets(cluster, group, &[], &committed, several);
    }
    let places: Vec<(String, i32)> = if flags.all_topics {
        committed.keys().cloned().collect()
    } else if flags.topic.is_empty() {
        return Err(Refusal::new(
            "name topics with --topic, or take --all-topics",
        ));
    } else {
        topics(cluster, &flags.topic)?
    };
    flags
        .reset
        .offsets(cluster, group, &places, &committed, several)
}

impl Scenario {
    /// Whether a file says which partitions.
    pub fn is_from_file(&self) -> bool {
        self.from_file.is_some()
    }

    /// Where the offsets of these partitions shall go; with a file, of those that it names.
    pub fn offsets(
        &self,
        cluster: &Arc<Cluster>,
        group: &str,
        places: &[(String, i32)],
        committed: &groups::Offsets,
        several: bool,
    ) -> Result<Places, Refusal> {
        match &self.from_file {
            Some(file) => from_file(cluster, file, group, several),
            None => self.offsets_of(cluster, places, committed),
        }
    }

    fn offsets_of(
        &self,
        cluster: &Arc<Cluster>,
        places: &[(String, i32)],
        committed: &groups::Offsets,
    ) -> Result<Places, Refusal> {
        let listed = |spec: OffsetSpec| -> Result<Vec<i64>, Refusal> {
            let wanted: Vec<_> = places
                .iter()
                .map(|(topic, partition)| (topic.as_str(), *partition, spec))
                .collect();
            let listed = list_offsets(cluster, &wanted)?;
            Ok(listed.into_iter().map(|listed| listed.offset).collect())
        };
        let (starts, ends) = (listed(OffsetSpec::Earliest)?, listed(OffsetSpec::Latest)?);
        let current = || {
            places.iter().zip(&ends).map(|(place, end)| {
                let at = committed.get(place).map(|(offset, _)| *offset);
                at.filter(|offset| *offset >= 0).unwrap_or(*end)
            })
        };
        let reset = self;
        let asked: Vec<i64> = if reset.to_earliest {
            starts.clone()
        } else if reset.to_latest {
            ends.clone()
        } else if reset.to_current {
            current().collect()
        } else if let Some(offset) = reset.to_offset {
            vec![offset; places.len()]
        } else if let Some(shift) = reset.shift_by {
            for place in places {
                if !committed.contains_key(place) {
                    return Err(Refusal::new(format_args!(
                        "Cannot shift offset for partition {}-{} since there is no current \
                         committed offset",
                        place.0, place.1
                    )));
                }
            }
            current()
                .map(|offset| offset.saturating_add(shift))
                .collect()
        } else {
            let at = match (&reset.to_datetime, &reset.by_duration) {
                (Some(text), _) => datetime(text)?,
                (None, Some(text)) => clock::wall_ms() - duration(text)?,
                (None, None) => {
                    return Err(Refusal::new(
                        "say where to: --to-earliest, --to-latest, --to-current, --to-offset, \
                     --shift-by, --to-datetime, --by-duration or --from-file",
                    ));
                }
            };
            let at = listed(OffsetSpec::Time(at))?;
            let found = places.iter().zip(at).zip(&ends);
            let found = found.map(|((place, at), end)| match at {
                // Nothing is that new.
                ..0 => {
                    note(format_args!(
                        "WARN: Partition {} from topic {} is empty. Falling back to latest known \
                         offset.",
                        place.1, place.0
                    ));
                    *end
                }
                at => at,
            });
            found.collect()
        };
        Ok(within(places, asked, &starts, &ends))
    }
}

fn within(places: &[(String, i32)], asked: Vec<i64>, starts: &[i64], ends: &[i64]) -> Places {
    let bounds = starts.iter().zip(ends);
    let placed = places.iter().zip(asked).zip(bounds);
    placed
        .map(|((place, asked), (start, end))| {
            let offset = asked.min(*end).max(*start);
            if offset != asked {
                note(format_args!(
                    "WARN: New offset ({asked}) is outside the log of {}-{}. Value will be set to \
                     {offset}",
                    place.0, place.1
                ));
            }
            (place.clone(), offset)
        })
        .collect()
}

fn from_file(
    cluster: &Arc<Cluster>,
    file: &PathBuf,
    group: &str,
    several: bool,
) -> Result<Places, Refusal> {
    let refuse = |reason: String| Refusal::new(format_args!("{}: {reason}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    let mut places = Vec::new();
    let mut asked = Vec::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let fields: Vec<&str> = line
            .split(',')
            .map(|f| f.trim().trim_matches('"'))
            .collect();
        let (of, rest) = match (several, fields.len()) {
            (false, 3) => (group, &fields[..]),
            (_, 4) => (fields[0], &fields[1..]),
            _ => {
                let what = if several {
                    "group,topic,partition,offset"
                } else {
                    "topic,partition,offset"
                };
                return Err(refuse(format!("line {} is not {what}", number + 1)));
            }
        };
        if of != group {
            continue;
        }
        let (Ok(partition), Ok(offset)) = (rest[1].parse(), rest[2].parse::<i64>()) else {
            return Err(refuse(format!("line {} has no numbers", number + 1)));
        };
        places.push((rest[0].to_owned(), partition));
        asked.push(offset);
    }
    let listed = |spec: OffsetSpec| -> Result<Vec<i64>, Refusal> {
        let wanted: Vec<_> = places
            .iter()
            .map(|(topic, partition)| (topic.as_str(), *partition, spec))
            .collect();
        let listed = list_offsets(cluster, &wanted)?;
        Ok(listed.into_iter().map(|listed| listed.offset).collect())
    };
    let (starts, ends) = (listed(OffsetSpec::Earliest)?, listed(OffsetSpec::Latest)?);
    Ok(within(&places, asked, &starts, &ends))
}

/// `2024-05-01T10:20:30.123`, in UTC, or with `Z`, `+02`, `+0200` or `+02:00` behind.
pub fn datetime(text: &str) -> Result<i64, Refusal> {
    let refuse = || {
        Refusal::new(format_args!(
            "--to-datetime takes YYYY-MM-DDTHH:mm:SS.sss, not '{text}'"
        ))
    };
    let (date, time) = text.split_once('T').ok_or_else(refuse)?;
    let zone = time.find(['Z', '+', '-']);
    let (time, zone) = time.split_at(zone.unwrap_or(time.len()));
    let numbers = |text: &str, by: char| -> Option<Vec<i64>> {
        text.split(by).map(|part| part.parse().ok()).collect()
    };
    let date = numbers(date, '-')
        .filter(|date| date.len() == 3)
        .ok_or_else(refuse)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock = numbers(clock, ':').filter(|clock| (2..=3).contains(&clock.len()));
    let clock = clock.ok_or_else(refuse)?;
    let millis: i64 = format!("{fraction:0<3}")
        .get(..3)
        .and_then(|f| f.parse().ok())
        .ok_or_else(refuse)?;
    let is_date = (1..=12).contains(&date[1]) && (1..=31).contains(&date[2]);
    let is_time = (0..24).contains(&clock[0]) && (0..60).contains(&clock[1]);
    if !is_date || !is_time {
        return Err(refuse());
    }
    let seconds = clock.get(2).copied().unwrap_or(0);
    let day = days(date[0], date[1], date[2]);
    let local = ((day * 24 + clock[0]) * 60 + clock[1]) * 60 + seconds;
    let ahead = match zone {
        "" | "Z" => 0,
        zone => {
            let digits: String = zone[1..].chars().filter(char::is_ascii_digit).collect();
            let hours: i64 = digits
                .get(..2)
                .and_then(|h| h.parse().ok())
                .ok_or_else(refuse)?;
            let minutes: i64 = digits.get(2..4).and_then(|m| m.parse().ok()).unwrap_or(0);
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            sign * (hours * 3600 + minutes * 60)
        }
    };
    Ok((local - ahead) * 1000 + millis)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `P1DT2H3M4.5S` in milliseconds.
fn duration(text: &str) -> Result<i64, Refusal> {
    parse_duration(text)
        .ok_or_else(|| Refusal::new(format_args!("--by-duration takes PnDTnHnMnS, not '{text}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_kafkas_tool_reads_them() {
        let at = |text| datetime(text).ok();
        assert_eq!(at("1970-01-01T00:00:00.000"), Some(0));
        assert_eq!(at("2024-02-29T12:30:15.5"), Some(1_709_209_815_500));
        assert_eq!(at("2024-02-29T12:30:15.500+02:00"), Some(1_709_202_615_500));
        assert_eq!(at("2024-02-29T12:30:15Z"), Some(1_709_209_815_000));
        for wrong in [
            "",
            "now",
            "2024-02-29",
            "2024-13-01T00:00:00",
            "2024-01-01T25:00:00",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        assert_eq!(duration("P1DT2H3M4.5S").ok(), Some(93_784_500));
        assert_eq!(duration("PT30M").ok(), Some(1_800_000));
        assert!(duration("30M").is_err() && duration("PT30").is_err());
    }
}
