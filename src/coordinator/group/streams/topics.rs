//! How a topology's topics must be: how many partitions internal ones need, which are missing,
//! which do not fit; and so how many tasks each subtopology has.
//!
//! Room:       `coordinator::group::streams`.
//! Called by:  heartbeats, when the topology or its topics have changed.
//! Never:      makes a topic; it says which are wanted.
//!
//! Counts come in three steps. A repartition topic without a number has as many partitions as the
//! widest topic its writer reads. Topics that are joined must be equally wide: source topics give
//! the number, or fixed repartition topics, or the widest. A changelog is as wide as what its
//! subtopology reads.

use super::Refused;
use super::topology::{CopartitionGroup, InternalTopic, Subtopology, Topology};
use crate::metadata::Image;
use crate::protocol::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A topology measured against the topics there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configured {
    pub topology: Rc<Topology>,
    /// What the topology cannot run for, and what members are told of it.
    pub problem: Option<(Problem, String)>,
    /// Tasks of each subtopology; empty when the topics do not let them be counted.
    pub tasks: BTreeMap<Rc<str>, i32>,
    /// Partitions of internal topics.
    pub partitions: BTreeMap<String, i32>,
    /// Internal topics that are not there.
    pub missing: BTreeSet<String>,
}

/// The status codes of a heartbeat's answer that topics can be the cause of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    MissingSource = 1,
    IncorrectlyPartitioned = 2,
    MissingInternal = 3,
}

/// Why topics could not be sized.
enum Unfit {
    /// The topics are not as the topology needs them: told to members, who wait.
    Topics(Problem, String),
    /// The topology makes no sense: told to who sent it.
    Topology(String),
}

/// Names that are told at most.
const NAMES_MAX: usize = 3;

impl Configured {
    /// # Errors
    /// When the topology makes no sense whatever topics there are.
    pub fn of(topology: &Rc<Topology>, image: &Image) -> Result<Configured, Refused> {
        let mut configured = Configured {
            topology: topology.clone(),
            ..Configured::default()
        };
        match configured.size(image) {
            Ok(()) if configured.missing.is_empty() => {}
            Ok(()) => {
                let names = summary(&configured.missing);
                let text = format!("Internal topics are missing: {names}");
                configured.problem = Some((Problem::MissingInternal, text));
            }
            Err(Unfit::Topics(problem, text)) => {
                (configured.tasks, configured.partitions) = Default::default();
                configured.missing.clear();
                configured.problem = Some((problem, text));
            }
            Err(Unfit::Topology(text)) => return Err((ErrorCode::StreamsInvalidTopology, text)),
        }
        Ok(configured)
    }

    pub fn is_ready(&self) -> bool {
        self.problem.is_none()
    }

    fn size(&mut self, image: &Image) -> Result<(), Unfit> {
        let topology = self.topology.clone();
        let subtopologies = topology.subtopologies.values();
        let sources = subtopologies.clone().flat_map(|s| &s.sources);
        let missing: BTreeSet<&str> = sources
            .map(String::as_str)
            .filter(|name| image.topic(name).is_none())
            .collect();
        if !missing.is_empty() {
            let text = format!("Source topics {} are missing.", summary(&missing));
            return Err(Unfit::Topics(Problem::MissingSource, text));
        }
        let mut sizes = Sizes {
            image,
            decided: BTreeMap::new(),
        };
        sizes.decide_repartitions(&topology)?;
        for subtopology in subtopologies.clone() {
            for group in &subtopology.copartition_groups {
                sizes.copartition(&topology, subtopology, group)?;
            }
        }
        for subtopology in subtopologies {
            let widest = sizes.widest(subtopology)?;
            for changelog in &subtopology.changelogs {
                sizes.decided.insert(changelog.name.clone(), widest);
            }
            self.tasks.insert(subtopology.id.clone(), widest);
        }
        self.partitions = sizes.decided;
        self.look_for_internals(image)
    }

