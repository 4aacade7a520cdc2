//! Who owns a partition (this core, that core, that broker): split, send, gather.
//!
//! Room:       `router`, the way between cores.
//! Called by:  `handlers`.
//! Calls:      `shard` on this core, the mesh to others.
//! Never:      copies record bytes: slices cross, their memory stays.
//!
//! Kafka clients hold one connection per broker for all their partitions, so the hop to another
//! core is the normal case: one message per shard and request carries all its parts.
//!
//! Always true:
//!   - answers come back in the order of what was asked.
//!   - what is posted to one shard in some order is begun there in that order.

#![forbid(unsafe_code)]

mod coordinate;
mod fetch;
mod mesh;
mod share;

pub use fetch::Readable;
pub use mesh::{Envelope, Mesh, Work};

use crate::controller;
use crate::ids::{PartitionKey, ShardId};
use crate::io::PeerId;
use crate::partition::{Marker, Terms};
use crate::protocol::ErrorCode;
use crate::runtime::sync::Reply as Future1;
use crate::shard::message::{
    Answer, DirContent, ProduceAnswer, ProducePart, Question, Reply, Request,
};
use crate::shard::{Shard, owner};
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

/// One core's view of where things are.
pub struct Router {
    pub shard: Rc<Shard>,
    pub mesh: Rc<Mesh>,
    shards: u16,
    /// Producer ids this core may hand out: the next, and the end of the block.
    producer_ids: Cell<(i64, i64)>,
}

/// What is under way: on this core or from another.
enum UnderWay<T> {
    Here(std::pin::Pin<Box<dyn Future<Output = T>>>),
    There(Future1<Reply>),
}

impl Router {
    pub fn new(shard: Rc<Shard>, mesh: Rc<Mesh>, shards: u16) -> Rc<Router> {
        Rc::new(Router {
            shard,
            mesh,
            shards,
            producer_ids: Cell::new((0, 0)),
        })
    }

