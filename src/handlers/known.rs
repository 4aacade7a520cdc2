//! Of the partitions that a commit names, those there are.
//!
//! Room:       `handlers`.
//! Called by:  handlers that commit offsets: they ask a coordinator about these only.
//! Never:      decides what happens to a partition that is known.

use super::context::{Call, Response, Unanswerable};
use crate::coordinator::Coordinated;
use crate::ids::TopicId;
use crate::metadata::{Image, TopicImage};
use crate::protocol::commit_topic::{CommitAnswer, CommitTopic};
use crate::protocol::{ErrorCode, Reader, TopicName, Uuid};

/// How a request names its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    ByName,
    ById,
}

impl Naming {
    /// As it is since this version.
    pub fn of(version: i16, by_id_since: i16) -> Naming {
        match version >= by_id_since {
            true => Naming::ById,
            false => Naming::ByName,
        }
    }

    /// # Errors
    /// What to tell of partitions of a topic that is not there.
    fn find<'i>(
        self,
        image: &'i Image,
        (name, id): (TopicName<'_>, Uuid),
    ) -> Result<&'i TopicImage, ErrorCode> {
        let (topic, missing) = match self {
            Naming::ByName => (image.topic(name.0), ErrorCode::UnknownTopicOrPartition),
            Naming::ById => (image.topic_by_id(TopicId(id.0)), ErrorCode::UnknownTopicId),
        };
        topic.map(|topic| &**topic).ok_or(missing)
    }
}

/// Takes the partitions out that there are not, whoever asks, as Kafka does: each with its error.
pub async fn take_unknown<'r, T: CommitTopic<'r>>(
    call: &Call,
    naming: Naming,
    topics: &mut Vec<T>,
) -> Vec<T::Answer> {
    let image = call.image();
    let mut pace = call.pace();
    let mut unknown = Vec::new();
    for mut topic in std::mem::take(topics) {
        pace.step().await;
        let found = naming.find(&image, topic.place());
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for partition in topic.take_partitions() {
            pace.step().await;
            let index = T::index(&partition);
            let code = match found {
                Ok(topic) if (0..topic.partitions.len() as i64).contains(&i64::from(index)) => {
                    kept.push(partition);
                    continue;
                }
                Ok(_) => ErrorCode::UnknownTopicOrPartition,
                Err(code) => code,
            };
            refused.push((index, code));
        }
        if !refused.is_empty() {
            unknown.push(topic.answer(refused.into_iter()));
        }
        if !kept.is_empty() {
            topic.put_partitions(kept);
            topics.push(topic);
        }
    }
    unknown
}

/// The coordinator's answer about the partitions it was asked about, if there were any, and what
/// is told of those there are not.
pub fn respond_with_unknown<'r, T, A>(
    call: &Call,
    answer: Option<&'r Coordinated>,
    asked: &[T],
    unknown: Vec<A::Topic>,
) -> Result<Response, Unanswerable>
where
    T: CommitTopic<'r, Answer = A::Topic>,
    A: CommitAnswer<'r>,
{
    let mut topics = match answer {
        Some(Ok(body)) if unknown.is_empty() => return call.respond_encoded(body),
        Some(Ok(body)) => A::decode(&mut Reader::over_answer(body), call.version)?.into_topics(),
        Some(Err(code)) => asked.iter().map(|topic| topic.refused(*code)).collect(),
        None => Vec::new(),
    };
    topics.extend(unknown);
    call.respond(&A::of(topics))
}
