//! What the caller's thread and the heartbeat thread of a member share.
//!
//! Room:       `client::member`.
//! Called by:  `GroupConsumer`, `classic`, `modern`, `offsets`.
//! Calls:      `cluster`, always for the group's coordinator.
//! Never:      lets a heartbeat go out for a member that is just joining.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::{classic, modern};
use crate::client::clock;
use crate::client::cluster::{Cluster, lock};
use crate::client::connection::{Answer, Connection};
use crate::client::error::ClientError;
use crate::client::groups;
use crate::client::properties::{GroupConfig, GroupProtocol};
use crate::client::stream::Stream;
use crate::protocol::{ErrorCode, Request, Uuid};

/// A member as its coordinator knows it.
#[derive(Clone, Debug)]
pub struct Me {
    pub id: String,
    /// The generation of a classic group, the member's epoch otherwise.
    pub epoch: i32,
}

impl Default for Me {
    fn default() -> Self {
        Self {
            id: String::new(),
            epoch: -1,
        }
    }
}

/// What a heartbeat brought.
#[derive(Debug)]
pub enum News {
    /// Members come or go: join again.
    Rebalance,
    /// All partitions are somebody else's by now.
    Lost,
    /// What the coordinator wants this member to have.
    Assigned(Vec<(Uuid, Vec<i32>)>),
    /// The coordinator may not have heard the last heartbeat.
    Unheard,
    /// Final.
    Failed(ClientError),
}

/// What the next heartbeat of the consumer protocol has to tell.
#[derive(Clone, Debug, Default)]
pub struct Telling {
    pub full: bool,
    pub owned_changed: bool,
    pub owned: Vec<(Uuid, Vec<i32>)>,
    pub topics: Vec<String>,
}

pub struct Shared {
    pub cluster: Arc<Cluster>,
    pub group: String,
    coordinator: Mutex<Option<i32>>,
    state: Mutex<State>,
    bell: Condvar,
}

struct State {
    me: Me,
    /// Heartbeats go out.
    beats: bool,
    /// Counts joins: a heartbeat of an earlier one says nothing.
    round: u64,
    beat_at: Instant,
    interval: Duration,
    polled_at: Instant,
    telling: Telling,
    news: Option<News>,
    /// The caller's thread waits in a call that only its end can end.
    waiting: Option<Stream>,
    stopped: bool,
    closed: bool,
}

impl Shared {
    pub fn new(cluster: Arc<Cluster>, group: String) -> Self {
        let interval = cluster.config().group.heartbeat_interval;
        let now = clock::now();
        Self {
            cluster,
            group,
            coordinator: Mutex::new(None),
            state: Mutex::new(State {
                me: Me::default(),
                beats: false,
                round: 0,
                beat_at: now,
                interval,
                polled_at: now,
                telling: Telling::default(),
                news: None,
                waiting: None,
                stopped: false,
                closed: false,
            }),
            bell: Condvar::new(),
        }
    }

    pub fn config(&self) -> &GroupConfig {
        &self.cluster.config().group
    }

    pub fn me(&self) -> Me {
        lock(&self.state).me.clone()
    }

    pub fn set_me(&self, me: Me) {
        lock(&self.state).me = me;
    }

    /// Begins or ends heartbeats.
    pub fn set_beats(&self, beats: bool) {
        let mut state = lock(&self.state);
        state.beats = beats;
        state.round += 1;
        // Somebody new is told of at once.
        let wait = match state.telling.full {
            true => Duration::ZERO,
            false => state.interval,
        };
        state.beat_at = clock::now() + wait;
        self.bell.notify_all();
    }

    /// The coordinator says how often it wants to hear of its members.
    pub fn set_interval(&self, ms: i32) {
        if let Ok(ms @ 1..) = u64::try_from(ms) {
            lock(&self.state).interval = Duration::from_millis(ms);
        }
    }

    /// Changes what is to be told, and tells it at once.
    pub fn tell(&self, change: impl FnOnce(&mut Telling)) {
        let mut state = lock(&self.state);
        change(&mut state.telling);
        state.beat_at = clock::now();
        self.bell.notify_all();
    }

    /// The caller is alive; what was heard since the last time.
    pub fn polled(&self) -> Option<News> {
        let mut state = lock(&self.state);
        state.polled_at = clock::now();
        state.news.take()
    }

    pub fn is_stopped(&self) -> bool {
        lock(&self.state).stopped
    }

    /// Ends what the caller's thread waits for.
    pub fn stop(&self) {
        let mut state = lock(&self.state);
        state.stopped = true;
        if let Some(stream) = state.waiting.take() {
            stream.shutdown();
        }
        self.bell.notify_all();
    }

