//! The control shard's main task: starts the broker, decides about metadata, stops the broker.
//!
//! Room:       `broker`.
//! Called by:  `cli::server` and `sim`.
//! Calls:      `controller`, `router`'s mesh, `shard::recovery`; `http` for metrics.
//! Never:      answers a change before every shard follows it.

use super::Plan;
use super::start::{
    Folder, LINGER, LINGER_LOOK, StartError, mark, may_fail, take_folders, tell_offline,
};
use crate::controller::{self, Controller};
use crate::http::{self, Page, Status};
use crate::io::{Address, Errno, Instant, Outcome, PeerId};
use crate::metrics::{Sample, exposition};
use crate::router::{Envelope, Mesh, Work};
use crate::runtime::sync::{Either, Event, Queue, either};
use crate::runtime::{Listener, Runtime, ballast};
use crate::shard::message::{Reply, Request};
use crate::shard::{self, recovery};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Changes that are published together at most, so that the first does not wait for too many.
const CHANGES_PER_PUBLISH_MAX: usize = 64;

/// How long a broker that must stop may take to save what it can.
const FAILED_STOP_TIME: Duration = Duration::from_secs(8);

/// How long a stop may take, all in all: who asked waits ten seconds before it kills.
const STOP_TIME: Duration = Duration::from_secs(9);

/// How long a start that is not wanted any more may go on, so that it ends in a clean stop: nobody
/// is served before, and a start can be cut off anywhere.
const START_PATIENCE: Duration = Duration::from_secs(3);

/// How the broker ended.
#[derive(Debug)]
pub enum Stopped {
    /// As asked; everything is durable and closed.
    Cleanly,
    /// As asked, but not all could be closed in time: recovery does the rest.
    Unfinished,
    /// Asked twice: journals were left as they are, recovery takes up from there.
    AtOnce,
    Failed(StartError),
}

struct Control {
    runtime: Runtime,
    plan: Plan,
    mesh: Rc<Mesh>,
    requests: Queue<(PeerId, u64, controller::Request)>,
    /// What shards say of failed disks.
    failures: Queue<(PathBuf, Errno)>,
    /// Log dirs that failed since the start.
    failed: RefCell<Vec<PathBuf>>,
}

/// What the broker listens on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listen {
    /// For clients: a listener's index and its address.
    pub clients: Vec<(usize, Address)>,
    /// For those who fetch metrics over HTTP.
    pub metrics: Option<Address>,
}

/// What was started.
struct Started {
    folders: Vec<Folder>,
    controller: Controller,
    listening: Listen,
    metrics: Option<Listener>,
}

/// Fetchers of metrics that wait to be accepted.
const METRICS_BACKLOG: u32 = 16;

/// Starts everything, serves until a signal, stops everything. `ready` is told the addresses once
/// clients can connect.
pub async fn control(
    runtime: Runtime,
    plan: Plan,
    listen: Listen,
    ready: impl FnOnce(&Listen) + 'static,
) -> Stopped {
    let control = Control::new(&runtime, plan);
    let mut signals = runtime.signals();
    let asked_twice = Event::new();
    let asked_at: Rc<Cell<Option<Instant>>> = Rc::default();
    let stop = Event::new();
    {
        let (asked_at, stop, asked_twice) = (asked_at.clone(), stop.clone(), asked_twice.clone());
        let inner = runtime.clone();
        runtime.spawn(async move {
            while let Some(outcome) = signals.next().await {
                if let Outcome::Signalled(_) = outcome {
                    if asked_at.get().is_some() {
                        asked_twice.notify();
                    } else {
                        asked_at.set(Some(inner.now()));
                        stop.notify();
                    }
                }
            }
        });
    }
    let until_stopped = || {
        let (asked_at, stop) = (asked_at.clone(), stop.clone());
        async move {
            loop {
                match asked_at.get() {
                    Some(at) => return at,
                    None => stop.next().await,
                }
            }
        }
    };
    let broker = async {
        let patience = async {
            let asked_at = until_stopped().await;
            runtime.sleep_until(asked_at.plus(START_PATIENCE)).await;
        };
        let started = match either(control.start(&listen), patience).await {
            Either::First(Ok(started)) => started,
            Either::First(Err(error)) => return Stopped::Failed(error),
            Either::Second(()) => return Stopped::Unfinished,
        };
        let (folders, controller) = (started.folders, started.controller);
        if let Some(listener) = started.metrics {
            let control = control.clone();
            let page = async move |path: &str| control.page(path).await;
            let served = either(
                http::serve(runtime.clone(), listener, page),
                until_stopped(),
            );
            runtime.spawn(async move {
                served.await;
            });
        }
        ready(&started.listening);
        let serve = either(control.serve(&controller), control.watch_dirs(&folders));
        let asked_at = match either(until_stopped(), serve).await {
            Either::First(asked_at) => asked_at,
            Either::Second(Either::First(())) => runtime.now(),
            Either::Second(Either::Second(error)) => {
                tracing::error!(%error, "stopping");
                // What can be saved is saved; the rest is for recovery.
                let stopped = control.stop(&folders, &controller);
                let until = runtime.now().plus(FAILED_STOP_TIME);
                let _ = runtime.deadline(until, stopped).await;
                return Stopped::Failed(error);
            }
        };
        tracing::info!("stopping");
        let until = asked_at.plus(STOP_TIME);
        let stopped = runtime.deadline(until, control.stop(&folders, &controller));
        match stopped.await {
            Some(Ok(())) => Stopped::Cleanly,
            Some(Err(error)) => Stopped::Failed(error),
            None => Stopped::Unfinished,
        }
    };
    match either(broker, asked_twice.next()).await {
        Either::First(stopped) => stopped,
        Either::Second(()) => Stopped::AtOnce,
    }
}