    pub fn owner(&self, key: PartitionKey) -> ShardId {
        owner(key, self.shards)
    }

    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// Sorts items by owning shard, remembering each one's place in the request.
    fn split<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> PartitionKey,
    ) -> Vec<(ShardId, Vec<usize>, Vec<T>)> {
        let mut split: Vec<(ShardId, Vec<usize>, Vec<T>)> = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            let owner = self.owner(key(&item));
            match split.iter_mut().find(|(shard, _, _)| *shard == owner) {
                Some((_, places, items)) => {
                    places.push(place);
                    items.push(item);
                }
                None => split.push((owner, vec![place], vec![item])),
            }
        }
        split
    }

    /// Begins all appends in this call; the future completes when all are acknowledged.
    pub fn produce(
        self: &Rc<Self>,
        parts: Vec<ProducePart>,
        terms: Terms,
    ) -> impl Future<Output = Vec<ProduceAnswer>> + 'static {
        let count = parts.len();
        let mut under_way = Vec::new();
        for (owner, places, parts) in self.split(parts, |part| part.key) {
            let asked: UnderWay<Vec<ProduceAnswer>> = if owner == self.shard.id {
                UnderWay::Here(Box::pin(self.shard.produce(parts, terms)))
            } else {
                UnderWay::There(self.ask_shard(owner, Request::Produce { parts, terms }))
            };
            under_way.push((places, asked));
        }
        async move {
            let mut gathered = Gathered::new(count);
            for (places, asked) in under_way {
                let answers = match asked {
                    UnderWay::Here(future) => future.await,
                    UnderWay::There(reply) => match reply.await {
                        Reply::Produce(answers) => answers,
                        _ => unreachable!("a produce is answered as one"),
                    },
                };
                gathered.put(places, answers);
            }
            gathered.take()
        }
    }

    /// Ends transactions in these partitions; answered in order, when the markers are committed.
    pub async fn end_transactions(
        self: &Rc<Self>,
        markers: Vec<(PartitionKey, Marker)>,
    ) -> Vec<ErrorCode> {
        let mut gathered = Gathered::new(markers.len());
        let mut there = Vec::new();
        let mut here = None;
        for (owner, places, markers) in self.split(markers, |marker| marker.0) {
            if owner == self.shard.id {
                here = Some((places, self.shard.end_transactions(markers)));
            } else {
                there.push((places, self.ask_shard(owner, Request::Markers { markers })));
            }
        }
        if let Some((places, codes)) = here {
            gathered.put(places, codes.await);
        }
        for (places, reply) in there {
            match reply.await {
                Reply::Marked(codes) => gathered.put(places, codes),
                _ => unreachable!("markers are answered as such"),
            }
        }
        gathered.take()
    }

    /// One question per partition, answered in order.
    pub async fn ask(self: &Rc<Self>, questions: Vec<(PartitionKey, Question)>) -> Vec<Answer> {
        let count = questions.len();
        let mut gathered = Gathered::new(count);
        let mut there = Vec::new();
        let mut here = None;
        for (owner, places, questions) in self.split(questions, |question| question.0) {
            if owner == self.shard.id {
                here = Some((places, questions));
            } else {
                there.push((places, self.ask_shard(owner, Request::Ask { questions })));
            }
        }
        if let Some((places, questions)) = here {
            gathered.put(places, self.shard.ask(questions).await);
        }
        for (places, reply) in there {
            match reply.await {
                Reply::Answers(answers) => gathered.put(places, answers),
                _ => unreachable!("a question is answered as one"),
            }
        }
        gathered.take()
    }

    /// What lies in the log dirs, told by each shard of its own partitions.
    pub async fn dir_contents(&self, keys: Option<Arc<Vec<PartitionKey>>>) -> Vec<DirContent> {
        let asked = self.ask_others(|| Request::Dirs { keys: keys.clone() });
        let mut contents = self
            .shard
            .dir_contents(keys.as_deref().map(|keys| &keys[..]))
            .await;
        for reply in asked {
            match reply.await {
                Reply::Dirs(more) => contents.extend(more),
                _ => unreachable!("log dirs are answered as such"),
            }
        }
        contents
    }

    /// Tells every shard where partitions shall be that do not exist yet.
    pub async fn prefer_dirs(&self, preferences: Vec<(Arc<str>, i32, std::path::PathBuf)>) {
        let preferences = Arc::new(preferences);
        self.shard.prefer_dirs(&preferences);
        let told = self.ask_others(|| Request::Prefer {
            preferences: preferences.clone(),
        });
        for reply in told {
            reply.await;
        }
    }

    /// Asks the controller; answered when the change is committed and all shards follow it.
    pub async fn control(&self, request: controller::Request) -> controller::Reply {
        let control = PeerId(self.shards);
        let (_, reply) = self.mesh.call_control(control, request);
        reply.checked().await.unwrap_or(controller::Reply::Refused(
            ErrorCode::NotController,
            String::new(),
        ))
    }

    /// Asks every shard but this one; all of them at once.
    fn ask_others(&self, request: impl Fn() -> Request) -> Vec<Future1<Reply>> {
        (0..self.shards)
            .map(ShardId)
            .filter(|shard| *shard != self.shard.id)
            .map(|shard| self.ask_shard(shard, request()))
            .collect()
    }

    fn ask_shard(&self, owner: ShardId, request: Request) -> Future1<Reply> {
        self.mesh.call(PeerId(owner.0), Envelope::shard(request)).1
    }
}

/// Answers from several shards, back in the order of the request.
struct Gathered<T>(Vec<Option<T>>);

impl<T> Gathered<T> {
    fn new(count: usize) -> Gathered<T> {
        Gathered((0..count).map(|_| None).collect())
    }

    fn put(&mut self, places: Vec<usize>, answers: Vec<T>) {
        assert_eq!(places.len(), answers.len(), "a shard answers every part");
        for (place, answer) in places.into_iter().zip(answers) {
            self.0[place] = Some(answer);
        }
    }

    fn take(self) -> Vec<T> {
        self.0
            .into_iter()
            .map(|answer| answer.expect("every part had an owner"))
            .collect()
    }
}
