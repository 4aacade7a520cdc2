//! What GetTelemetrySubscriptions and PushTelemetry have in common: the clients, each with what it
//! was asked for and when it was last here (KIP-714).
//!
//! Room:       `handlers`.
//! Called by:  those two.
//! Calls:      `metrics::subscription`.
//! Never:      needs a client to stay on one shard: one that nobody knows here is made anew, and
//!             its subscription has the same number.

use super::context::{Call, Context};
use crate::io::{Address, Instant};
use crate::map::Map;
use crate::metadata::{Configs, ResourceKind};
use crate::metrics::{ClientAttributes, Subscription};
use crate::protocol::record_batch::crc32c;
use crate::protocol::{ErrorCode, Uuid};
use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};

/// The clients of one shard.
#[derive(Default)]
pub struct Clients(RefCell<Map<[u8; 16], Client>>);

struct Client {
    /// The configuration its subscription was made of, by which a change is seen. Weak: of each
    /// change there is another copy, and a client may never be here again.
    configs: Weak<Configs>,
    asked: Asked,
    got_at: Option<Instant>,
    pushed_at: Option<Instant>,
    last_error: ErrorCode,
    is_terminating: bool,
}

/// What a client is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Differs whenever what is asked for differs.
    pub id: i32,
    pub subscription: Subscription,
}

/// What a push says of itself.
pub struct Push {
    pub subscription_id: i32,
    pub is_terminating: bool,
    pub compression_type: i8,
    pub bytes: usize,
    /// `telemetry.max.bytes`.
    pub bytes_max: usize,
}

/// Compression types in the order in which clients shall prefer them: zstd, lz4, gzip, snappy.
pub const COMPRESSION_TYPES: [i8; 4] = [4, 3, 1, 2];

/// Clients remembered by one shard.
const CLIENTS_MAX: usize = 4096;

impl Clients {
    /// A client asks what it shall push.
    ///
    /// # Errors
    /// When it comes back before its interval is over.
    pub fn get(&self, call: &Call, instance: Uuid) -> Result<Asked, ErrorCode> {
        let now = call.context.router.shard.runtime.now();
        self.with(call, instance, |client| {
            let last = client.got_at.max(client.pushed_at);
            let again = [
                ErrorCode::UnknownSubscriptionId,
                ErrorCode::UnsupportedCompressionType,
            ];
            if !client.is_due(last, now) && !again.contains(&client.last_error) {
                return Err(client.refuse(ErrorCode::ThrottlingQuotaExceeded));
            }
            client.got_at = Some(now);
            client.last_error = ErrorCode::None;
            Ok(client.asked.clone())
        })
    }

    /// A client pushes; how often it was asked to, in milliseconds.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn push(&self, call: &Call, instance: Uuid, push: &Push) -> Result<i32, ErrorCode> {
        let now = call.context.router.shard.runtime.now();
        self.with(call, instance, |client| {
            client.push(now, push)?;
            Ok(client.asked.subscription.interval_ms)
        })
    }

    fn with<T>(&self, call: &Call, instance: Uuid, act: impl FnOnce(&mut Client) -> T) -> T {
        let image = call.image();
        act(known(
            &mut self.0.borrow_mut(),
            instance,
            &image.configs,
            || attributes(&call.context, call, instance),
        ))
    }
}

/// The client of this name, made if it is new, and asked anew if the configuration is another one.
fn known<'c>(
    clients: &'c mut Map<[u8; 16], Client>,
    instance: Uuid,
    configs: &Arc<Configs>,
    attributes: impl FnOnce() -> ClientAttributes,
) -> &'c mut Client {
    if !clients.contains_key(&instance.0) && clients.len() >= CLIENTS_MAX {
        let seen = |client: &Client| client.got_at.max(client.pushed_at);
        let oldest = clients
            .iter()
            .min_by_key(|(id, client)| (seen(client), **id));
        let oldest = oldest.map(|(id, _)| *id);
        oldest.and_then(|id| clients.remove(&id));
    }
    let ask = || ask(configs, &attributes(), instance);
    match clients.entry(instance.0) {
        Entry::Occupied(known) => {
            let client = known.into_mut();
            if !std::ptr::eq(client.configs.as_ptr(), Arc::as_ptr(configs)) {
                client.asked = ask();
                client.configs = Arc::downgrade(configs);
            }
            client
        }
        Entry::Vacant(place) => place.insert(Client {
            configs: Arc::downgrade(configs),
            asked: ask(),
            got_at: None,
            pushed_at: None,
            last_error: ErrorCode::None,
            is_terminating: false,
        }),
    }
}

impl Client {
    fn is_due(&self, last: Option<Instant>, now: Instant) -> bool {
        let interval = i64::from(self.asked.subscription.interval_ms);
        last.is_none_or(|last| last.plus_ms(interval) <= now)
    }

