//! The settings of one broker, typed, complete and able to work together.
//!
//! Room:       `config`, what the broker is started with.
//! Called by:  `cli` at start; every room reads its fields.
//! Calls:      nothing.
//! Never:      reads a file, asks the machine, or hands out text where a type would do.
//!
//! Always true:
//!   - `listeners` has at least one entry, `advertised` has the same names in the same order.
//!   - `log_dirs` has at least one entry.

use super::error::{ConfigError, Warning};
use super::listener::{
    Address, Listener, ProtocolMap, SecurityProtocol, parse_listeners, parse_metrics_listener,
};
use super::memory::MemoryShares;
use super::parse::{Given, parse};
use super::property::list;
use super::topic::TopicConfig;
use super::values::Values;
use super::{Overrides, alter, table};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Component, PathBuf};

/// What a broker is started with. Sizes are bytes, times milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    pub node_id: i32,
    /// Those to open; controller listeners are left out.
    pub listeners: Vec<Listener>,
    /// What clients are told, one for each of `listeners`.
    pub advertised: Vec<Listener>,
    /// Which of `listeners` brokers use among themselves.
    pub inter_broker_listener: String,
    /// Where metrics are fetched over HTTP.
    pub metrics_listener: Option<Address>,
    pub log_dirs: Vec<PathBuf>,
    pub metadata_log_dir: PathBuf,
    pub rack: Option<String>,
    pub num_partitions: i32,
    pub default_replication_factor: i16,
    pub auto_create_topics: bool,
    pub delete_topics: bool,
    pub socket_request_bytes_max: u32,
    pub socket_listen_backlog: u32,
    /// `None` lets idle connections live.
    pub connections_idle_ms_max: Option<u64>,
    pub connections_max: u32,
    pub connections_per_ip_max: u32,
    /// Bounds of single addresses, instead of `connections_per_ip_max`.
    pub connections_per_ip_overrides: Vec<(IpAddr, u32)>,
    /// Largest push of client metrics, compressed.
    pub telemetry_bytes_max: u32,
    pub fetch_sessions_max: u32,
    pub fetch_bytes_max: u32,
    /// Partitions in one answer of DescribeTopicPartitions.
    pub response_partitions_max: u32,
    pub retention_check_interval_ms: u64,
    /// Until background work looks for the first time.
    pub initial_task_delay_ms: u64,
    pub producer_id_expiration_ms: u64,
    pub cleaner: CleanerConfig,
    /// Bytes that moves between log dirs may copy in a second, of all shards.
    pub move_bytes_per_second_max: u64,
    /// What holds for a topic that sets nothing itself.
    pub topic_defaults: TopicConfig,
    /// `None` is one shard per core.
    pub shards: Option<u32>,
    /// Memory of the whole process to plan with; see `memory_shares`.
    pub memory_bytes: u64,
    pub polling: Polling,
    /// Log lines are JSON.
    pub log_json: bool,
    pub io: IoMode,
    pub journal: JournalConfig,
    /// The text behind the types, for DescribeConfigs and for topics' settings.
    pub values: Values,
}

impl BrokerConfig {
    /// What each of so many shards may take.
    pub fn memory_shares(&self, shards: u16) -> MemoryShares {
        MemoryShares::of(self.memory_bytes, shards, self.log_dirs.len())
    }

    /// Reads a properties file; `arguments` come after its lines and win over them.
    pub fn parse(
        text: &str,
        file: &str,
        arguments: &[Given],
        machine: &Machine,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut given = parse(text, file)?;
        given.extend_from_slice(arguments);
        Self::from_given(&given, machine)
    }

    /// Makes settings of properties in their order. Nothing at all is a working broker on
    /// 127.0.0.1:9092 with its data in `./ottla-data`.
    pub fn from_given(
        given: &[Given],
        machine: &Machine,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let (values, mut warnings) = Values::check(given)?;
        let config = Self::from_values(values, machine, &mut warnings)?;
        Ok((config, warnings))
    }

