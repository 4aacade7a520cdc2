//! A shard's main task: takes what comes through the mesh, serves its connections.
//!
//! Room:       `broker`.
//! Called by:  `cli::server` and `sim`, once per shard.
//! Calls:      `shard`, `connection`, `router`.
//! Never:      waits in the inbox loop: what takes time is a task of its own, begun in order.

use super::{Plan, TooMany};
use crate::connection::{
    Arrival, Budget, Carried, End, Host, Patience, STALL, Senders, Settings, serve,
};
use crate::handlers::{ListenerInfo, Shared};
use crate::ids::ShardId;
use crate::io::{Address, PeerId};
use crate::metrics::Sample;
use crate::router::{Envelope, Mesh, Router, Work};
use crate::runtime::sync::Event;
use crate::runtime::{Listener, Runtime, Socket};
use crate::shard::message::{Reply, Request};
use crate::shard::shares::message::{ShareReply, ShareRequest};
use crate::shard::{self, Shard};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

struct Member {
    runtime: Runtime,
    plan: Plan,
    id: ShardId,
    mesh: Rc<Mesh>,
    host: RefCell<Option<Rc<Host>>>,
    /// Addresses that are taken while nobody is served yet.
    listeners: RefCell<Vec<(usize, Listener)>>,
    /// Watches of other shards' requests, by caller and call.
    watches: RefCell<crate::map::Map<(PeerId, u64), crate::partition::Watch>>,
}

/// Runs until control says stop and everything is down.
pub async fn member(runtime: Runtime, plan: Plan, id: ShardId) {
    let member = Rc::new(Member {
        mesh: Mesh::new(runtime.clone()),
        runtime: runtime.clone(),
        plan,
        id,
        host: RefCell::new(None),
        listeners: RefCell::default(),
        watches: RefCell::new(crate::map::Map::default()),
    });
    let mut inbox = runtime.inbox();
    while let Some((from, parcel)) = inbox.next().await {
        let Ok(envelope) = parcel.downcast::<Envelope>() else {
            unreachable!("doors of one broker exchange envelopes only");
        };
        if let Some(request) = member.mesh.deliver(*envelope) {
            member.take(from, request);
        }
    }
}

impl Member {
    /// Begins what was asked; the order of calls is the order of beginnings.
    fn take(self: &Rc<Self>, from: PeerId, envelope: Envelope) {
        match envelope {
            Envelope::Shard { call, request } => self.serve(from, call, request),
            Envelope::Withdrawn { call } => {
                if let Some(watch) = self.watches.borrow_mut().remove(&(from, call)) {
                    watch.fire();
                }
            }
            Envelope::Adopt(parcel) => {
                if let Ok(arrival) = parcel.downcast::<Arrival>() {
                    self.adopt(*arrival);
                }
            }
            Envelope::Work { call, work } => {
                let member = self.clone();
                self.runtime.spawn(async move {
                    let reply = member.work(work).await;
                    member.mesh.reply(from, call, reply);
                });
            }
            Envelope::Control { .. }
            | Envelope::ControlReply { .. }
            | Envelope::DirFailed { .. }
            | Envelope::ShardReply { .. } => {
                unreachable!("control's own, or taken as a reply before")
            }
        }
    }

    fn serve(self: &Rc<Self>, from: PeerId, call: u64, request: Request) {
        let Some(host) = self.host.borrow().clone() else {
            return;
        };
        let shard = host.router.shard.clone();
        let member = self.clone();
        match request {
            Request::Produce { parts, terms } => {
                // Appended now, in order; acknowledged later.
                let appending = shard.produce(parts, terms);
                self.runtime.spawn(async move {
                    member
                        .mesh
                        .reply(from, call, Reply::Produce(appending.await));
                });
            }
            Request::Fetch { parts, depth } => self.runtime.spawn(async move {
                let answers = shard.fetch(parts, depth).await;
                member.mesh.reply(from, call, Reply::Fetch(answers));
            }),
            Request::Watch {
                parts,
                committed,
                bytes,
            } => {
                let watch = crate::partition::Watch::new(bytes);
                self.watches
                    .borrow_mut()
                    .insert((from, call), watch.clone());
                self.runtime.spawn(async move {
                    shard.watch(parts, committed, watch).await;
                    // Absent when it was withdrawn: then nobody waits for the reply.
                    if member.watches.borrow_mut().remove(&(from, call)).is_some() {
                        member.mesh.reply(from, call, Reply::Watched);
                    }
                });
            }
            Request::Ask { questions } => self.runtime.spawn(async move {
                member
                    .mesh
                    .reply(from, call, Reply::Answers(shard.ask(questions).await));
            }),
            Request::Markers { markers } => {
                let codes = shard.end_transactions(markers);
                self.runtime.spawn(async move {
                    member.mesh.reply(from, call, Reply::Marked(codes.await));
                });
            }
            Request::Coordinate { parts } => {
                let answers = shard.coordinate(parts);
                self.runtime.spawn(async move {
                    member
                        .mesh
                        .reply(from, call, Reply::Coordinated(answers.await));
                });
            }
            Request::Share(request) => self.serve_share(from, call, *request, shard),
            Request::Dirs { keys } => self.runtime.spawn(async move {
                let keys = keys.as_deref().map(|keys| &keys[..]);
                let contents = shard.dir_contents(keys).await;
                member.mesh.reply(from, call, Reply::Dirs(contents));
            }),
            Request::Sample => self.runtime.spawn(async move {
                let sample = Box::new(sample(&host).await);
                member.mesh.reply(from, call, Reply::Sample(sample));
            }),
            Request::Prefer { preferences } => {
                shard.prefer_dirs(&preferences);
                self.mesh.reply(from, call, Reply::Done);
            }
            Request::Image(image) => self.runtime.spawn(async move {
                shard.follow(image).await;
                member.mesh.reply(from, call, Reply::Done);
            }),
        }
    }