    fn look_for_internals(&mut self, image: &Image) -> Result<(), Unfit> {
        for topic in self.internal_topics() {
            let wanted = self.partitions_of(topic);
            if wanted < 1 {
                let text = format!("Topic {} cannot have {wanted} partitions.", topic.name);
                return Err(Unfit::Topology(text));
            }
            match image.topic(&topic.name).map(|known| known.partitions.len()) {
                Some(found) if usize::try_from(wanted) == Ok(found) => {}
                Some(found) => {
                    let text = format!(
                        "Existing topic {} has different number of partitions: expected {wanted}, \
                         found {found}",
                        topic.name
                    );
                    return Err(Unfit::Topics(Problem::IncorrectlyPartitioned, text));
                }
                None => {}
            }
        }
        let missing = self.internal_topics().map(|topic| &topic.name);
        let missing = missing.filter(|name| image.topic(name).is_none());
        self.missing = missing.cloned().collect();
        Ok(())
    }

    /// The topics the application keeps for itself.
    pub fn internal_topics(&self) -> impl Iterator<Item = &InternalTopic> {
        let subtopologies = self.topology.subtopologies.values();
        subtopologies.flat_map(|s| s.repartition_sources.iter().chain(&s.changelogs))
    }

    /// How many partitions an internal topic needs; 0 while that is not known.
    pub fn partitions_of(&self, topic: &InternalTopic) -> i32 {
        match topic.partitions {
            0 => self.partitions.get(&topic.name).copied().unwrap_or(0),
            fixed => fixed,
        }
    }
}

/// Partition counts as far as they are decided: of topics there are, or of those there shall be.
struct Sizes<'a> {
    image: &'a Image,
    decided: BTreeMap<String, i32>,
}

impl Sizes<'_> {
    fn of(&self, topic: &str) -> Option<i32> {
        match self.image.topic(topic) {
            Some(known) => i32::try_from(known.partitions.len()).ok(),
            None => self.decided.get(topic).copied(),
        }
    }

    fn decide_repartitions(&mut self, topology: &Topology) -> Result<(), Unfit> {
        let subtopologies = topology.subtopologies.values();
        let sources = subtopologies.clone().flat_map(|s| &s.repartition_sources);
        let mut counts: BTreeMap<&str, i32> = sources
            .clone()
            .filter(|topic| topic.partitions != 0)
            .map(|topic| (topic.name.as_str(), topic.partitions))
            .collect();
        // Each round decides what the rounds before made known, until all is decided.
        loop {
            let (mut waits, mut moves) = (false, false);
            for subtopology in subtopologies.clone() {
                for sink in &subtopology.repartition_sinks {
                    if counts.contains_key(sink.as_str()) {
                        continue;
                    }
                    let repartitions = subtopology.repartition_sources.iter();
                    let known = repartitions.filter_map(|t| counts.get(t.name.as_str()).copied());
                    let external = subtopology.sources.iter().filter_map(|name| self.of(name));
                    match known.chain(external).max() {
                        Some(count) => {
                            counts.insert(sink, count);
                            moves = true;
                        }
                        None => waits = true,
                    }
                }
            }
            match (waits, moves) {
                (false, _) => break,
                (true, true) => {}
                (true, false) => {
                    return Err(Unfit::Topology(
                        "Failed to compute number of partitions for all repartition topics. There \
                         may be loops in the topology that cannot be resolved."
                            .to_owned(),
                    ));
                }
            }
        }
        let mut sources = sources;
        if sources.any(|topic| !counts.contains_key(topic.name.as_str())) {
            return Err(Unfit::Topology(
                "Failed to compute number of partitions for all repartition topics, because a \
                 repartition source topic is never used as a sink topic."
                    .to_owned(),
            ));
        }
        let counts = counts.into_iter();
        self.decided = counts
            .map(|(name, count)| (name.to_owned(), count))
            .collect();
        Ok(())
    }

    fn copartition(
        &mut self,
        topology: &Topology,
        subtopology: &Subtopology,
        group: &CopartitionGroup,
    ) -> Result<(), Unfit> {
        let repartitions = topology.subtopologies.values();
        let repartitions = repartitions.flat_map(|s| &s.repartition_sources);
        let fixed: BTreeMap<&str, bool> = repartitions
            .map(|topic| (topic.name.as_str(), topic.partitions != 0))
            .collect();
        let (mut own, mut external) = (BTreeMap::new(), BTreeMap::new());
        for topic in members(subtopology, group)? {
            let count = self.of(topic).ok_or_else(|| {
                Unfit::Topology(format!(
                    "Number of partitions is not set for topic: {topic}"
                ))
            })?;
            let side = match fixed.contains_key(topic) {
                true => &mut own,
                false => &mut external,
            };
            side.insert(topic, count);
        }
        if own.is_empty() && external.is_empty() {
            return Ok(());
        }
        let fixed_ones = || fixed.iter().filter(|(_, is_fixed)| **is_fixed);
        let count = if !external.is_empty() {
            same(&external)?
        } else if fixed_ones().next().is_some() {
            // As Apache Kafka does it, all fixed topics of the topology must agree.
            let counts = fixed_ones().map(|(name, _)| (*name, self.of(name).unwrap_or(0)));
            same(&counts.collect()).map_err(|_| unequal(&own))?
        } else {
            own.values().copied().max().unwrap_or(0)
        };
        for (topic, before) in own {
            if before != count && fixed.get(topic) == Some(&true) {
                let text = format!(
                    "Number of partitions [{before}] of repartition topic [{topic}] doesn't match \
                     number of partitions [{count}] of the source topic."
                );
                return Err(Unfit::Topics(Problem::IncorrectlyPartitioned, text));
            }
            self.decided.insert(topic.to_owned(), count);
        }
        Ok(())
    }

    /// Of all a subtopology reads.
    fn widest(&self, subtopology: &Subtopology) -> Result<i32, Unfit> {
        let repartitions = subtopology
            .repartition_sources
            .iter()
            .map(|topic| &topic.name);
        let read = subtopology.sources.iter().chain(repartitions);
        let widest = read.filter_map(|topic| self.of(topic)).max();
        widest.ok_or_else(|| {
            let id = &subtopology.id;
            Unfit::Topology(format!("No source topics found for subtopology {id}"))
        })
    }
}