    /// The settings after AlterConfigs changed these properties for all brokers and for this
    /// one. Only what may change while the broker runs is taken over.
    pub fn with_dynamic(
        &self,
        dynamic_default: &Overrides,
        dynamic_broker: &Overrides,
    ) -> Result<Self, ConfigError> {
        for (name, value) in dynamic_default.iter().chain(dynamic_broker) {
            alter::validate_broker_override(name, value)?;
        }
        let mut values = self.values.clone();
        values.dynamic_default = dynamic_default.clone();
        values.dynamic_broker = dynamic_broker.clone();
        let mut changed = self.clone();
        changed.connections_max = capped(values.count("max.connections"));
        changed.connections_per_ip_max = capped(values.count("max.connections.per.ip"));
        changed.connections_per_ip_overrides = per_ip_overrides(&values)?;
        changed.producer_id_expiration_ms = values.count("producer.id.expiration.ms");
        changed.cleaner = CleanerConfig::of(&values);
        changed.move_bytes_per_second_max = values.count(MOVE_RATE);
        changed.topic_defaults = TopicConfig::resolve(&values, &Overrides::new())?;
        changed.values = values;
        Ok(changed)
    }

    /// How many connections this address may have.
    pub fn connections_from_max(&self, address: IpAddr) -> u32 {
        let mut own = self.connections_per_ip_overrides.iter();
        let own = own.find(|(of, _)| *of == address);
        own.map_or(self.connections_per_ip_max, |(_, bound)| *bound)
    }

    /// What holds for a topic with these overrides.
    pub fn topic(&self, overrides: &Overrides) -> Result<TopicConfig, ConfigError> {
        TopicConfig::resolve(&self.values, overrides)
    }

    fn from_values(
        values: Values,
        machine: &Machine,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, ConfigError> {
        let node_id = node_id(&values)?;
        check_alone(&values, node_id, machine)?;
        super::group::check_defaults(&values)?;
        let (listeners, advertised) = listeners(&values, machine, warnings)?;
        let inter_broker_listener = inter_broker_listener(&values, &listeners)?;
        let log_dirs = log_dirs(&values)?;
        let metadata_log_dir = match values.text("metadata.log.dir") {
            Some(dir) if !dir.is_empty() => PathBuf::from(dir),
            _ => log_dirs[0].clone(),
        };
        let journal = JournalConfig {
            file_bytes_min: values.count("ottla.journal.file.bytes.min"),
            file_bytes_max: values.count("ottla.journal.file.bytes.max"),
            files_max: capped(values.count("ottla.journal.files.max")),
        };
        if journal.file_bytes_min > journal.file_bytes_max {
            let name = "ottla.journal.file.bytes.min";
            return Err(values.refuse(name, "it may not pass ottla.journal.file.bytes.max"));
        }
        let shards = capped(values.count("ottla.shards"));
        Ok(Self {
            polling: polling(&values, &listeners)?,
            metrics_listener: parse_metrics_listener(&values, &listeners)?,
            node_id,
            listeners,
            advertised,
            inter_broker_listener,
            log_dirs,
            metadata_log_dir,
            rack: values.text("broker.rack").map(str::to_owned),
            num_partitions: i32::try_from(values.number("num.partitions")).unwrap_or(1),
            default_replication_factor: i16::try_from(values.number("default.replication.factor"))
                .map_err(|_| {
                    values.refuse("default.replication.factor", "it can be 32767 at most")
                })?,
            auto_create_topics: values.is_true("auto.create.topics.enable"),
            delete_topics: values.is_true("delete.topic.enable"),
            socket_request_bytes_max: capped(values.count("socket.request.max.bytes")),
            socket_listen_backlog: listen_backlog(&values),
            connections_idle_ms_max: u64::try_from(values.number("connections.max.idle.ms")).ok(),
            connections_max: capped(values.count("max.connections")),
            connections_per_ip_max: capped(values.count("max.connections.per.ip")),
            connections_per_ip_overrides: per_ip_overrides(&values)?,
            telemetry_bytes_max: capped(values.count("telemetry.max.bytes")),
            fetch_sessions_max: capped(values.count("max.incremental.fetch.session.cache.slots")),
            fetch_bytes_max: capped(values.count("fetch.max.bytes")),
            response_partitions_max: capped(values.count("max.request.partition.size.limit")),
            retention_check_interval_ms: values.count("log.retention.check.interval.ms"),
            initial_task_delay_ms: values.count("log.initial.task.delay.ms"),
            producer_id_expiration_ms: values.count("producer.id.expiration.ms"),
            cleaner: CleanerConfig::of(&values),
            move_bytes_per_second_max: values.count(MOVE_RATE),
            topic_defaults: TopicConfig::resolve(&values, &Overrides::new())?,
            shards: (shards > 0).then_some(shards),
            memory_bytes: values.count("ottla.memory.bytes"),
            log_json: values
                .text("ottla.log.format")
                .is_some_and(|text| text.trim() == "json"),
            io: IoMode::Uring,
            journal,
            values,
        })
    }
}

/// What the settings need to know of the machine; asked by the caller, so that settings are
/// the same wherever they are read.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// What clients can reach this machine by, advertised for listeners without a host. Asked
    /// only for those, because the answer may need a name server.
    pub host_name: fn() -> String,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            host_name: || "localhost".to_owned(),
        }
    }
}