    fn serve_share(
        self: &Rc<Self>,
        from: PeerId,
        call: u64,
        request: ShareRequest,
        shard: Rc<Shard>,
    ) {
        let member = self.clone();
        let reply = |reply| self.mesh.reply(from, call, Reply::Share(reply));
        match request {
            ShareRequest::Session(of, step) => {
                reply(ShareReply::Session(shard.share_session(of, step)));
            }
            ShareRequest::Fetch(wanted) => self.runtime.spawn(async move {
                let answers = ShareReply::Fetch(shard.share_fetch(wanted).await);
                member.mesh.reply(from, call, Reply::Share(answers));
            }),
            ShareRequest::Watch {
                group,
                committed,
                parts,
            } => {
                let watch = crate::partition::Watch::new(1);
                self.watches
                    .borrow_mut()
                    .insert((from, call), watch.clone());
                self.runtime.spawn(async move {
                    shard.share_watch(&group, committed, parts, watch).await;
                    // Absent when it was withdrawn: then nobody waits for the reply.
                    if member.watches.borrow_mut().remove(&(from, call)).is_some() {
                        member.mesh.reply(from, call, Reply::Watched);
                    }
                });
            }
            ShareRequest::Acknowledge { member: of, parts } => {
                // Said now, in order; it counts later.
                let codes = shard.share_acknowledge(&of, parts);
                self.runtime.spawn(async move {
                    let codes = ShareReply::Acknowledged(codes.await);
                    member.mesh.reply(from, call, Reply::Share(codes));
                });
            }
            ShareRequest::Release { member: of, parts } => {
                shard.share_release(&of, &parts);
                self.mesh.reply(from, call, Reply::Done);
            }
        }
    }

    async fn work(self: &Rc<Self>, work: Work) -> Reply {
        match work {
            Work::Start(plan) => self.start(*plan).await,
            Work::Listen { index, address } => self.listen(index, address).await,
            Work::Accept => self.accept(),
            Work::FailDir { path, errno } => {
                if let Some(host) = self.host.borrow().as_ref() {
                    host.router.shard.fail_dir(&path, errno);
                }
                Reply::Done
            }
            Work::StopClients => self.stop_clients().await,
            Work::StopStorage => self.stop_storage().await,
        }
    }

    async fn start(self: &Rc<Self>, plan: shard::Plan) -> Reply {
        let config = self.plan.config.clone();
        let opened = Shard::open(&self.runtime, self.id, self.plan.shards, &config, plan).await;
        let shard = match opened {
            Ok(shard) => shard,
            Err(error) => return Reply::Failed(error.to_string()),
        };
        self.clone().tell_failures(shard.clone());
        let lost = shard.take_lost();
        let router = Router::new(shard, self.mesh.clone(), self.plan.shards);
        let idle = config.connections_idle_ms_max.map(Duration::from_millis);
        let patience = Patience {
            idle,
            stall: idle.map_or(STALL, |idle| idle.min(STALL)),
        };
        let host = Host {
            runtime: self.runtime.clone(),
            router,
            handlers: Rc::new(Shared::new(config.clone(), self.plan.shards)),
            listeners: config
                .listeners
                .iter()
                .map(|listener| {
                    Rc::new(ListenerInfo {
                        name: listener.name.clone(),
                    })
                })
                .collect(),
            budget: Budget::new(self.plan.requests.clone()),
            senders: Rc::new(Senders::default()),
            settings: Settings {
                frame_bytes_max: i32::try_from(config.socket_request_bytes_max).unwrap_or(i32::MAX),
                patience,
                share_bytes: self.plan.requests.connection_share(),
            },
            stopping: Cell::new(false),
            stop: Event::new(),
            connections: Cell::new(0),
            ended: Event::new(),
        };
        let (senders, answers) = (host.senders.clone(), host.handlers.answers.clone());
        let watch = senders.watch(self.runtime.clone(), answers, patience.stall);
        self.runtime.spawn(watch);
        *self.host.borrow_mut() = Some(Rc::new(host));
        Reply::Started { lost }
    }

    /// Control decides what a failed disk means for the broker.
    fn tell_failures(self: Rc<Self>, shard: Rc<Shard>) {
        let runtime = self.runtime.clone();
        runtime.clone().spawn(async move {
            while let Some((path, errno)) = shard.next_failure().await {
                let told = Envelope::DirFailed { path, errno };
                runtime.post(self.plan.control(), Box::new(told));
            }
        });
    }

