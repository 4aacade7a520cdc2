//! Of the partitions that a request names, those there are.
//!
//! Room:       `handlers`.
//! Called by:  handlers that ask a coordinator about the others only.
//! Never:      decides what happens to a partition that is known.

use crate::ids::TopicId;
use crate::metadata::{Image, TopicImage};
use crate::protocol::{ErrorCode, TopicName, Uuid};
use crate::runtime::Pace;

/// How a request names its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    ByName,
    ById,
}

/// The partitions of one topic.
pub struct Split<P> {
    pub known: Vec<P>,
    /// By their index.
    pub unknown: Vec<(i32, ErrorCode)>,
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

    /// Parts what is known of a topic from what is not.
    pub async fn split<P>(
        self,
        image: &Image,
        topic: (TopicName<'_>, Uuid),
        partitions: Vec<P>,
        index: impl Fn(&P) -> i32,
        pace: &mut Pace,
    ) -> Split<P> {
        let found = self.find(image, topic);
        let mut split = Split {
            known: Vec::new(),
            unknown: Vec::new(),
        };
        pace.step().await;
        for partition in partitions {
            pace.step().await;
            let index = index(&partition);
            let code = match found {
                Ok(topic) if (0..topic.partitions.len() as i64).contains(&i64::from(index)) => None,
                Ok(_) => Some(ErrorCode::UnknownTopicOrPartition),
                Err(code) => Some(code),
            };
            match code {
                None => split.known.push(partition),
                Some(code) => split.unknown.push((index, code)),
            }
        }
        split
    }
}
