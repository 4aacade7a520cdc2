//! `ottla server [FILE]`: the broker, one process in the foreground.
//!
//! Room:       `cli`, the server.
//! Called by:  `cli::main`.
//! Calls:      `config` for its settings, `broker` on a thread per shard.
//! Never:      detaches from the terminal or writes a pid file.

use super::output::exit_code;
use super::{Refusal, settings};
use crate::broker::{self, Listen, Plan, Stopped};
use crate::config::log_levels::LOG_LEVELS;
use crate::config::{self, BrokerConfig, Polling};
use crate::ids::ShardId;
use crate::io::Address;
use crate::io::uring::{self, Profile};
pub use crate::io::uring::{block_signals, wait_for_signal};
use crate::runtime::{Runtime, thread};
use std::fmt::Display;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::{EnvFilter, reload};

/// The flags of `ottla server`.
#[derive(clap::Args, Debug)]
pub struct Server {
    /// Properties as in Kafka's server.properties; none is a broker on 127.0.0.1:9092.
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub flags: settings::Flags,
}

/// Reads the settings and runs the broker until it is told to stop.
pub fn start(server: Server) -> ExitCode {
    match settings::read(server.file.as_deref(), &server.flags) {
        Ok(config) => run(config),
        Err(refusal) => exit_code(Err(refusal)),
    }
}

/// Runs the broker until it is told to stop.
pub fn run(config: BrokerConfig) -> ExitCode {
    exit_code(serve(config))
}

fn serve(mut config: BrokerConfig) -> Result<(), Refusal> {
    absolute_folders(&mut config)?;
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new("info"))
        .with_target(false);
    match config.log_json {
        false => {
            let log = log.with_filter_reloading();
            follow_levels(log.reload_handle());
            log.init();
        }
        true => {
            let log = log.json().flatten_event(true).with_filter_reloading();
            follow_levels(log.reload_handle());
            log.init();
        }
    }
    let listen = addresses(&config)?;
    let (runtime, plan, described) = launch(config)?;
    let ready = {
        let plan = plan.clone();
        move |listening: &Listen| {
            announce(&plan, &described, listening);
            uring::give_back_freed();
        }
    };
    let control = broker::control(runtime.clone(), plan, listen, ready);
    // Shards still wait in their doors; the process ends with this thread.
    match runtime.block_on(control) {
        Stopped::Cleanly => {
            tracing::info!("stopped");
            Ok(())
        }
        Stopped::Unfinished => {
            tracing::warn!("stopped before all was closed; the next start does the rest");
            Ok(())
        }
        Stopped::AtOnce => Err(Refusal::new(
            "stopped at once on the second signal; the next start recovers from the journals",
        )),
        Stopped::Failed(error) => Err(Refusal::new(error)),
    }
}

/// A thread for each shard, waiting to be started; the control shard's runtime is this thread's.
/// The text describes the shards' rings.
fn launch(config: BrokerConfig) -> Result<(Runtime, Plan, String), Refusal> {
    uring::join_freed_at_once();
    // Before any thread starts: each one inherits the mask.
    uring::block_signals();
    raise_file_limit();
    let cores = thread::cores();
    let shards = match config.shards {
        None => cores.len(),
        Some(count) => count as usize,
    };
    let shards = u16::try_from(shards).unwrap_or(u16::MAX - 1);
    let profile = match config.polling {
        Polling::Park => Profile::Park,
        Polling::SpinThenPark => Profile::SpinThenPark(SPIN),
        Polling::Spin => Profile::Spin,
    };
    let memory = config.memory_shares(shards);
    crate::io::buffer::set_pool_bytes_max(memory.pool_bytes);
    let defaults = uring::Settings::default();
    let buffers = memory.receive_bytes / defaults.receive_buffer_bytes as usize;
    let settings = uring::Settings {
        profile,
        receive_buffers: u16::try_from(buffers)
            .unwrap_or(u16::MAX)
            .clamp(RECEIVE_BUFFERS_MIN, defaults.receive_buffers),
        ..defaults
    };
    let mut seeds = uring::open_all(usize::from(shards) + 1, settings).map_err(Refusal::new)?;
    let control_seed = seeds
        .pop()
        .expect("one more than shards")
        .with_profile(Profile::Park);
    let plan = Plan::new(config, shards);
    let mut threads = Vec::new();
    let (describe, described) = std::sync::mpsc::channel();
    for (index, seed) in seeds.into_iter().enumerate() {
        let plan = plan.clone();
        let core = cores[index % cores.len()];
        let describe = describe.clone();
        let body = move || {
            let runtime = open(seed);
            // Nobody listens any more when a thread could not be started.
            let _ = describe.send(runtime.describe());
            drop(describe);
            runtime.spawn(broker::member(runtime.clone(), plan, ShardId(index as u16)));
            runtime.run();
        };
        let started = thread::start(format!("shard-{index}"), Some(core), body);
        threads.push(started.map_err(|error| Refusal::new(format_args!("no thread: {error}")))?);
    }
    drop(describe);
    // All are alike; a ring that cannot be opened ends the process.
    let described = described.recv().unwrap_or_default();
    let runtime = open(control_seed);
    Ok((runtime, plan, described))
}

/// Brings all records out of the journals into segments, offline.
pub fn drain(mut config: BrokerConfig) -> Result<(), Refusal> {
    absolute_folders(&mut config)?;
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .with_target(false)
        .init();
    let (runtime, plan, _) = launch(config)?;
    let drained = broker::drain(runtime.clone(), plan);
    runtime.block_on(drained).map_err(Refusal::new)
}