/// What an idle shard does, the more eager the later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Polling {
    /// Sleeps in the kernel at once: no CPU when idle.
    #[default]
    Park,
    /// Looks for work for 20 µs, then sleeps.
    SpinThenPark,
    /// Never sleeps: for dedicated cores.
    Spin,
}

impl Polling {
    pub fn name(self) -> &'static str {
        match self {
            Self::Park => "park",
            Self::SpinThenPark => "spin-then-park",
            Self::Spin => "spin",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::SpinThenPark, Self::Spin]
            .into_iter()
            .find(|polling| polling.name() == name.trim())
            .unwrap_or_default()
    }
}

const MOVE_RATE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";

/// Which opener of the door the broker stands behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IoMode {
    #[default]
    Uring,
}

/// How topics are compacted; all of it may change while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CleanerConfig {
    pub enabled: bool,
    /// Pause when there is nothing to compact.
    pub backoff_ms: u64,
    /// Memory for the keys of one compaction.
    pub dedupe_bytes: u64,
    /// How full that memory may be.
    pub load_factor: f64,
    /// Bytes read at once.
    pub io_bytes: u32,
    /// Bytes read and written in a second, by all shards.
    pub io_bytes_per_second_max: f64,
}

impl CleanerConfig {
    fn of(values: &Values) -> Self {
        Self {
            enabled: values.is_true("log.cleaner.enable"),
            backoff_ms: values.count("log.cleaner.backoff.ms"),
            dedupe_bytes: values.count("log.cleaner.dedupe.buffer.size"),
            load_factor: values.fraction("log.cleaner.io.buffer.load.factor"),
            io_bytes: capped(values.count("log.cleaner.io.buffer.size")),
            io_bytes_per_second_max: values.fraction("log.cleaner.io.max.bytes.per.second"),
        }
    }
}

/// Bounds of one shard's journal on one disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Size of the first files.
    pub file_bytes_min: u64,
    /// Size files grow to under load.
    pub file_bytes_max: u64,
    /// Files in the ring.
    pub files_max: u32,
}

/// Kafka's 50 is soon full when many connect at once, and who finds it full waits a second before
/// TCP tries again: only who asks for 50 gets them.
const LISTEN_BACKLOG: u32 = 1024;

fn listen_backlog(values: &Values) -> u32 {
    let name = "socket.listen.backlog.size";
    match values.given(name) {
        Some(_) => capped(values.count(name)),
        None => LISTEN_BACKLOG,
    }
}

