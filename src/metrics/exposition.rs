//! What was counted, as Prometheus reads it (text format 0.0.4).
//!
//! Room:       `metrics`.
//! Called by:  `broker`, for a scrape.
//! Never:      lets a client choose a name of ours: what clients pushed begins with `client_`.
//!
//! Always true: the lines of a name stand together, and no series is there twice.

use super::otlp::Point;
use super::sample::{ClientSample, Pushed, Sample, SeriesName};
use crate::protocol::Uuid;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a page of this format is declared as.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The level a record had reached, in the order of `Sample::topics`.
const LEVELS: [&str; 3] = ["memory", "written", "synced"];

/// Values of the shards.
type OfShard = fn(&Sample) -> usize;

/// Name, what it says, and the value.
const GAUGES: [(&str, &str, OfShard); 3] = [
    ("ottla_connections", "Clients connected.", |shard| {
        shard.connections
    }),
    (
        "ottla_partitions",
        "Partitions that were opened.",
        |shard| shard.partitions,
    ),
    (
        "ottla_partitions_offline",
        "Partitions that cannot be served: their records are lost, or their disk failed.",
        |shard| shard.partitions_offline,
    ),
];

/// The page of all shards' counts, at a time of the wall clock.
pub fn render(version: &str, now_ms: i64, shards: &[Sample]) -> String {
    let mut page = Text(String::new());
    page.family("ottla_build_info", "gauge", "The broker's version.");
    let labels = [("version", version)];
    page.line("ottla_build_info", &labels, "", 1.0);
    for (name, help, of) in GAUGES {
        page.family(name, "gauge", help);
        for (shard, sample) in shards.iter().enumerate() {
            let shard = shard.to_string();
            page.line(name, &[("shard", &shard)], "", of(sample) as f64);
        }
    }
    requests(&mut page, shards);
    topics(&mut page, shards);
    clients(&mut page, now_ms, shards);
    page.0
}

fn requests(page: &mut Text, shards: &[Sample]) {
    let mut summed: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (api, requests, bytes) in shards.iter().flat_map(|shard| &shard.requests) {
        let sums = summed.entry(api.name()).or_default();
        sums[0] += requests;
        sums[1] += bytes;
    }
    let families = [
        ("ottla_requests_total", "Requests, by API."),
        ("ottla_request_bytes_total", "Bytes of requests, by API."),
    ];
    for (at, (name, help)) in families.into_iter().enumerate() {
        page.family(name, "counter", help);
        for (api, sums) in &summed {
            page.line(name, &[("api", api)], "", sums[at] as f64);
        }
    }
}

fn topics(page: &mut Text, shards: &[Sample]) {
    let mut summed: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for (topic, levels) in shards.iter().flat_map(|shard| &shard.topics) {
        let sums = summed.entry(topic).or_default();
        sums.iter_mut()
            .zip(levels)
            .for_each(|(sum, level)| *sum += level);
    }
    let name = "ottla_topic_records_total";
    let help = "Records and markers of transactions, by topic and by the level they had reached \
                when they became visible: memory, written (survives a kill), synced (survives \
                power loss).";
    page.family(name, "counter", help);
    for (topic, levels) in summed {
        for (level, records) in LEVELS.into_iter().zip(levels) {
            page.line(
                name,
                &[("topic", topic), ("level", level)],
                "",
                records as f64,
            );
        }
    }
}

/// A client whose connection moved has pushed to several shards: its newest push tells whether it
/// is still there.
fn clients(page: &mut Text, now_ms: i64, shards: &[Sample]) {
    let mut oldest_first: Vec<&ClientSample> = shards.iter().flat_map(|s| &s.clients).collect();
    oldest_first.sort_by_key(|client| (client.pushed_at_ms, client.instance));
    let newest = oldest_first.iter().map(|client| (client.instance, *client));
    let newest: BTreeMap<[u8; 16], &ClientSample> = newest.collect();
    let mut series: BTreeMap<&SeriesName, BTreeMap<[u8; 16], (&str, Pushed)>> = BTreeMap::new();
    oldest_first.retain(|client| newest[&client.instance].gone_at_ms > now_ms);
    for client in oldest_first {
        let is_newest = std::ptr::eq(newest[&client.instance], client);
        // What is not added to is as the newest push tells it.
        let values = client.values.iter();
        for (name, value) in values.filter(|(_, value)| is_newest || value.adds_up) {
            let clients = series.entry(name).or_default();
            let (client_id, pushed) = clients.entry(client.instance).or_default();
            *client_id = &client.client_id;
            pushed.take(*value);
        }
    }
    let mut last = None;
    for (SeriesName { name, labels }, clients) in series {
        let name = format!("client_{name}");
        if last.as_ref() != Some(&name) {
            page.family(&name, "untyped", "Pushed by clients (KIP-714).");
        }
        for (instance, (client_id, pushed)) in clients {
            let instance = Uuid(instance).to_string();
            let own = [("client_instance_id", &*instance), ("client_id", client_id)];
            page.line(&name, &own, labels, pushed.value);
        }
        last = Some(name);
    }
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// `more` are labels that are written already.
    fn line(&mut self, name: &str, labels: &[(&str, &str)], more: &str, value: f64) {
        self.0.push_str(name);
        self.0.push('{');
        for (place, (key, value)) in labels.iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            label(&mut self.0, key, value);
        }
        if !more.is_empty() {
            self.0.push(',');
            self.0.push_str(more);
        }
        self.0.push_str("} ");
        let _ = match value {
            f64::INFINITY => writeln!(self.0, "+Inf"),
            f64::NEG_INFINITY => writeln!(self.0, "-Inf"),
            value => writeln!(self.0, "{value}"),
        };
    }
}