    /// Takes an address; those who connect wait until `accept`.
    async fn listen(&self, index: usize, address: Address) -> Reply {
        let backlog = self.plan.config.socket_listen_backlog;
        match self.runtime.listen(address, backlog).await {
            Ok(listener) => {
                let address = listener.address.clone();
                self.listeners.borrow_mut().push((index, listener));
                Reply::Listening(address)
            }
            Err(errno) => Reply::Refused(errno),
        }
    }

    /// Serves those who connect; accepted sockets go to the shard with the fewest. All shards have
    /// started, so what coordinators ask each other is carried from here on: one that had not
    /// started would not answer, and a transaction found half ended would wait for ever.
    fn accept(self: &Rc<Self>) -> Reply {
        let Some(host) = self.host.borrow().clone() else {
            return Reply::Done;
        };
        self.runtime.spawn(host.router.clone().carry_asks());
        self.runtime.spawn(host.router.clone().carry_state_asks());
        for (index, mut listener) in self.listeners.take() {
            let (member, host) = (self.clone(), host.clone());
            self.runtime.spawn(async move {
                let stop = async {
                    while !host.stopping.get() {
                        host.stop.next().await;
                    }
                };
                let accept = async {
                    loop {
                        let (socket, peer) = listener.next_client().await;
                        member.place(socket, index, peer);
                    }
                };
                crate::runtime::sync::either(accept, stop).await;
            });
        }
        Reply::Done
    }

    fn place(self: &Rc<Self>, socket: Socket, listener: usize, peer: Address) {
        let Some(host) = self.host.borrow().clone() else {
            return;
        };
        let to = match self.plan.load.admit(&host.router.shard.config(), &peer) {
            Ok(shard) => ShardId(shard),
            Err(TooMany::Connections) => {
                tracing::warn!(%peer, "max.connections is reached; a connection is closed");
                return;
            }
            Err(TooMany::PerAddress) => {
                tracing::info!(%peer, "max.connections.per.ip is reached; a connection is closed");
                return;
            }
        };
        if to == self.id {
            self.serve_socket(socket, listener, peer, None);
            return;
        }
        let member = self.clone();
        self.runtime.spawn(async move {
            match socket.detach().await {
                Ok(socket) => member.send_away(
                    to,
                    Arrival {
                        socket,
                        listener,
                        peer,
                        carried: None,
                    },
                ),
                Err(_) => member.plan.load.dismiss(to.0, &peer),
            }
        });
    }

    fn send_away(&self, to: ShardId, arrival: Arrival) {
        self.runtime
            .post(PeerId(to.0), Box::new(Envelope::Adopt(Box::new(arrival))));
    }

    fn adopt(self: &Rc<Self>, arrival: Arrival) {
        let member = self.clone();
        self.runtime.spawn(async move {
            let Arrival {
                socket,
                listener,
                peer,
                carried,
            } = arrival;
            match member.runtime.attach(socket).await {
                Ok(socket) => member.serve_socket(socket, listener, peer, carried),
                Err(_) => member.plan.load.dismiss(member.id.0, &peer),
            }
        });
    }

    fn serve_socket(
        self: &Rc<Self>,
        socket: Socket,
        listener: usize,
        peer: Address,
        carried: Option<Carried>,
    ) {
        let Some(host) = self.host.borrow().clone() else {
            return;
        };
        let member = self.clone();
        self.runtime.spawn(async move {
            match serve(host, socket, listener, peer.clone(), carried).await {
                End::Closed => member.plan.load.dismiss(member.id.0, &peer),
                End::Moves { to, arrival } => {
                    member.plan.load.transfer(member.id.0, to.0);
                    member.send_away(to, arrival);
                }
            }
        });
    }

    /// Stops listening and reading; returns when every request begun is answered.
    async fn stop_clients(&self) -> Reply {
        let Some(host) = self.host.borrow().clone() else {
            return Reply::Done;
        };
        host.stopping.set(true);
        host.handlers.stop();
        host.stop.notify();
        let drained = async {
            while host.connections.get() > 0 {
                host.ended.next().await;
            }
        };
        let until = self.runtime.now().plus(DRAIN_TIME);
        if self.runtime.deadline(until, drained).await.is_none() {
            tracing::warn!(left = host.connections.get(), "clients cut off at shutdown");
        }
        Reply::Done
    }

    /// Last group, checkpoint, journals empty and clean.
    async fn stop_storage(&self) -> Reply {
        let Some(host) = self.host.borrow().clone() else {
            return Reply::Done;
        };
        match host.router.shard.close().await {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Failed(error.to_string()),
        }
    }
}

/// What this shard has counted.
async fn sample(host: &Host) -> Sample {
    let mut sample = Sample {
        connections: host.connections.get(),
        requests: host.handlers.metrics.sample(),
        clients: host.handlers.telemetry.sample(),
        ..Sample::default()
    };
    host.router.shard.count(&mut sample).await;
    sample
}

/// How long clients may take to receive what they are owed at shutdown.
const DRAIN_TIME: Duration = Duration::from_secs(3);