    fn push(&mut self, now: Instant, push: &Push) -> Result<(), ErrorCode> {
        if self.is_terminating {
            return Err(ErrorCode::InvalidRequest);
        }
        // The first push after a subscription comes whenever it is ready.
        let is_first = self.got_at.is_some() && self.got_at > self.pushed_at;
        let is_due = is_first || self.is_due(self.pushed_at, now);
        if is_due {
            self.pushed_at = Some(now);
        }
        if !is_due && !push.is_terminating {
            return Err(self.refuse(ErrorCode::ThrottlingQuotaExceeded));
        }
        if push.subscription_id != self.asked.id {
            return Err(self.refuse(ErrorCode::UnknownSubscriptionId));
        }
        if push.compression_type != 0 && !COMPRESSION_TYPES.contains(&push.compression_type) {
            return Err(self.refuse(ErrorCode::UnsupportedCompressionType));
        }
        if push.bytes > push.bytes_max {
            return Err(self.refuse(ErrorCode::TelemetryTooLarge));
        }
        self.is_terminating = push.is_terminating;
        self.last_error = ErrorCode::None;
        Ok(())
    }

    fn refuse(&mut self, code: ErrorCode) -> ErrorCode {
        self.last_error = code;
        code
    }
}

fn ask(configs: &Configs, client: &ClientAttributes, instance: Uuid) -> Asked {
    let kept = configs
        .iter()
        .filter(|((kind, _), _)| *kind == ResourceKind::ClientMetrics);
    let subscription = Subscription::of(client, kept.map(|(_, settings)| settings));
    let mut text = format!("{} ", subscription.interval_ms).into_bytes();
    text.extend(subscription.metrics.join(",").as_bytes());
    text.extend(instance.0);
    let id = crc32c(&text) as i32;
    Asked { id, subscription }
}

fn attributes(context: &Context, call: &Call, instance: Uuid) -> ClientAttributes {
    let software = context.client_software.borrow().clone().unwrap_or_default();
    let (address, port) = match &context.peer {
        Address::Tcp(peer) => (peer.ip().to_string(), peer.port().to_string()),
        Address::Unix(path) => (path.display().to_string(), String::new()),
    };
    ClientAttributes {
        instance_id: instance.to_string(),
        client_id: call.client_id.clone().unwrap_or_default(),
        software_name: software.0,
        software_version: software.1,
        address,
        port,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn client(got_at: Option<u64>) -> Client {
        Client {
            configs: Weak::new(),
            asked: ask(&Configs::new(), &ClientAttributes::default(), Uuid::ZERO),
            got_at: got_at.map(Instant),
            pushed_at: None,
            last_error: ErrorCode::None,
            is_terminating: false,
        }
    }

    fn push(client: &Client) -> Push {
        Push {
            subscription_id: client.asked.id,
            is_terminating: false,
            compression_type: 0,
            bytes: 10,
            bytes_max: 10,
        }
    }

    #[test]
    fn a_push_comes_once_an_interval() {
        let mut client = client(Some(1));
        let whole = push(&client);
        assert_eq!(client.push(Instant(2), &whole), Ok(()));
        let throttled = Err(ErrorCode::ThrottlingQuotaExceeded);
        assert_eq!(client.push(Instant(3), &whole), throttled);
        assert_eq!(client.push(Instant(2 + 300_000 * MS), &whole), Ok(()));
        let last = Push {
            is_terminating: true,
            ..whole
        };
        assert_eq!(client.push(Instant(3 + 300_000 * MS), &last), Ok(()));
        let late = Instant(900_000 * MS);
        assert_eq!(client.push(late, &last), Err(ErrorCode::InvalidRequest));
    }

    #[test]
    fn what_is_wrong_with_a_push_is_told_in_kafkas_order() {
        let mut client = client(Some(1));
        let mut wrong = push(&client);
        wrong.subscription_id ^= 1;
        wrong.compression_type = 9;
        wrong.bytes = 11;
        let mut now = 0;
        let mut code = |push: &Push| {
            now += 300_000 * MS;
            client.push(Instant(now), push)
        };
        assert_eq!(code(&wrong), Err(ErrorCode::UnknownSubscriptionId));
        wrong.subscription_id ^= 1;
        assert_eq!(code(&wrong), Err(ErrorCode::UnsupportedCompressionType));
        wrong.compression_type = 4;
        assert_eq!(code(&wrong), Err(ErrorCode::TelemetryTooLarge));
        wrong.bytes = 10;
        assert_eq!(code(&wrong), Ok(()));
    }

    /// Goal: clients that come, are asked and never come again keep no configuration in memory,
    /// of which each change of a topic makes another copy; and a change is seen all the same.
    #[test]
    fn a_client_keeps_no_configuration() {
        let mut clients = Map::default();
        let mut configs: Arc<Configs> = Arc::default();
        let mut id_of = |configs: &Arc<Configs>| {
            let asks = ClientAttributes::default;
            known(&mut clients, Uuid::ZERO, configs, asks).asked.id
        };
        let nothing = id_of(&configs);
        let before = Arc::downgrade(&configs);
        let key = (ResourceKind::ClientMetrics, "all".to_owned());
        let all = ("metrics".to_owned(), "*".to_owned());
        Arc::make_mut(&mut configs).insert(key, [all].into());
        assert_eq!(before.strong_count(), 0);
        let everything = id_of(&configs);
        assert_ne!(nothing, everything);
        assert_eq!(id_of(&configs), everything);
        assert_eq!(Arc::strong_count(&configs), 1);
    }
}
