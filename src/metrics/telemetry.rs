//! The metrics that clients pushed, by client instance: the newest value of each (KIP-714).
//!
//! Room:       `metrics`.
//! Called by:  `handlers`, with each push; whoever shows metrics reads it.
//! Never:      grows without bound: what clients have pushed longest ago goes first.

use super::otlp::{self, Malformed, Point};
use std::cell::RefCell;
use std::collections::BTreeMap;

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
    /// By name and attributes, as in `name{key="value"}`.
    values: BTreeMap<String, f64>,
    bytes: usize,
    /// Number of its last push.
    pushed: u64,
}

/// What is kept of all clients of one shard, in bytes of names.
const BYTES_MAX: usize = 4 << 20;

/// What is kept of one client.
const CLIENT_BYTES_MAX: usize = 256 << 10;

impl ClientTelemetry {
    /// Takes a decompressed push in.
    ///
    /// # Errors
    /// When it cannot be read; what came before the fault is kept.
    pub fn push(&self, instance: [u8; 16], bytes: &[u8]) -> Result<(), Malformed> {
        let mut kept = self.0.borrow_mut();
        kept.pushes += 1;
        let pushed = kept.pushes;
        let mut client = kept.clients.remove(&instance).unwrap_or_default();
        kept.bytes -= client.bytes;
        client.pushed = pushed;
        let read = otlp::each_point(bytes, |point| client.take(&point));
        kept.bytes += client.bytes;
        kept.clients.insert(instance, client);
        while kept.bytes > BYTES_MAX {
            kept.forget_oldest();
        }
        read
    }

    /// A client said good-bye.
    pub fn forget(&self, instance: [u8; 16]) {
        let mut kept = self.0.borrow_mut();
        if let Some(client) = kept.clients.remove(&instance) {
            kept.bytes -= client.bytes;
        }
    }

    /// Tells every value: instance, series, value.
    pub fn each(&self, mut tell: impl FnMut([u8; 16], &str, f64)) {
        for (instance, client) in &self.0.borrow().clients {
            let values = client.values.iter();
            values.for_each(|(series, value)| tell(*instance, series, *value));
        }
    }
}

impl Kept {
    fn forget_oldest(&mut self) {
        let oldest = self.clients.iter().min_by_key(|(_, client)| client.pushed);
        let Some(instance) = oldest.map(|(instance, _)| *instance) else {
            return;
        };
        if let Some(client) = self.clients.remove(&instance) {
            self.bytes -= client.bytes;
        }
    }
}

impl Client {
    fn take(&mut self, point: &Point<'_>) {
        let series = series(point);
        if let Some(value) = self.values.get_mut(&series) {
            *value = if point.is_delta {
                *value + point.value
            } else {
                point.value
            };
            return;
        }
        if self.bytes + series.len() <= CLIENT_BYTES_MAX {
            self.bytes += series.len();
            self.values.insert(series, point.value);
        }
    }
}

/// Name and attributes as Prometheus writes them.
fn series(point: &Point<'_>) -> String {
    let mut text = point.name.to_owned();
    for (place, (key, value)) in point.attributes.iter().enumerate() {
        text.push(if place == 0 { '{' } else { ',' });
        text.push_str(key);
        text.push('=');
        text.push_str(&format!("{value:?}"));
    }
    if !point.attributes.is_empty() {
        text.push('}');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::otlp::tests::push;
    use super::*;

    const GAUGE: u64 = 5;
    const SUM: u64 = 7;

    fn shown(telemetry: &ClientTelemetry) -> Vec<String> {
        let mut lines = Vec::new();
        telemetry.each(|instance, series, value| {
            lines.push(format!("{} {series} {value}", instance[15]));
        });
        lines
    }

    #[test]
    fn the_newest_value_is_kept_and_deltas_add_up() {
        let telemetry = ClientTelemetry::default();
        for value in [2.0, 3.0] {
            let pushes = [
                push(GAUGE, "gauge", false, value, "a\"b"),
                push(SUM, "delta", true, value, "x"),
            ];
            for bytes in pushes {
                assert_eq!(telemetry.push([1; 16], &bytes), Ok(()));
            }
        }
        let both = ["1 delta{client=\"x\"} 5", "1 gauge{client=\"a\\\"b\"} 3"];
        assert_eq!(shown(&telemetry), both);
        assert_eq!(telemetry.push([1; 16], &[0xff; 12]), Err(Malformed));
        telemetry.forget([1; 16]);
        assert!(shown(&telemetry).is_empty());
    }

    #[test]
    fn many_clients_and_many_names_stay_bounded() {
        let telemetry = ClientTelemetry::default();
        let long = "n".repeat(100 << 10);
        for client in 0..60u8 {
            for name in 0..4 {
                let bytes = push(GAUGE, &format!("{name}{long}"), false, 1.0, "x");
                assert_eq!(telemetry.push([client; 16], &bytes), Ok(()));
            }
        }
        let kept = telemetry.0.borrow();
        assert!(kept.bytes <= BYTES_MAX);
        assert!(
            kept.clients
                .values()
                .all(|client| client.bytes <= CLIENT_BYTES_MAX)
        );
        assert!(kept.clients.contains_key(&[59; 16]));
        assert!(!kept.clients.contains_key(&[0; 16]));
    }
}
