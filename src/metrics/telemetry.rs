//! The metrics that clients pushed, by client instance: the newest value of each (KIP-714).
//!
//! Room:       `metrics`.
//! Called by:  `handlers`, with each push; `broker`, for a scrape.
//! Never:      grows without bound: what clients have pushed longest ago goes first.

use super::otlp::{self, Malformed, Point};
use super::sample::{ClientSample, Pushed, SeriesName};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one shard was pushed.
#[derive(Default)]
pub struct ClientTelemetry(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    clients: BTreeMap<[u8; 16], Client>,
    /// Of all clients together.
    bytes: usize,
    pushes: u64,
}

#[derive(Default)]
struct Client {
    client_id: String,
    /// With the number of the push that each is from.
    values: BTreeMap<Arc<SeriesName>, (Pushed, u64)>,
    bytes: usize,
    /// Number of its last push.
    pushed: u64,
    pushed_at_ms: i64,
    gone_at_ms: i64,
}

/// Who pushes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Pusher<'p> {
    pub instance: [u8; 16],
    pub client_id: &'p str,
    /// Wall clock, milliseconds since 1970.
    pub now_ms: i64,
    /// How often it was asked to push.
    pub interval_ms: i32,
}

/// What is kept of all clients of one shard, in bytes of names and `SERIES_BYTES`.
const BYTES_MAX: usize = 4 << 20;

/// What is kept of one client.
const CLIENT_BYTES_MAX: usize = 256 << 10;

/// What a series takes beside its name, here and in a line of a page; a client too.
const SERIES_BYTES: usize = 256;

/// What is shown of a client's name for itself, which may have 32 KiB.
const CLIENT_ID_LETTERS_MAX: usize = 64;

impl ClientTelemetry {
    /// Takes a decompressed push in.
    ///
    /// # Errors
    /// When it cannot be read; what came before the fault is kept.
    pub fn push(&self, from: Pusher<'_>, bytes: &[u8]) -> Result<(), Malformed> {
        let mut kept = self.0.borrow_mut();
        kept.pushes += 1;
        let mut client = kept.forget(from.instance).unwrap_or_default();
        client.client_id = from.client_id.chars().take(CLIENT_ID_LETTERS_MAX).collect();
        client.pushed = kept.pushes;
        client.pushed_at_ms = from.now_ms;
        client.gone_at_ms = from.now_ms + 3 * i64::from(from.interval_ms);
        let read = otlp::each_point(bytes, |point| client.take(&point));
        if read.is_ok() {
            client.forget_ended();
        }
        kept.keep(from.instance, client);
        read
    }

    /// A client said good-bye: what it has pushed elsewhere is over too.
    pub fn end(&self, instance: [u8; 16], now_ms: i64) {
        let mut kept = self.0.borrow_mut();
        kept.pushes += 1;
        kept.forget(instance);
        let gone = Client {
            pushed: kept.pushes,
            pushed_at_ms: now_ms,
            gone_at_ms: now_ms,
            ..Client::default()
        };
        kept.keep(instance, gone);
    }

    /// What clients have pushed here, also those that push elsewhere now or have gone.
    pub fn sample(&self) -> Vec<ClientSample> {
        let kept = self.0.borrow();
        let clients = kept.clients.iter().map(|(instance, client)| {
            let values = client.values.iter();
            ClientSample {
                instance: *instance,
                client_id: client.client_id.clone(),
                pushed_at_ms: client.pushed_at_ms,
                gone_at_ms: client.gone_at_ms,
                values: values
                    .map(|(name, (pushed, _))| (name.clone(), *pushed))
                    .collect(),
            }
        });
        clients.collect()
    }
}

impl Kept {
    fn keep(&mut self, instance: [u8; 16], client: Client) {
        self.bytes += SERIES_BYTES + client.bytes;
        self.clients.insert(instance, client);
        while self.bytes > BYTES_MAX {
            self.forget_oldest();
        }
    }

    fn forget(&mut self, instance: [u8; 16]) -> Option<Client> {
        let client = self.clients.remove(&instance)?;
        self.bytes -= SERIES_BYTES + client.bytes;
        Some(client)
    }

    fn forget_oldest(&mut self) {
        let clients = self.clients.iter();
        let oldest = clients.min_by_key(|(_, client)| client.pushed);
        if let Some(instance) = oldest.map(|(instance, _)| *instance) {
            self.forget(instance);
        }
    }
}