/// Starts without listeners and stops: afterwards all records are in segments, journals are gone,
/// and the folders say so.
pub async fn drain(runtime: Runtime, plan: Plan) -> Result<(), StartError> {
    let control = Control::new(&runtime, plan);
    let Started {
        folders,
        controller,
        ..
    } = control.start(&Listen::default()).await?;
    control.stop(&folders, &controller).await?;
    for folder in &folders {
        let failed = |errno| told(folder, errno);
        let removed = recovery::remove_surplus(&runtime, &folder.path, 0).await;
        removed.map_err(failed)?;
        let removed = ballast::remove(&runtime, &folder.path, |_| true).await;
        removed.map_err(failed)?;
    }
    Ok(())
}

impl Control {
    fn new(runtime: &Runtime, plan: Plan) -> Rc<Control> {
        let control = Rc::new(Control {
            mesh: Mesh::new(runtime.clone()),
            runtime: runtime.clone(),
            plan,
            requests: Queue::new(),
            failures: Queue::new(),
            failed: RefCell::default(),
        });
        control.clone().take_envelopes();
        control
    }

    fn take_envelopes(self: Rc<Self>) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            let mut inbox = self.runtime.inbox();
            while let Some((from, parcel)) = inbox.next().await {
                let Ok(envelope) = parcel.downcast::<Envelope>() else {
                    unreachable!("doors of one broker exchange envelopes only");
                };
                match self.mesh.deliver(*envelope) {
                    Some(Envelope::Control { call, request }) => {
                        self.requests.push((from, call, request));
                    }
                    Some(Envelope::DirFailed { path, errno }) => self.failures.push((path, errno)),
                    _ => {}
                }
            }
        });
    }

    async fn start(&self, listen: &Listen) -> Result<Started, StartError> {
        let config = &self.plan.config;
        let mut folders = take_folders(&self.runtime, config).await?;
        let was_marked = folders.iter().any(|folder| folder.meta.journals_in_use);
        let controller = Controller::open(&self.runtime, config, &folders[0].meta.cluster_id)
            .await
            .map_err(|error| StartError(error.to_string()))?;
        let (dirs, failed) = self.recover(&folders).await?;
        folders.retain(|folder| !failed.contains(&folder.path));
        // Before anything says that this broker serves: a port in use leaves all as it was.
        // Only a broker that was killed leaves one that is about to come free.
        let patience = if was_marked { LINGER } else { Duration::ZERO };
        let until = self.runtime.now().plus(patience);
        let mut listening = Listen::default();
        for (index, address) in &listen.clients {
            let address = self.listen(*index, address, until).await?;
            listening.clients.push((*index, address));
        }
        let metrics = match &listen.metrics {
            Some(address) => Some(self.listen_for_metrics(address, until).await?),
            None => None,
        };
        listening.metrics = metrics.as_ref().map(|listener| listener.address.clone());
        let was_clean = !was_marked && !dirs.iter().any(|dir| dir.recovered.unclean);
        let ids: Vec<_> = dirs.iter().map(|dir| dir.id).collect();
        controller
            .register(&ids, &listening.clients, was_clean)
            .await
            .map_err(|error| StartError(error.to_string()))?;
        for folder in &folders {
            mark(&self.runtime, folder, true)
                .await
                .map_err(|errno| told(folder, errno))?;
        }
        self.start_shards(&controller, &dirs).await?;
        self.all(|_| Envelope::work(Work::Accept)).await?;
        Ok(Started {
            folders,
            controller,
            listening,
            metrics,
        })
    }

    /// Opens all shards. What lost records without an unclean stop gets a new leader epoch, too,
    /// before anybody is served.
    async fn start_shards(
        &self,
        controller: &Controller,
        dirs: &[shard::DirPlan],
    ) -> Result<(), StartError> {
        let image = controller.image();
        let replies = self
            .ask_all(|_| {
                let plan = shard::Plan {
                    image: image.clone(),
                    dirs: dirs.to_vec(),
                };
                Envelope::work(Work::Start(Box::new(plan)))
            })
            .await?;
        let lost = replies.into_iter().filter_map(|reply| match reply {
            Reply::Started { lost } => Some(lost),
            _ => None,
        });
        let lost: Vec<_> = lost.flatten().collect();
        if !lost.is_empty() {
            let raised = controller.raise_epochs(&lost).await;
            raised.map_err(|error| StartError(error.to_string()))?;
            self.publish(&controller.image()).await;
        }
        Ok(())
    }

    /// Recovers all log dirs; also those that failed, which the others do without.
    async fn recover(
        &self,
        folders: &[Folder],
    ) -> Result<(Vec<shard::DirPlan>, Vec<PathBuf>), StartError> {
        let config = &self.plan.config;
        let mut dirs = Vec::new();
        let mut failed = Vec::new();
        for folder in folders
            .iter()
            .filter(|folder| config.log_dirs.contains(&folder.path))
        {
            let recovered = match recovery::recover(&self.runtime, &folder.path, config).await {
                Ok(recovered) => recovered,
                Err(error) if may_fail(config, &folder.path, error.errno()) => {
                    tell_offline(&folder.path, &error);
                    failed.push(folder.path.clone());
                    continue;
                }
                Err(error) => {
                    return Err(StartError(format!("{}: {error}", folder.path.display())));
                }
            };
            recovery::remove_surplus(&self.runtime, &folder.path, self.plan.shards)
                .await
                .map_err(|errno| told(folder, errno))?;
            dirs.push(shard::DirPlan {
                path: folder.path.clone(),
                id: folder.meta.directory_id.0,
                recovered,
            });
        }
        if dirs.is_empty() {
            return Err(StartError("log.dirs: all of them failed".to_owned()));
        }
        Ok((dirs, failed))
    }

    async fn listen(
        &self,
        index: usize,
        address: &Address,
        until: Instant,
    ) -> Result<Address, StartError> {
        let shard = PeerId((index % usize::from(self.plan.shards)) as u16);
        let bind = async || {
            let work = Work::Listen {
                index,
                address: address.clone(),
            };
            match self.mesh.call(shard, Envelope::work(work)).1.await {
                Reply::Listening(address) => Ok(address),
                Reply::Refused(errno) => Err(errno),
                _ => unreachable!("listening is answered as such"),
            }
        };
        let listening = self.until_free(until, bind).await;
        listening.map_err(|errno| cannot_listen("listeners", address, errno))
    }

    /// Here on the control shard: whoever scrapes takes nothing from a data path.
    async fn listen_for_metrics(
        &self,
        address: &Address,
        until: Instant,
    ) -> Result<Listener, StartError> {
        let bind = async || self.runtime.listen(address.clone(), METRICS_BACKLOG).await;
        let listening = self.until_free(until, bind).await;
        listening.map_err(|errno| cannot_listen("ottla.metrics.listener", address, errno))
    }

    /// Binds again and again while somebody has the address, until that time.
    async fn until_free<T>(
        &self,
        until: Instant,
        bind: impl AsyncFn() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        loop {
            match bind().await {
                Err(Errno::ADDRESS_IN_USE) if self.runtime.now() < until => {
                    self.runtime.sleep(LINGER_LOOK).await;
                }
                bound => return bound,
            }
        }
    }

    /// What is shown over HTTP.
    async fn page(&self, path: &str) -> Result<Page, Status> {
        if path != "/metrics" {
            return Err(Status::NotFound);
        }
        let replies = self.ask_all(|_| Envelope::shard(Request::Sample)).await;
        let replies = replies.map_err(|_| Status::Unavailable)?.into_iter();
        let samples: Vec<Sample> = replies
            .map(|reply| match reply {
                Reply::Sample(sample) => *sample,
                _ => unreachable!("a sample is answered as such"),
            })
            .collect();
        let now_ms = self.runtime.wall().0;
        // Megabytes, where there are many topics; changes of metadata do not wait for them.
        let render = move || exposition::render(env!("CARGO_PKG_VERSION"), now_ms, &samples);
        Ok(Page {
            content_type: exposition::CONTENT_TYPE,
            body: self.runtime.work(render).await,
        })
    }

    /// Carries out what is asked of the controller, one after the other. What has come in meanwhile
    /// is published together.
    async fn serve(&self, controller: &Controller) {
        while let Some(first) = self.requests.next().await {
            let before = controller.image().offset;
            let mut replies = Vec::new();
            let mut next = Some(first);
            while let Some((from, call, request)) = next {
                replies.push((from, call, controller.decide(request).await));
                next = match replies.len() {
                    CHANGES_PER_PUBLISH_MAX => None,
                    _ => self.requests.try_next(),
                };
            }
            let image = controller.image();
            if image.offset != before {
                self.publish(&image).await;
            }
            for (from, call, reply) in replies {
                self.mesh.reply_control(from, call, reply);
            }
            if let Some(errno) = controller.failed() {
                let dir = self.plan.config.metadata_log_dir.clone();
                self.failures.push((dir, errno));
            }
            if let Err(error) = controller.snapshot_if_grown().await {
                tracing::error!(%error, "no snapshot of the metadata could be written");
            }
        }
    }

    /// Passes the failure of a disk on to every shard. Returns when the broker cannot go on: the
    /// last log dir failed, or the metadata log's.
    async fn watch_dirs(&self, folders: &[Folder]) -> StartError {
        let config = &self.plan.config;
        loop {
            let Some((path, errno)) = self.failures.next().await else {
                return std::future::pending().await;
            };
            if self.failed.borrow().contains(&path) {
                continue;
            }
            self.failed.borrow_mut().push(path.clone());
            let _ = self
                .all(|_| {
                    let path = path.clone();
                    Envelope::work(Work::FailDir { path, errno })
                })
                .await;
            let lives = |folder: &Folder| {
                let failed = self.failed.borrow().contains(&folder.path);
                config.log_dirs.contains(&folder.path) && !failed
            };
            let path = path.display();
            if *config.metadata_log_dir == *self.failed.borrow().last().expect("just pushed") {
                return StartError(format!("{path}: {errno}; the metadata log is there"));
            }
            if !folders.iter().any(lives) {
                return StartError(format!("{path}: {errno}; it was the last log dir"));
            }
        }
    }

    async fn publish(&self, image: &Arc<crate::metadata::Image>) {
        // A shard that cannot follow says so in the log and serves what it can.
        let _ = self
            .all(|_| Envelope::shard(Request::Image(image.clone())))
            .await;
    }

    async fn stop(&self, folders: &[Folder], controller: &Controller) -> Result<(), StartError> {
        self.all(|_| Envelope::work(Work::StopClients)).await?;
        self.all(|_| Envelope::work(Work::StopStorage)).await?;
        controller
            .close()
            .await
            .map_err(|error| StartError(error.to_string()))?;
        let failed = self.failed.borrow().clone();
        let sound = |folder: &&Folder| !failed.contains(&folder.path);
        for folder in folders.iter().filter(sound) {
            recovery::tell_log_starts(&self.runtime, &folder.path)
                .await
                .map_err(|errno| told(folder, errno))?;
            mark(&self.runtime, folder, false)
                .await
                .map_err(|errno| told(folder, errno))?;
        }
        Ok(())
    }

    /// Asks all shards at once and waits for all answers; the first failure is returned.
    async fn all(&self, ask: impl Fn(u16) -> Envelope) -> Result<(), StartError> {
        self.ask_all(ask).await.map(|_| ())
    }

    async fn ask_all(&self, ask: impl Fn(u16) -> Envelope) -> Result<Vec<Reply>, StartError> {
        let asked: Vec<_> = (0..self.plan.shards)
            .map(|shard| self.mesh.call(PeerId(shard), ask(shard)).1)
            .collect();
        let mut replies = Vec::new();
        let mut failed = None;
        for reply in asked {
            match reply.await {
                Reply::Failed(reason) => drop(failed.get_or_insert(StartError(reason))),
                reply => replies.push(reply),
            }
        }
        failed.map_or(Ok(replies), Err)
    }
}

fn told(folder: &Folder, errno: Errno) -> StartError {
    StartError(format!("{}: {}", folder.path.display(), errno.told()))
}

fn cannot_listen(property: &str, address: &Address, errno: Errno) -> StartError {
    let remedy = match errno {
        Errno::ADDRESS_IN_USE => "stop who listens there, or change",
        Errno(libc::EACCES) => "ports below 1024 need root; change",
        Errno(libc::EADDRNOTAVAIL) => "this machine has no such address; change",
        _ => "change",
    };
    StartError(format!(
        "cannot listen on {address}: {errno}; {remedy} `{property}`"
    ))
}
