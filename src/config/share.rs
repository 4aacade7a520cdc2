//! What share groups are told by the properties, typed.
//!
//! Room:       `config`.
//! Called by:  `coordinator::group`, `shard::shares`, `handlers`.
//! Never:      looks for a group's own settings itself; its caller has them from the image.

use super::{BrokerConfig, Overrides};

/// What the broker's properties say of all share groups. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareConfig {
    /// Members of one group.
    pub size_max: usize,
    /// How long a partition's initialization may take before it is begun again.
    pub initialize_retry_ms: i64,
    /// Share sessions of one broker.
    pub sessions_max: usize,
    defaults: ShareGroupConfig,
}

/// What holds for one share group: its own settings where it has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareGroupConfig {
    pub session_timeout_ms: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment_interval_ms: i64,
    pub deliveries_max: i16,
    pub record_locks_max: i64,
    pub record_lock_ms: i32,
    pub renews: bool,
    pub is_committed: bool,
    pub reset: ShareReset,
}

/// Where a group begins to read that never has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareReset {
    Earliest,
    Latest,
    /// So long ago.
    Before {
        ms: i64,
    },
}

impl BrokerConfig {
    pub fn share(&self) -> ShareConfig {
        let values = &self.values;
        let number = |name: &str| values.number(name);
        let int = |name: &str| i32::try_from(number(name)).unwrap_or(i32::MAX);
        let count = |name: &str| usize::try_from(values.count(name)).unwrap_or(usize::MAX);
        ShareConfig {
            size_max: count("group.share.max.size"),
            initialize_retry_ms: number("group.share.initialize.retry.interval.ms"),
            sessions_max: count("group.share.max.share.sessions"),
            defaults: ShareGroupConfig {
                session_timeout_ms: int("group.share.session.timeout.ms"),
                heartbeat_interval_ms: int("group.share.heartbeat.interval.ms"),
                assignment_interval_ms: number("group.share.assignment.interval.ms"),
                deliveries_max: i16::try_from(number("group.share.delivery.count.limit"))
                    .unwrap_or(i16::MAX),
                record_locks_max: number("group.share.partition.max.record.locks"),
                record_lock_ms: int("group.share.record.lock.duration.ms"),
                renews: true,
                is_committed: false,
                reset: ShareReset::Latest,
            },
        }
    }
}

impl ShareConfig {
    /// What holds for a group with these settings of its own.
    pub fn of_group(&self, own: &Overrides) -> ShareGroupConfig {
        let text = |name: &str| own.get(name).map(|value| value.trim());
        let number = |name: &str| text(name)?.parse::<i64>().ok();
        let int = |name: &str| i32::try_from(number(name)?).ok();
        let defaults = &self.defaults;
        ShareGroupConfig {
            session_timeout_ms: int("share.session.timeout.ms")
                .unwrap_or(defaults.session_timeout_ms),
            heartbeat_interval_ms: int("share.heartbeat.interval.ms")
                .unwrap_or(defaults.heartbeat_interval_ms),
            assignment_interval_ms: number("share.assignment.interval.ms")
                .unwrap_or(defaults.assignment_interval_ms),
            deliveries_max: number("share.delivery.count.limit")
                .and_then(|limit| i16::try_from(limit).ok())
                .unwrap_or(defaults.deliveries_max),
            record_locks_max: number("share.partition.max.record.locks")
                .unwrap_or(defaults.record_locks_max),
            record_lock_ms: int("share.record.lock.duration.ms").unwrap_or(defaults.record_lock_ms),
            renews: text("share.renew.acknowledge.enable")
                .map_or(defaults.renews, |value| value.eq_ignore_ascii_case("true")),
            is_committed: text("share.isolation.level").map_or(defaults.is_committed, |value| {
                value.eq_ignore_ascii_case("read_committed")
            }),
            reset: text("share.auto.offset.reset")
                .and_then(ShareReset::parse)
                .unwrap_or(defaults.reset),
        }
    }
}

impl ShareReset {
    /// `earliest`, `latest`, or `by_duration:` and an ISO 8601 duration.
    pub fn parse(text: &str) -> Option<ShareReset> {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "earliest" => Some(ShareReset::Earliest),
            "latest" => Some(ShareReset::Latest),
            text => {
                let ms = duration_ms(text.strip_prefix("by_duration:")?)?;
                Some(ShareReset::Before { ms })
            }
        }
    }
}

/// `PnDTnHnMn.nS` as Java reads it, in milliseconds; `None` for nonsense and what is negative.
fn duration_ms(text: &str) -> Option<i64> {
    let text = text.strip_prefix('p')?;
    let (days, time) = match text.split_once('t') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (text, ""),
    };
    let mut total = 0i64;
    let mut parts = 0;
    for (text, units) in [(days, "d"), (time, "hms")] {
        let (mut rest, mut allowed) = (text, units);
        while !rest.is_empty() {
            let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
            let (number, unit) = (&rest[..end], rest[end..].chars().next()?);
            let place = allowed.find(unit)?;
            allowed = &allowed[place + 1..];
            let unit_ms = match unit {
                'd' => 86_400_000,
                'h' => 3_600_000,
                'm' => 60_000,
                _ => 1_000,
            };
            total = total.checked_add(part_ms(number, unit, unit_ms)?)?;
            parts += 1;
            rest = &rest[end + 1..];
        }
    }
    (parts > 0 && total >= 0).then_some(total)
}

/// Only seconds have a fraction.
fn part_ms(number: &str, unit: char, unit_ms: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if !fraction.is_empty() && (unit != 's' || fraction.len() > 9) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let millis: i64 = match fraction {
        "" => 0,
        fraction => format!("{fraction:0<3}")[..3].parse().ok()?,
    };
    whole.checked_mul(unit_ms)?.checked_add(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_group_begins() {
        assert_eq!(ShareReset::parse("Earliest"), Some(ShareReset::Earliest));
        assert_eq!(ShareReset::parse(" latest "), Some(ShareReset::Latest));
        let before = |ms| Some(ShareReset::Before { ms });
        assert_eq!(ShareReset::parse("by_duration:PT1H"), before(3_600_000));
        assert_eq!(
            ShareReset::parse("by_duration:P1DT2H3M4.5S"),
            before(93_784_500)
        );
        assert_eq!(ShareReset::parse("by_duration:P2D"), before(172_800_000));
        for wrong in [
            "none",
            "by_duration:",
            "by_duration:1H",
            "by_duration:PT",
            "by_duration:P1H",
            "by_duration:PT1S2H",
            "by_duration:-PT1H",
            "by_duration:PT-1H",
            "by_duration:PT1.5H",
        ] {
            assert_eq!(ShareReset::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_group_has_its_own_settings_or_the_brokers() {
        let (config, _) =
            BrokerConfig::from_given(&[], &Default::default()).expect("defaults are fine");
        let share = config.share();
        let plain = share.of_group(&Overrides::new());
        assert_eq!((plain.deliveries_max, plain.record_lock_ms), (5, 30_000));
        let mut own = Overrides::new();
        for (name, value) in [
            ("share.delivery.count.limit", "3"),
            ("share.isolation.level", "read_committed"),
            ("share.renew.acknowledge.enable", "false"),
            ("share.auto.offset.reset", "earliest"),
        ] {
            own.insert(name.to_owned(), value.to_owned());
        }
        let set = share.of_group(&own);
        assert_eq!(
            (set.deliveries_max, set.is_committed, set.renews),
            (3, true, false)
        );
        assert_eq!(set.reset, ShareReset::Earliest);
    }
}