/// Has a partition serve what is left of it, offline; see `broker::accept`.
pub fn accept_loss(
    mut config: BrokerConfig,
    topic: String,
    partition: i32,
    dry_run: bool,
) -> Result<Vec<String>, Refusal> {
    absolute_folders(&mut config)?;
    let settings = uring::Settings::default();
    let mut seeds = uring::open_all(1, settings).map_err(Refusal::new)?;
    let runtime = open(seeds.pop().expect("one was opened"));
    let inner = runtime.clone();
    let accepted = runtime
        .block_on(async move { broker::accept(inner, config, &topic, partition, dry_run).await });
    accepted.map_err(Refusal::new)
}

/// Lets clients change what is logged (resource BROKER_LOGGER).
fn follow_levels<S: 'static>(levels: reload::Handle<EnvFilter, S>) {
    LOG_LEVELS.follow(move |filter| {
        // Fails only when the process ends.
        let _ = levels.reload(EnvFilter::new(filter));
    });
}

/// Receive buffers of a shard, however small the memory budget: half a megabyte.
const RECEIVE_BUFFERS_MIN: u16 = 16;

/// How long `spin-then-park` looks for work before it sleeps (DESIGN §2).
const SPIN: Duration = Duration::from_micros(20);

/// Opens the door on the thread that will own it. The same ring was opened on trial before.
fn open(seed: uring::RingSeed) -> Runtime {
    match seed.open() {
        Ok(ring) => Runtime::new(Box::new(ring)),
        Err(error) => {
            tracing::error!(%error, "a shard cannot open its ring");
            std::process::exit(1)
        }
    }
}

/// One ring on this thread, for a tool that looks at what a broker would find.
pub(super) fn one_ring() -> Result<Runtime, uring::OpenError> {
    let settings = uring::Settings {
        profile: Profile::Park,
        ..uring::Settings::default()
    };
    let seed = uring::open_all(1, settings)?
        .pop()
        .expect("one was asked for");
    Ok(Runtime::new(Box::new(seed.open()?)))
}

/// Clients are told where the log dirs lie, and do not know in which folder the broker started.
fn absolute_folders(config: &mut BrokerConfig) -> Result<(), Refusal> {
    let folders = config.log_dirs.iter_mut();
    for folder in folders.chain([&mut config.metadata_log_dir]) {
        *folder = std::path::absolute(&*folder).map_err(|error| {
            Refusal::new(format_args!("log.dirs: {}: {error}", folder.display()))
        })?;
    }
    Ok(())
}

/// Where everything binds; names are looked up once, here.
fn addresses(config: &BrokerConfig) -> Result<Listen, Refusal> {
    let mut listen = Listen::default();
    for (index, listener) in config.listeners.iter().enumerate() {
        let address = look_up("listeners", listener, &listener.address)?;
        listen.clients.push((index, address));
    }
    if let Some(address) = &config.metrics_listener {
        listen.metrics = Some(look_up("ottla.metrics.listener", address, address)?);
    }
    Ok(listen)
}

/// The address of this machine that `given`, the value of a property, stands for.
pub(super) fn look_up(
    property: &str,
    given: &dyn Display,
    address: &config::Address,
) -> Result<Address, Refusal> {
    let (host, port) = match address {
        config::Address::Unix { path } => return Ok(Address::Unix(path.into())),
        config::Address::Tcp { host, port } => (host, *port),
    };
    // Every interface, of IPv6 and of IPv4: the door opens it for both.
    let host = if host.is_empty() { "::" } else { host };
    let looked_up = (host, port).to_socket_addrs().map_err(|error| {
        Refusal::new(format_args!(
            "{property}: {given}: {error}; name an address of this machine"
        ))
    })?;
    // IPv4 first: `localhost` shall be where most clients look.
    let mut found: Vec<_> = looked_up.collect();
    found.sort_by_key(|address| !address.is_ipv4());
    let first = found.first().ok_or_else(|| {
        Refusal::new(format_args!("{property}: {given}: the name has no address"))
    })?;
    Ok(Address::Tcp(*first))
}

/// One line for the log with all that a bug report needs, and a first command to try.
fn announce(plan: &Plan, door: &str, listening: &Listen) {
    let config = &plan.config;
    let listeners: Vec<String> = listening
        .clients
        .iter()
        .map(|(index, address)| format!("{}://{address}", config.listeners[*index].name))
        .collect();
    let folders: Vec<String> = config
        .log_dirs
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    tracing::info!(
        "ottla {} on Linux {}: {door}; {} shards, {} MiB of memory, listening on {}, data in {}",
        env!("CARGO_PKG_VERSION"),
        kernel_release(),
        plan.shards,
        config.memory_bytes >> 20,
        listeners.join(", "),
        folders.join(", "),
    );
    if let Some(address) = &listening.metrics {
        tracing::info!("metrics are served over HTTP on {address}, as /metrics");
    }
    if let Some((_, Address::Tcp(address))) = listening.clients.first() {
        let address = match address.ip().is_unspecified() {
            true => format!("localhost:{}", address.port()),
            false => address.to_string(),
        };
        let program = program();
        tracing::info!("try: {program} topics --create --topic first --bootstrap-server {address}");
    }
}

/// How this program is called from here: by its path, unless a shell finds it by its name.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let path = std::env::current_exe().ok();
    let path = path.filter(|_| called.contains('/'));
    path.map_or_else(|| "ottla".to_owned(), |path| path.display().to_string())
}

pub(super) fn kernel_release() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    text.trim().to_owned()
}

/// As many open files as the system lets us have: connections and segments are files.
fn raise_file_limit() {
    if let Err(error) = uring::raise_file_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