/// The topics of a copartition group, whose places come from the wire.
fn members<'t>(
    subtopology: &'t Subtopology,
    group: &CopartitionGroup,
) -> Result<BTreeSet<&'t str>, Unfit> {
    let at = |place: &i16| usize::try_from(*place).unwrap_or(usize::MAX);
    let sources = group
        .sources
        .iter()
        .map(|place| subtopology.sources.get(at(place)));
    let repartitions = group.repartition_sources.iter().map(|place| {
        let topic = subtopology.repartition_sources.get(at(place));
        topic.map(|topic| &topic.name)
    });
    let all = sources
        .chain(repartitions)
        .map(|name| name.map(String::as_str));
    all.collect::<Option<_>>().ok_or_else(|| {
        let id = &subtopology.id;
        Unfit::Topology(format!(
            "A copartition group of subtopology {id} names a topic that it does not have."
        ))
    })
}

fn same(counts: &BTreeMap<&str, i32>) -> Result<i32, Unfit> {
    let first = counts.values().next().copied().unwrap_or(0);
    match counts.values().all(|count| *count == first) {
        true => Ok(first),
        false => Err(unequal(counts)),
    }
}

fn unequal(counts: &BTreeMap<&str, i32>) -> Unfit {
    let counts = counts.iter().map(|(name, count)| format!("{name}={count}"));
    let counts: Vec<String> = counts.collect();
    let text = format!(
        "Following topics do not have the same number of partitions: [{{{}}}]",
        counts.join(", ")
    );
    Unfit::Topics(Problem::IncorrectlyPartitioned, text)
}

