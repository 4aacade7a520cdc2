//! Share partitions and share sessions, on this core and others.
//!
//! Room:       `router`.
//! Called by:  handlers; `broker::member`, which starts `carry_state_asks` once per shard.
//! Calls:      `shard` on this core, the mesh to others.
//! Never:      gives a member more records than it asked for together: shards are asked in turn.

use super::fetch::Withdraw;
use super::{Envelope, Gathered, Router};
use crate::coordinator::share::partition::Acknowledgement;
use crate::coordinator::{Coordinated, Kind, Request as CoordinatorRequest};
use crate::ids::{PartitionKey, ShardId};
use crate::io::PeerId;
use crate::partition::Watch;
use crate::protocol::ErrorCode;
use crate::shard::message::{Reply, Request};
use crate::shard::shares::message::{
    Member, Seen, Session, SessionStep, ShareAnswer, ShareReply, ShareRequest, ShareWanted,
};
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How often a coordinator that is still loading is asked again, and how long between.
const LOADING_TRIES: usize = 100;
const LOADING_PAUSE: Duration = Duration::from_millis(50);

impl Router {
    /// Takes a step of a member's session, wherever that lives.
    ///
    /// # Errors
    /// What the member is told instead.
    pub async fn share_session(
        self: &Rc<Self>,
        member: Member,
        step: SessionStep,
    ) -> Result<Session, ErrorCode> {
        let home = self.share_home(&member);
        if home == self.shard.id {
            return self.shard.share_session(member, step);
        }
        let request = ShareRequest::Session(member, step);
        match self
            .ask_shard(home, Request::Share(Box::new(request)))
            .await
        {
            Reply::Share(ShareReply::Session(told)) => told,
            _ => unreachable!("a session is answered as one"),
        }
    }

    fn share_home(&self, member: &Member) -> ShardId {
        let mut hasher = rustc_hash::FxHasher::default();
        (&member.group, &member.id).hash(&mut hasher);
        // The upper bits of this hash are the mixed ones.
        ShardId(((hasher.finish() >> 32) % u64::from(self.shards)) as u16)
    }

    /// Gives a member what it may have; answered in the order of the parts.
    pub async fn share_fetch(self: &Rc<Self>, wanted: ShareWanted) -> Vec<ShareAnswer> {
        let mut gathered = Gathered::new(wanted.parts.len());
        let mut left = wanted.records_max;
        let parts = wanted.parts.clone();
        for (owner, places, parts) in self.split(parts, |key| *key) {
            let wanted = ShareWanted {
                records_max: left,
                parts,
                ..wanted.clone()
            };
            let answers = if owner == self.shard.id {
                self.shard.share_fetch(wanted).await
            } else {
                let request = Request::Share(Box::new(ShareRequest::Fetch(wanted)));
                match self.ask_shard(owner, request).await {
                    Reply::Share(ShareReply::Fetch(answers)) => answers,
                    _ => unreachable!("a share fetch is answered as one"),
                }
            };
            let given = answers.iter().flat_map(|answer| &answer.acquired);
            left -= given.map(|one| one.last - one.first + 1).sum::<i64>();
            gathered.put(places, answers);
        }
        gathered.take()
    }

    /// Completes when there may be something to acquire that was not. Dropping it withdraws the
    /// watch.
    pub async fn share_news(
        self: &Rc<Self>,
        group: Arc<str>,
        committed: bool,
        parts: Vec<(PartitionKey, Seen)>,
    ) {
        let watch = Watch::new(1);
        let mut withdraw = Vec::new();
        let mut here = Vec::new();
        for (owner, _, parts) in self.split(parts, |part| part.0) {
            if owner == self.shard.id {
                here = parts;
                continue;
            }
            let peer = PeerId(owner.0);
            let request = ShareRequest::Watch {
                group: group.clone(),
                committed,
                parts,
            };
            let request = Envelope::shard(Request::Share(Box::new(request)));
            let (call, reply) = self.mesh.call(peer, request);
            withdraw.push(Withdraw {
                mesh: self.mesh.clone(),
                peer,
                call,
            });
            let watch = watch.clone();
            self.shard.runtime.spawn(async move {
                let _ = reply.checked().await;
                watch.fire();
            });
        }
        self.shard.share_watch(&group, committed, here, watch).await;
    }

    /// Begins all in this call; a code for each part, once it counts.
    pub fn share_acknowledge(
        self: &Rc<Self>,
        member: &Member,
        parts: Vec<(PartitionKey, Vec<Acknowledgement>)>,
    ) -> impl Future<Output = Vec<ErrorCode>> + use<> {
        let mut gathered = Gathered::new(parts.len());
        let mut there = Vec::new();
        let mut here = None;
        for (owner, places, parts) in self.split(parts, |part| part.0) {
            if owner == self.shard.id {
                here = Some((places, self.shard.share_acknowledge(member, parts)));
                continue;
            }
            let member = member.clone();
            let request = ShareRequest::Acknowledge { member, parts };
            let reply = self.ask_shard(owner, Request::Share(Box::new(request)));
            there.push((places, reply));
        }
        async move {
            if let Some((places, codes)) = here {
                gathered.put(places, codes.await);
            }
            for (places, reply) in there {
                match reply.await {
                    Reply::Share(ShareReply::Acknowledged(codes)) => gathered.put(places, codes),
                    _ => unreachable!("acknowledgements are answered as such"),
                }
            }
            gathered.take()
        }
    }

    /// A member has gone: what it has in these partitions is given back.
    pub fn share_release(self: &Rc<Self>, member: &Member, parts: Vec<PartitionKey>) {
        for (owner, _, parts) in self.split(parts, |key| *key) {
            if owner == self.shard.id {
                self.shard.share_release(member, &parts);
                continue;
            }
            let member = member.clone();
            let request = ShareRequest::Release { member, parts };
            let reply = self.ask_shard(owner, Request::Share(Box::new(request)));
            self.shard
                .runtime
                .spawn(async move { drop(reply.checked().await) });
        }
    }

    /// Carries questions of this shard's share partitions to who keeps their state, until the end.
    pub async fn carry_state_asks(self: Rc<Self>) {
        while let Some(asked) = self.shard.next_state_ask().await {
            let router = self.clone();
            self.shard.runtime.spawn(async move {
                let reply = router.coordinate_share(&asked.key, asked.request).await;
                asked.answer.send(reply);
            });
        }
    }

    /// Asks who keeps the state of a share partition. One that was only just made, or that a
    /// restart has brought back, is asked again until it is ready.
    pub async fn coordinate_share(
        self: &Rc<Self>,
        key: &str,
        request: CoordinatorRequest,
    ) -> Coordinated {
        for _ in 0..LOADING_TRIES {
            let partition = self.coordinator_of(Kind::Share, key);
            let partition = partition.ok_or(ErrorCode::CoordinatorNotAvailable)?;
            let answers = self.coordinate(vec![(partition, request.clone())]).await;
            match answers.into_iter().next() {
                Some(Err(ErrorCode::CoordinatorLoadInProgress)) => {
                    self.shard.runtime.sleep(LOADING_PAUSE).await;
                }
                answer => return answer.unwrap_or(Err(ErrorCode::NotCoordinator)),
            }
        }
        Err(ErrorCode::CoordinatorLoadInProgress)
    }
}