fn label(text: &mut String, key: &str, value: &str) {
    text.push_str(key);
    text.push_str("=\"");
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            letter => text.push(letter),
        }
    }
    text.push('"');
}

/// As Prometheus allows it: letters, digits and underscores, a letter first.
fn sound(name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    let sound: String = name.chars().map(letter).collect();
    match sound.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => sound,
        false => format!("x{sound}"),
    }
}

impl SeriesName {
    /// Names that differ only in what Prometheus does not allow become one.
    pub(super) fn of(point: &Point<'_>) -> SeriesName {
        let mut labels: BTreeMap<String, &str> = BTreeMap::new();
        for (key, value) in &point.attributes {
            let key = match sound(key) {
                // Ours, on every line.
                key if matches!(&*key, "client_instance_id" | "client_id") => format!("x_{key}"),
                key => key,
            };
            labels.entry(key).or_insert(value);
        }
        let mut text = String::new();
        for (key, value) in labels {
            if !text.is_empty() {
                text.push(',');
            }
            label(&mut text, &key, value);
        }
        SeriesName {
            name: sound(point.name),
            labels: text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ApiKey;
    use std::sync::Arc;

    fn series(name: &str, attributes: &[(&str, &str)]) -> SeriesName {
        SeriesName::of(&Point {
            name,
            attributes: attributes.to_vec(),
            value: 0.0,
            is_delta: false,
        })
    }

    /// What one client pushed: the newest of a rate, and what a total grew by.
    fn client(pushed_at_ms: i64, rate: f64, total: f64) -> ClientSample {
        let of = |value, adds_up| Pushed { value, adds_up };
        let rate_name = series("org.x.rate", &[("node.id", "a\"b"), ("node-id", "c")]);
        let total_name = series("org.x.total", &[("client_id", "mine")]);
        ClientSample {
            instance: [1; 16],
            client_id: "c\n".to_owned(),
            pushed_at_ms,
            gone_at_ms: pushed_at_ms + 30,
            values: vec![
                (Arc::new(rate_name), of(rate, false)),
                (Arc::new(total_name), of(total, true)),
            ],
        }
    }

    #[test]
    fn shards_are_merged_and_names_stand_together() {
        let first = Sample {
            connections: 3,
            partitions: 5,
            requests: vec![(ApiKey::Fetch, 2, 20), (ApiKey::Produce, 1, 10)],
            topics: vec![("b".into(), [1, 2, 3]), ("a".into(), [0, 0, 7])],
            clients: vec![client(9, f64::INFINITY, 2.0)],
            ..Sample::default()
        };
        let mut moved = client(8, 1.0, 0.5);
        let revoked = Pushed {
            value: 1.0,
            adds_up: false,
        };
        moved
            .values
            .push((Arc::new(series("revoked", &[])), revoked));
        let second = Sample {
            partitions_offline: 1,
            requests: vec![(ApiKey::Produce, 4, 40)],
            topics: vec![("b".into(), [10, 20, 30])],
            clients: vec![moved],
            ..Sample::default()
        };
        let page = render("1.2", 38, &[first.clone(), second.clone()]);
        let lines: Vec<&str> = page
            .lines()
            .filter(|line| !line.starts_with("# HELP"))
            .collect();
        let own = "client_instance_id=\"AQEBAQEBAQEBAQEBAQEBAQ\",client_id=\"c\\n\"";
        let rate = format!("client_org_x_rate{{{own},node_id=\"a\\\"b\"}} +Inf");
        let total = format!("client_org_x_total{{{own},x_client_id=\"mine\"}} 2.5");
        let expected = [
            "# TYPE ottla_build_info gauge",
            "ottla_build_info{version=\"1.2\"} 1",
            "# TYPE ottla_connections gauge",
            "ottla_connections{shard=\"0\"} 3",
            "ottla_connections{shard=\"1\"} 0",
            "# TYPE ottla_partitions gauge",
            "ottla_partitions{shard=\"0\"} 5",
            "ottla_partitions{shard=\"1\"} 0",
            "# TYPE ottla_partitions_offline gauge",
            "ottla_partitions_offline{shard=\"0\"} 0",
            "ottla_partitions_offline{shard=\"1\"} 1",
            "# TYPE ottla_requests_total counter",
            "ottla_requests_total{api=\"Fetch\"} 2",
            "ottla_requests_total{api=\"Produce\"} 5",
            "# TYPE ottla_request_bytes_total counter",
            "ottla_request_bytes_total{api=\"Fetch\"} 20",
            "ottla_request_bytes_total{api=\"Produce\"} 50",
            "# TYPE ottla_topic_records_total counter",
            "ottla_topic_records_total{topic=\"a\",level=\"memory\"} 0",
            "ottla_topic_records_total{topic=\"a\",level=\"written\"} 0",
            "ottla_topic_records_total{topic=\"a\",level=\"synced\"} 7",
            "ottla_topic_records_total{topic=\"b\",level=\"memory\"} 11",
            "ottla_topic_records_total{topic=\"b\",level=\"written\"} 22",
            "ottla_topic_records_total{topic=\"b\",level=\"synced\"} 33",
            "# TYPE client_org_x_rate untyped",
            &*rate,
            "# TYPE client_org_x_total untyped",
            &*total,
        ];
        assert_eq!(lines, expected);
        let later = render("1.2", 39, &[first, second]);
        assert!(
            !later.contains("client_org"),
            "it has missed two pushes: {later}"
        );
    }

    #[test]
    fn names_are_made_sound() {
        assert_eq!(sound("9.a-b"), "x9_a_b");
        assert_eq!(sound(""), "x");
        assert_eq!(series("ö", &[]).name, "x_");
        assert_eq!(series("a.b", &[]), series("a-b", &[]));
    }
}