    /// Ends the heartbeat thread.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.bell.notify_all();
    }

    /// Waits for news, a stop, or the time.
    pub fn wait(&self, time: Duration) {
        let state = lock(&self.state);
        if state.news.is_none() && !state.stopped {
            let waited = self.bell.wait_timeout(state, time);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// `Ok` for code 0, else the refusal of the group.
    pub fn check(&self, code: ErrorCode, message: Option<&str>) -> Result<(), ClientError> {
        ClientError::check(code, message, || format!("group '{}'", self.group))
    }

    fn coordinator(&self) -> Result<i32, ClientError> {
        let known = *lock(&self.coordinator);
        match known {
            Some(node) => Ok(node),
            None => {
                let node = groups::coordinator(&self.cluster, &self.group)?;
                *lock(&self.coordinator) = Some(node);
                Ok(node)
            }
        }
    }

    /// A coordinator that has moved or gone is looked up before the next call.
    fn judge(&self, code: Result<ErrorCode, &ClientError>) {
        let is_there = match code {
            Ok(ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) => false,
            Ok(_) => true,
            Err(failure) => !failure.retriable(),
        };
        if !is_there {
            *lock(&self.coordinator) = None;
        }
    }

    /// One call of the coordinator; `code` is the answer's.
    pub fn call<'a, R: Request<'a>>(
        &self,
        request: &R,
        code: impl Fn(&Answer) -> Result<ErrorCode, ClientError>,
    ) -> Result<(ErrorCode, Answer), ClientError> {
        let node = self.coordinator()?;
        let called = self.cluster.call_broker(node, request);
        let called = called.and_then(|answer| Ok((code(&answer)?, answer)));
        self.judge(called.as_ref().map(|(code, _)| *code));
        called
    }

    /// One call that may wait for long, on a connection of its own, so that it can be ended.
    pub fn call_alone<'a, R: Request<'a>>(
        &self,
        request: &R,
        patience: Duration,
    ) -> Result<Answer, ClientError> {
        let node = self.coordinator()?;
        let called = self.cluster.open_broker(node).and_then(|connection| {
            let timeout = patience + self.cluster.config().request_timeout;
            self.call_until_stopped(connection, request, timeout)
        });
        self.judge(called.as_ref().map(|_| ErrorCode::None));
        called
    }

    fn call_until_stopped<'a, R: Request<'a>>(
        &self,
        mut connection: Connection,
        request: &R,
        timeout: Duration,
    ) -> Result<Answer, ClientError> {
        {
            let mut state = lock(&self.state);
            state.waiting = connection.handle().ok();
            if state.stopped
                && let Some(stream) = state.waiting.take()
            {
                stream.shutdown();
            }
        }
        let answer = connection.call(request, timeout);
        lock(&self.state).waiting = None;
        answer
    }

    /// Says good-bye in the group's protocol.
    pub fn leave(&self) -> Result<(), ClientError> {
        let me = self.me();
        match self.config().protocol {
            GroupProtocol::Classic => classic::leave(self, &me),
            GroupProtocol::Consumer => modern::leave(self, &me),
        }
    }

    /// What the heartbeat thread does until the member is closed.
    fn beat(&self) {
        let mut state = lock(&self.state);
        while !state.closed {
            let now = clock::now();
            let wait = match state.beats {
                true => state.beat_at.saturating_duration_since(now),
                false => IDLE,
            };
            if !wait.is_zero() {
                let waited = self.bell.wait_timeout(state, wait);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let too_slow = now.duration_since(state.polled_at) > self.config().poll_interval_max;
            let (mut me, telling) = (state.me.clone(), state.telling.clone());
            let round = state.round;
            drop(state);
            let news = match (too_slow, self.config().protocol) {
                (true, _) => {
                    // The caller is stuck; others can have its partitions meanwhile. If this
                    // fails the session expires instead.
                    let _ = self.leave();
                    Some(News::Lost)
                }
                (false, GroupProtocol::Classic) => classic::beat(self, &me),
                (false, GroupProtocol::Consumer) => modern::beat(self, &mut me, &telling),
            };
            state = lock(&self.state);
            if state.round == round {
                state.heard(me, &telling, news);
                self.bell.notify_all();
            }
        }
    }
}

impl State {
    fn heard(&mut self, me: Me, told: &Telling, news: Option<News>) {
        self.beat_at = clock::now() + self.interval;
        match news {
            Some(News::Unheard) => {
                // What was told may be lost, so all is told again.
                self.telling.full = true;
                return;
            }
            Some(News::Lost | News::Failed(_)) => self.beats = false,
            _ => {
                self.me = me;
                self.telling.full = false;
                self.telling.owned_changed &= self.telling.owned != told.owned;
            }
        }
        if self.telling.owned_changed {
            self.beat_at = clock::now();
        }
        if news.is_some() {
            self.news = news;
        }
    }
}

/// Starts the heartbeat thread.
pub fn start(shared: &Arc<Shared>) -> Result<JoinHandle<()>, ClientError> {
    let for_thread = Arc::clone(shared);
    let thread = Builder::new().name("heartbeat".into());
    let started = thread.spawn(move || for_thread.beat());
    started.map_err(|cause| ClientError::Connect {
        address: format!("group '{}'", shared.group),
        cause,
    })
}

/// A thread without a member looks this often whether it may end.
const IDLE: Duration = Duration::from_secs(1);
