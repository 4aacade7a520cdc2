//! Client metrics subscriptions: which metrics are asked of which client, and how often (KIP-714).
//!
//! Room:       `metrics`.
//! Called by:  `controller`, which checks a subscription before it is kept; `handlers`, which match
//!             clients against those that are.
//! Never:      trusts a pattern's size: a compiled one is bounded.

use regex_lite::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// What a client is known by, as patterns see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientAttributes {
    pub instance_id: String,
    pub client_id: String,
    pub software_name: String,
    pub software_version: String,
    pub address: String,
    pub port: String,
}

/// What one client is asked for: the union of the subscriptions that match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Prefixes of metric names, `*` for all; none asks for nothing.
    pub metrics: Vec<String>,
    pub interval_ms: i32,
}

/// How often a client asks again when no subscription says otherwise.
pub const INTERVAL_MS_DEFAULT: i32 = 300_000;

/// Asks for every metric.
const ALL: &str = "*";

/// Memory that one compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 64 << 10;

impl Subscription {
    /// What this client is asked for by all subscriptions, given by their settings.
    pub fn of<'s>(
        client: &ClientAttributes,
        subscriptions: impl Iterator<Item = &'s BTreeMap<String, String>>,
    ) -> Subscription {
        let mut metrics: Vec<String> = Vec::new();
        let mut interval_ms = None;
        for settings in subscriptions {
            let setting = |name| settings.get(name).map(String::as_str).unwrap_or_default();
            // What cannot be read matches nobody; `check` lets no such thing in.
            if !matches(setting("match"), client).unwrap_or(false) {
                continue;
            }
            let named = setting("metrics").split(',').map(str::trim);
            metrics.extend(named.filter(|name| !name.is_empty()).map(str::to_owned));
            let own = setting("interval.ms")
                .trim()
                .parse()
                .unwrap_or(INTERVAL_MS_DEFAULT);
            interval_ms = Some(interval_ms.map_or(own, |least: i32| least.min(own)));
        }
        if metrics.iter().any(|name| name == ALL) {
            metrics = vec![ALL.to_owned()];
        }
        metrics.sort();
        metrics.dedup();
        Subscription {
            metrics,
            interval_ms: interval_ms.unwrap_or(INTERVAL_MS_DEFAULT),
        }
    }
}

/// Reads the value of `match`.
///
/// # Errors
/// The pattern that cannot be read.
pub fn check(patterns: &str) -> Result<(), String> {
    matches(patterns, &ClientAttributes::default()).map(|_| ())
}

/// Whether every pattern, `NAME=REGEX` each, matches the whole of what it is about.
fn matches(patterns: &str, client: &ClientAttributes) -> Result<bool, String> {
    let mut all = true;
    for pattern in patterns
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let parsed = parse(pattern, client).ok_or_else(|| pattern.to_owned())?;
        let (regex, value) = parsed;
        all &= regex.is_match(value);
    }
    Ok(all)
}

fn parse<'c>(pattern: &str, client: &'c ClientAttributes) -> Option<(Regex, &'c str)> {
    let (name, regex) = pattern.split_once('=')?;
    let value = match name.trim() {
        "client_instance_id" => &client.instance_id,
        "client_id" => &client.client_id,
        "client_software_name" => &client.software_name,
        "client_software_version" => &client.software_version,
        "client_source_address" => &client.address,
        "client_source_port" => &client.port,
        _ => return None,
    };
    let regex = regex.trim();
    if regex.is_empty() || regex.contains('=') {
        return None;
    }
    let whole = format!("^(?:{regex})$");
    let mut builder = RegexBuilder::new(&whole);
    let built = builder.size_limit(PATTERN_BYTES_MAX).build();
    Some((built.ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> ClientAttributes {
        ClientAttributes {
            client_id: "orders-1".to_owned(),
            software_name: "apache-kafka-java".to_owned(),
            software_version: "4.3.1".to_owned(),
            ..ClientAttributes::default()
        }
    }

    fn of(subscriptions: &[&[(&str, &str)]]) -> (String, i32) {
        let settings: Vec<BTreeMap<String, String>> = subscriptions
            .iter()
            .map(|settings| {
                let pairs = settings.iter();
                pairs
                    .map(|(name, value)| (name.to_string(), value.to_string()))
                    .collect()
            })
            .collect();
        let asked = Subscription::of(&client(), settings.iter());
        (asked.metrics.join(","), asked.interval_ms)
    }

    #[test]
    fn a_client_is_asked_for_the_union_as_often_as_the_most_eager_wants() {
        assert_eq!(of(&[]), (String::new(), INTERVAL_MS_DEFAULT));
        let first: &[_] = &[("metrics", "b.,a."), ("interval.ms", "60000")];
        let second: &[_] = &[("metrics", "a."), ("interval.ms", "1000")];
        assert_eq!(of(&[first, second]), ("a.,b.".to_owned(), 1000));
        assert_eq!(of(&[first, &[("metrics", "*")]]), ("*".to_owned(), 60000));
    }

    #[test]
    fn a_pattern_matches_the_whole_value_and_all_must() {
        let asked = |patterns| of(&[&[("metrics", "m"), ("match", patterns)]]).0 == "m";
        assert!(asked("client_id=orders-.*"));
        assert!(!asked("client_id=orders"));
        assert!(asked(
            "client_software_name=apache-kafka-java, client_software_version=4\\..*"
        ));
        assert!(!asked(
            "client_software_name=apache-kafka-java,client_software_version=3.*"
        ));
    }

    #[test]
    fn a_pattern_that_cannot_be_is_named() {
        assert_eq!(check("client_id=a|b"), Ok(()));
        assert_eq!(check(""), Ok(()));
        for wrong in [
            "client",
            "nobody=x",
            "client_id=[",
            "client_id=",
            "client_id=a=b",
        ] {
            assert_eq!(check(wrong), Err(wrong.to_owned()));
        }
        assert!(check("client_id=(((a{1000}){1000}){1000})").is_err());
    }
}