impl Client {
    fn take(&mut self, point: &Point<'_>) {
        let series = SeriesName::of(point);
        let pushed = Pushed {
            value: point.value,
            adds_up: point.is_delta,
        };
        if let Some((known, push)) = self.values.get_mut(&series) {
            known.take(pushed);
            *push = self.pushed;
            return;
        }
        let bytes = series.bytes();
        if self.bytes + bytes <= CLIENT_BYTES_MAX {
            self.bytes += bytes;
            self.values.insert(Arc::new(series), (pushed, self.pushed));
        }
    }

    /// What the last push did not have any more is over, as what was told of a partition that was
    /// taken away; a total is only not added to.
    fn forget_ended(&mut self) {
        let (last, mut freed) = (self.pushed, 0);
        self.values.retain(|name, (pushed, push)| {
            let is_kept = pushed.adds_up || *push == last;
            freed += if is_kept { 0 } else { name.bytes() };
            is_kept
        });
        self.bytes -= freed;
    }
}

impl SeriesName {
    fn bytes(&self) -> usize {
        SERIES_BYTES + self.name.len() + self.labels.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::otlp::tests::push;
    use super::*;

    const GAUGE: u64 = 5;
    const SUM: u64 = 7;

    fn from(client: u8) -> Pusher<'static> {
        Pusher {
            instance: [client; 16],
            client_id: "c",
            now_ms: 10,
            interval_ms: 1000,
        }
    }

    fn shown(telemetry: &ClientTelemetry) -> Vec<String> {
        let clients = telemetry.sample().into_iter();
        let lines = clients.flat_map(|client| {
            assert_eq!((client.pushed_at_ms, client.gone_at_ms), (10, 3010));
            let line = move |(series, pushed): (Arc<SeriesName>, Pushed)| {
                let SeriesName { name, labels } = &*series;
                format!("{} {name}{{{labels}}} {}", client.instance[0], pushed.value)
            };
            client.values.into_iter().map(line)
        });
        lines.collect()
    }

    #[test]
    fn the_newest_value_is_kept_and_deltas_add_up() {
        let telemetry = ClientTelemetry::default();
        for value in [2.0, 3.0] {
            let mut bytes = push(GAUGE, "gauge", false, value, "a\"b");
            bytes.extend(push(SUM, "delta", true, value, "x"));
            assert_eq!(telemetry.push(from(1), &bytes), Ok(()));
        }
        let both = ["1 delta{client=\"x\"} 5", "1 gauge{client=\"a\\\"b\"} 3"];
        assert_eq!(shown(&telemetry), both);
        assert_eq!(telemetry.push(from(1), &[0xff; 12]), Err(Malformed));
        assert_eq!(shown(&telemetry), both);
        telemetry.end([1; 16], 10);
        let left = telemetry.sample();
        assert_eq!(
            (left.len(), left[0].gone_at_ms, left[0].values.len()),
            (1, 10, 0)
        );
    }

    #[test]
    fn what_is_not_pushed_any_more_is_over() {
        let telemetry = ClientTelemetry::default();
        let gauge = |name: &str| push(GAUGE, name, false, 1.0, "x");
        let mut first = push(SUM, "delta", true, 1.0, "x");
        first.extend(gauge("first"));
        assert_eq!(telemetry.push(from(1), &first), Ok(()));
        assert_eq!(telemetry.push(from(1), &gauge("next")), Ok(()));
        let left = ["1 delta{client=\"x\"} 1", "1 next{client=\"x\"} 1"];
        assert_eq!(shown(&telemetry), left);
    }

    #[test]
    fn many_clients_and_many_names_stay_bounded() {
        let telemetry = ClientTelemetry::default();
        let long = "n".repeat(100 << 10);
        for client in 0..60u8 {
            let mut bytes = Vec::new();
            for name in ["a", "b", "c", "d"] {
                bytes.extend(push(GAUGE, &format!("{name}{long}"), false, 1.0, "x"));
            }
            let id = Pusher {
                client_id: &long,
                ..from(client)
            };
            assert_eq!(telemetry.push(id, &bytes), Ok(()));
        }
        let kept = telemetry.0.borrow();
        assert!(kept.bytes <= BYTES_MAX);
        let mut clients = kept.clients.values();
        assert!(clients.all(|client| client.bytes <= CLIENT_BYTES_MAX
            && client.values.len() == 2
            && client.client_id.len() == CLIENT_ID_LETTERS_MAX));
        assert!(kept.clients.contains_key(&[59; 16]));
        assert!(!kept.clients.contains_key(&[0; 16]));
    }
}