fn capped(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn node_id(values: &Values) -> Result<i32, ConfigError> {
    let node_id = values.number("node.id");
    let broker_id = values
        .given("broker.id")
        .map(|_| values.number("broker.id"));
    let id = match (values.given("node.id"), broker_id) {
        (Some(_), Some(other)) if other != node_id && other != -1 => {
            return Err(values.refuse("broker.id", format!("node.id is {node_id}; keep only that")));
        }
        (None, Some(other)) if other >= 0 => other,
        (None, Some(other)) if other < -1 => {
            return Err(values.refuse("broker.id", "it cannot be negative"));
        }
        _ => node_id,
    };
    i32::try_from(id).map_err(|_| values.refuse("node.id", "it can be 2147483647 at most"))
}

/// One process is the whole cluster for now: anything that names another one is refused,
/// because to serve it alone would be a second cluster beside the first.
fn check_alone(values: &Values, node_id: i32, machine: &Machine) -> Result<(), ConfigError> {
    let roles = values.text("process.roles").unwrap_or_default();
    let has = |role: &str| list(roles).any(|item| item == role);
    if !has("broker") || !has("controller") {
        let remedy = "clusters are served in a later version; set broker,controller";
        return Err(values.refuse("process.roles", remedy));
    }
    let later = "clusters are served in a later version; name this node alone or delete the line";
    let voters = values.text("controller.quorum.voters").unwrap_or_default();
    let mut voter_ids = list(voters).map(|voter| voter.split_once('@').map(|(id, _)| id));
    let own = |id: Option<&str>| id.and_then(|id| id.parse::<i32>().ok()) == Some(node_id);
    if list(voters).count() > 1 || !voter_ids.all(own) {
        return Err(values.refuse("controller.quorum.voters", later));
    }
    let servers = values
        .text("controller.quorum.bootstrap.servers")
        .unwrap_or_default();
    let is_own = |server: &str| is_own_address(values, machine, server);
    if list(servers).count() > 1 || !list(servers).all(is_own) {
        return Err(values.refuse("controller.quorum.bootstrap.servers", later));
    }
    Ok(())
}

/// Whether HOST:PORT is one of our listeners, or what clients are told instead. A listener on
/// every interface, or on loopback, answers to loopback's names and to the machine's.
fn is_own_address(values: &Values, machine: &Machine, server: &str) -> bool {
    const LOOPBACK: [&str; 4] = ["localhost", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1"];
    let split = |address: &str| {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host.to_ascii_lowercase(), port.parse::<u16>().ok()?))
    };
    let Some((host, port)) = split(server) else {
        return false;
    };
    let here = |own: &str| match own {
        "" | "0.0.0.0" | "::" => {
            LOOPBACK.contains(&&*host) || host.eq_ignore_ascii_case(&(machine.host_name)())
        }
        own if LOOPBACK.contains(&own) => LOOPBACK.contains(&&*host),
        own => own == host,
    };
    ["listeners", "advertised.listeners"]
        .into_iter()
        .flat_map(|property| list(values.text(property).unwrap_or_default()))
        .filter_map(|listener| split(listener.split_once("://")?.1))
        .any(|(own, own_port)| own_port == port && here(&own))
}

/// The listeners to open and what clients are told instead of each.
fn listeners(
    values: &Values,
    machine: &Machine,
    warnings: &mut Vec<Warning>,
) -> Result<(Vec<Listener>, Vec<Listener>), ConfigError> {
    let controllers: Vec<String> =
        list(values.text("controller.listener.names").unwrap_or_default())
            .map(str::to_uppercase)
            .collect();
    let map_text = values
        .text("listener.security.protocol.map")
        .unwrap_or_default();
    let map = ProtocolMap::parse(map_text, values.place("listener.security.protocol.map"))?;
    let read = |property: &'static str| {
        let text = values.text(property).unwrap_or_default();
        parse_listeners(property, text, &map, &controllers, values.place(property))
    };

    let (closed, listeners): (Vec<_>, Vec<_>) = read("listeners")?
        .into_iter()
        .partition(|listener| controllers.contains(&listener.name));
    if let Some(listener) = closed.first() {
        warnings.push(Warning {
            place: values.place("listeners").clone(),
            name: "listeners".to_owned(),
            text: format!("{listener} is not opened: one node is its own controller"),
        });
    }
    if listeners.is_empty() {
        return Err(values.refuse(
            "listeners",
            "name one for clients: PLAINTEXT://127.0.0.1:9092",
        ));
    }
    for listener in &listeners {
        if listener.protocol != SecurityProtocol::Plaintext {
            let protocol = listener.protocol.name();
            let remedy = format!("{protocol} is served in a later version; use PLAINTEXT for now");
            return Err(values.refuse("listeners", remedy));
        }
    }

    let told = read("advertised.listeners")?;
    for other in &told {
        let known = listeners
            .iter()
            .chain(&closed)
            .any(|listener| listener.name == other.name);
        if !known {
            let remedy = format!("there is no listener {}; add it to listeners", other.name);
            return Err(values.refuse("advertised.listeners", remedy));
        }
        if other.address.is_wildcard() {
            let remedy = "clients cannot connect to every interface; name a host they can reach";
            return Err(values.refuse("advertised.listeners", remedy));
        }
    }
    let advertised = listeners
        .iter()
        .map(
            |listener| match told.iter().find(|other| other.name == listener.name) {
                Some(other) => Ok(other.clone()),
                None => advertise(listener, machine, values),
            },
        )
        .collect::<Result<_, _>>()?;
    Ok((listeners, advertised))
}