/// A few names, and how many more there are.
pub fn summary<S: AsRef<str> + Ord>(names: &BTreeSet<S>) -> String {
    let told: Vec<&str> = names.iter().take(NAMES_MAX).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(NAMES_MAX) {
        0 => told.join(", "),
        more => format!("{} and {more} additional topics", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TopicId;
    use crate::metadata::{PartitionImage, TopicImage};
    use crate::protocol::TopicName;
    use crate::protocol::messages::streams_group_heartbeat as wire;

    fn image(topics: &[(&str, usize)]) -> Image {
        let mut image = Image::empty("cluster", 1);
        for (place, (name, partitions)) in topics.iter().enumerate() {
            image.put_topic(TopicImage {
                id: TopicId([place as u8 + 1; 16]),
                name: (*name).into(),
                partitions: vec![PartitionImage::default(); *partitions],
            });
        }
        image
    }

    fn internal(name: &str, partitions: i32) -> wire::TopicInfo<'_> {
        wire::TopicInfo {
            name: TopicName(name),
            partitions,
            ..wire::TopicInfo::default()
        }
    }

    /// One subtopology repartitions, the other joins what comes of it with a table and keeps state.
    fn join(repartitions: i32) -> wire::Topology<'static> {
        wire::Topology {
            epoch: 0,
            subtopologies: vec![
                wire::Subtopology {
                    subtopology_id: "0",
                    source_topics: vec![TopicName("in")],
                    repartition_sink_topics: vec![TopicName("r")],
                    ..wire::Subtopology::default()
                },
                wire::Subtopology {
                    subtopology_id: "1",
                    source_topics: vec![TopicName("table")],
                    repartition_source_topics: vec![internal("r", repartitions)],
                    state_changelog_topics: vec![internal("c", 0)],
                    copartition_groups: vec![wire::CopartitionGroup {
                        source_topics: vec![0],
                        repartition_source_topics: vec![0],
                        ..wire::CopartitionGroup::default()
                    }],
                    ..wire::Subtopology::default()
                },
            ],
        }
    }

    fn configure(topology: &wire::Topology<'_>, topics: &[(&str, usize)]) -> Configured {
        let topology = Rc::new(Topology::of_request(topology));
        Configured::of(&topology, &image(topics)).expect("a topology that makes sense")
    }

    #[test]
    fn internal_topics_are_as_wide_as_what_they_are_joined_with() {
        let found = configure(&join(0), &[("in", 6), ("table", 3)]);
        let problem = found.problem.clone().map(|(problem, _)| problem);
        assert_eq!(problem, Some(Problem::MissingInternal));
        assert_eq!(found.missing, ["c".to_owned(), "r".to_owned()].into());
        let counts: Vec<(&str, i32)> = found
            .partitions
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(counts, [("c", 3), ("r", 3)]);
        let tasks: Vec<i32> = found.tasks.values().copied().collect();
        assert_eq!(tasks, [6, 3]);
        let all = [("in", 6), ("table", 3), ("r", 3), ("c", 3)];
        assert!(configure(&join(0), &all).is_ready());
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let problem = |topology: &wire::Topology<'_>, topics: &[(&str, usize)]| {
            let (problem, text) = configure(topology, topics).problem.expect("does not fit");
            (problem, text)
        };
        let missing = problem(&join(0), &[("table", 3)]);
        let text = "Source topics in are missing.".to_owned();
        assert_eq!(missing, (Problem::MissingSource, text));
        let (what, text) = problem(&join(4), &[("in", 6), ("table", 3)]);
        assert_eq!(what, Problem::IncorrectlyPartitioned);
        assert!(
            text.starts_with("Number of partitions [4] of repartition topic [r]"),
            "{text}"
        );
        let (what, text) = problem(&join(0), &[("in", 6), ("table", 3), ("c", 2)]);
        assert_eq!(what, Problem::IncorrectlyPartitioned);
        let expected = "Existing topic c has different number of partitions: expected 3, found 2";
        assert_eq!(text, expected);
    }

    #[test]
    fn topologies_without_an_answer_are_refused() {
        let refused = |topology: &wire::Topology<'_>| {
            let topology = Rc::new(Topology::of_request(topology));
            let found = Configured::of(&topology, &image(&[("in", 6), ("table", 3)]));
            let (code, text) = found.expect_err("it makes no sense");
            assert_eq!(code, ErrorCode::StreamsInvalidTopology);
            text
        };
        let mut never_written = join(0);
        never_written.subtopologies[0]
            .repartition_sink_topics
            .clear();
        assert!(refused(&never_written).contains("never used as a sink topic"));
        let mut loops = join(0);
        loops.subtopologies[0].source_topics.clear();
        loops.subtopologies[0].repartition_source_topics = vec![internal("r", 0)];
        assert!(refused(&loops).contains("loops"));
        let mut far = join(0);
        far.subtopologies[1].copartition_groups[0].source_topics = vec![7, -1];
        assert!(refused(&far).contains("does not have"));
        let mut nothing_read = join(0);
        nothing_read.subtopologies[0].source_topics.clear();
        nothing_read.subtopologies[0]
            .repartition_sink_topics
            .clear();
        nothing_read.subtopologies[1].repartition_source_topics[0].partitions = 3;
        assert!(refused(&nothing_read).contains("No source topics found for subtopology 0"));
    }
}