/// What clients are told when nobody said: the listener itself, or the machine's name.
fn advertise(
    listener: &Listener,
    machine: &Machine,
    values: &Values,
) -> Result<Listener, ConfigError> {
    let mut advertised = listener.clone();
    if let Address::Tcp { host, port } = &mut advertised.address {
        if host.is_empty() {
            *host = (machine.host_name)();
        } else if listener.address.is_wildcard() {
            let remedy = format!(
                "clients cannot connect to {host}; add \
                 advertised.listeners={}://HOST:{port} with a host they can reach",
                listener.name
            );
            return Err(values.refuse("listeners", remedy));
        }
    }
    Ok(advertised)
}

/// Connections of every listener are served by every shard, so the most eager listener decides.
fn polling(values: &Values, listeners: &[Listener]) -> Result<Polling, ConfigError> {
    let common = Polling::from_name(values.text(table::POLLING).unwrap_or_default());
    let own: Vec<(&str, Polling)> = values
        .file
        .iter()
        .filter_map(|(name, value)| {
            let listener = table::listener_of(name, table::POLLING)?;
            Some((listener, Polling::from_name(value)))
        })
        .collect();
    for (name, _) in &own {
        let is_it = |listener: &Listener| listener.name.eq_ignore_ascii_case(name);
        if !listeners.iter().any(is_it) {
            return Err(values.refuse(
                table::POLLING,
                format!("listener.name.{name} names none of the listeners"),
            ));
        }
    }
    let each = listeners.iter().map(|listener| {
        let own = own
            .iter()
            .find(|(name, _)| listener.name.eq_ignore_ascii_case(name));
        own.map_or(common, |(_, polling)| *polling)
    });
    Ok(each.max().unwrap_or(common))
}

fn inter_broker_listener(values: &Values, listeners: &[Listener]) -> Result<String, ConfigError> {
    let Some(name) = values
        .text("inter.broker.listener.name")
        .map(str::to_uppercase)
    else {
        let protocol = values
            .text("security.inter.broker.protocol")
            .unwrap_or_default();
        let named = listeners.iter().find(|listener| listener.name == protocol);
        return Ok(named.unwrap_or(&listeners[0]).name.clone());
    };
    if !listeners.iter().any(|listener| listener.name == name) {
        let remedy = "there is no such listener; add it to listeners";
        return Err(values.refuse("inter.broker.listener.name", remedy));
    }
    Ok(name)
}

/// `max.connections.per.ip.overrides`: ADDRESS:COUNT, comma-separated.
fn per_ip_overrides(values: &Values) -> Result<Vec<(IpAddr, u32)>, ConfigError> {
    let name = "max.connections.per.ip.overrides";
    let read = list(values.text(name).unwrap_or_default()).map(|item| {
        let (address, count) = item.rsplit_once(':')?;
        let address = address.trim().trim_matches(['[', ']']);
        let address = match address {
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            address => address.parse::<IpAddr>().ok()?,
        };
        Some((address.to_canonical(), count.trim().parse().ok()?))
    });
    read.collect::<Option<_>>().ok_or_else(|| {
        values.refuse(
            name,
            "write ADDRESS:COUNT, with the address in digits: 10.0.0.7:100",
        )
    })
}

fn log_dirs(values: &Values) -> Result<Vec<PathBuf>, ConfigError> {
    let name = if values.given("log.dirs").is_some() {
        "log.dirs"
    } else {
        "log.dir"
    };
    let dirs: Vec<PathBuf> = list(values.text(name).unwrap_or_default())
        .map(PathBuf::from)
        .collect();
    if dirs.is_empty() {
        return Err(values.refuse(name, "name at least one folder"));
    }
    let plain = |dir: &PathBuf| -> PathBuf {
        let parts = dir.components();
        parts.filter(|part| *part != Component::CurDir).collect()
    };
    let differ: BTreeSet<PathBuf> = dirs.iter().map(plain).collect();
    if differ.len() < dirs.len() {
        return Err(values.refuse(name, "a folder is there twice; name each once"));
    }
    Ok(dirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(BrokerConfig, Vec<Warning>), String> {
        let machine = Machine {
            host_name: || "here".to_owned(),
        };
        BrokerConfig::parse(text, "server.properties", &[], &machine)
            .map_err(|error| error.to_string())
    }

    fn refusal(text: &str) -> String {
        read(text).expect_err(text)
    }

    #[test]
    fn no_file_at_all_is_a_broker_on_loopback() {
        let (config, warnings) = read("").expect("the default works");
        assert_eq!(warnings, []);
        assert_eq!(config.node_id, 1);
        assert_eq!(
            config.listeners[0].to_string(),
            "PLAINTEXT://127.0.0.1:9092"
        );
        assert_eq!(config.advertised, config.listeners);
        assert_eq!(config.log_dirs, [PathBuf::from("./ottla-data")]);
        assert_eq!(config.metadata_log_dir, PathBuf::from("./ottla-data"));
        assert_eq!(config.memory_bytes, 256 << 20);
        assert_eq!(config.shards, None);
        assert_eq!(config.socket_request_bytes_max, 104_857_600);
        assert_eq!(config.connections_idle_ms_max, Some(600_000));
        assert_eq!(config.journal.file_bytes_min, 4 << 20);
        assert_eq!(config.socket_listen_backlog, 1024);
    }

    #[test]
    fn a_backlog_that_is_asked_for_is_taken_at_its_word() {
        let (config, _) = read("socket.listen.backlog.size=50").expect("valid");
        assert_eq!(config.socket_listen_backlog, 50);
    }

    #[test]
    fn kafkas_own_example_file_is_enough() {
        let text = "process.roles=broker,controller\nnode.id=7\n\
                    controller.quorum.bootstrap.servers=localhost:9093\n\
                    listeners=PLAINTEXT://:9092,CONTROLLER://:9093\n\
                    inter.broker.listener.name=PLAINTEXT\n\
                    advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
                    controller.listener.names=CONTROLLER\n\
                    listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
                    num.network.threads=3\nlog.dirs=/data/a, /data/b\n";
        let (config, warnings) = read(text).expect("Kafka starts with it");
        assert_eq!(config.node_id, 7);
        assert_eq!(config.listeners.len(), 1);
        assert_eq!(
            config.advertised[0].to_string(),
            "PLAINTEXT://localhost:9092"
        );
        assert_eq!(
            config.log_dirs,
            [PathBuf::from("/data/a"), PathBuf::from("/data/b")]
        );
        let names: Vec<_> = warnings
            .iter()
            .map(|warning| warning.name.as_str())
            .collect();
        assert_eq!(names, ["num.network.threads", "listeners"]);
    }

    #[test]
    fn a_listener_without_a_host_is_advertised_by_the_machines_name() {
        let (config, _) = read("listeners=PLAINTEXT://:9092").expect("valid");
        assert_eq!(config.advertised[0].to_string(), "PLAINTEXT://here:9092");
    }

    #[test]
    fn refusals_name_place_value_and_remedy() {
        for (text, message) in [
            (
                "\nnum.partitons=3",
                "server.properties:2: unknown property num.partitons; did you mean num.partitions?",
            ),
            (
                "num.partitions=0",
                "server.properties:1: num.partitions=0: expected a whole number, at least 1",
            ),
            ("ottla.memory.byte=1", "did you mean ottla.memory.bytes?"),
            ("segment.bytes=1", "did you mean log.segment.bytes?"),
            (
                "zookeeper.connect=h:2181",
                "zookeeper.connect does not exist in Kafka 4",
            ),
            (
                "listeners=PLAINTEXT://0.0.0.0:9092",
                "add advertised.listeners=PLAINTEXT://HOST:9092",
            ),
            ("listeners=SSL://h:9092", "SSL is served in a later version"),
            (
                "listener.security.protocol.map=OTHER:PLAINTEXT\nadvertised.listeners=OTHER://h:1",
                "there is no listener OTHER",
            ),
            (
                "listeners=PLAINTEXT://[::]:9092",
                "add advertised.listeners=PLAINTEXT://HOST:9092",
            ),
            ("advertised.listeners=PLAINTEXT://:9092", "name a host"),
            (
                "max.connections.per.ip.overrides=some.host:7",
                "write ADDRESS:COUNT",
            ),
            ("process.roles=broker", "set broker,controller"),
            (
                "controller.quorum.voters=1@a:1,2@b:1",
                "clusters are served in a later version",
            ),
            (
                "controller.quorum.voters=2@a:1",
                "clusters are served in a later version",
            ),
            (
                "controller.quorum.bootstrap.servers=other:9092",
                "clusters are served in a later version",
            ),
            (
                "controller.quorum.bootstrap.servers=localhost:9093",
                "name this node alone or delete the line",
            ),
            ("super.usersx=User:a", "did you mean super.users?"),
            ("node.id=1\nbroker.id=2", "node.id is 1"),
            ("log.dirs=a,a", "twice"),
            ("log.dirs=a,./a/", "twice"),
            ("log.dirs=", "name at least one folder"),
            ("inter.broker.listener.name=X", "there is no such listener"),
            (
                "ottla.journal.file.bytes.min=268435457",
                "ottla.journal.file.bytes.max",
            ),
        ] {
            let error = refusal(text);
            assert!(error.contains(message), "{text:?} gave {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_kafka_name_not_served_yet_warns_once() {
        let (_, warnings) = read("num.replica.fetchers=2\nlistener.name.x.ssl.y=1").expect("known");
        let lines: Vec<_> = warnings.iter().map(Warning::to_string).collect();
        assert_eq!(
            lines,
            [
                "server.properties:1: num.replica.fetchers: accepted, not served yet",
                "server.properties:2: listener.name.x.ssl.y: accepted, not served yet"
            ]
        );
    }

    #[test]
    fn the_most_eager_listener_says_how_shards_poll() {
        let two = "listeners=A://127.0.0.1:1,B://127.0.0.1:2\n\
                   listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT\n\
                   inter.broker.listener.name=A\n";
        for (text, polling) in [
            ("", Polling::Park),
            ("listener.name.b.ottla.polling=spin", Polling::Spin),
            (
                "ottla.polling=spin\nlistener.name.a.ottla.polling=park\n\
                 listener.name.b.ottla.polling=spin-then-park",
                Polling::SpinThenPark,
            ),
        ] {
            let (config, warnings) = read(&format!("{two}{text}")).expect("valid");
            assert_eq!((config.polling, warnings.len()), (polling, 0), "{text}");
        }
        for (text, message) in [
            (
                "listener.name.c.ottla.polling=spin",
                "none of the listeners",
            ),
            ("listener.name.a.ottla.polling=often", "spin-then-park"),
            ("listener.name.a.ottla.poling=spin", "unknown"),
        ] {
            let error = refusal(&format!("{two}{text}"));
            assert!(error.contains(message), "{text:?} gave {error}");
        }
    }

    #[test]
    fn arguments_win_over_the_file() {
        let arguments = [Given::argument("ottla.shards", "3")];
        let read = BrokerConfig::parse("ottla.shards=2", "f", &arguments, &Machine::default());
        assert_eq!(read.expect("valid").0.shards, Some(3));
    }

    #[test]
    fn dynamic_values_win_and_fixed_ones_are_refused() {
        let (config, _) = read("log.retention.ms=5").expect("valid");
        let all = Overrides::from([("log.retention.ms".to_owned(), "6".to_owned())]);
        let one = Overrides::from([("log.retention.ms".to_owned(), "7".to_owned())]);
        let changed = config.with_dynamic(&all, &one).expect("may change");
        assert_eq!(changed.topic_defaults.retention_ms, Some(7));
        let back = changed
            .with_dynamic(&all, &Overrides::new())
            .expect("may change");
        assert_eq!(back.topic_defaults.retention_ms, Some(6));
        let fixed = Overrides::from([("node.id".to_owned(), "2".to_owned())]);
        assert!(config.with_dynamic(&fixed, &Overrides::new()).is_err());
    }
}
