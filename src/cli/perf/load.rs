//! The writing side: records on a schedule that was fixed before the first one left.
//!
//! Room:       `cli::perf`.
//! Called by:  `produce` and `latency`.
//! Calls:      `client::Producer`, `payload`, `measure`.
//! Never:      waits for the broker to decide when the next record is due. A slow broker makes
//!             records late, and lateness counts (no coordinated omission).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::measure::Measure;
use super::payload::Payload;
use crate::client::partitioner::{Sticky, partition_of_key};
use crate::client::{ClientError, Cluster, Outgoing, Producer, clock};

/// What to send and when.
#[derive(Clone, Debug)]
pub struct Plan {
    pub topic: String,
    /// The partitions to write to, ascending.
    pub partitions: Vec<i32>,
    /// Records per second over all partitions; 0 is as fast as it goes.
    pub rate: f64,
    /// Stop after so many records, or so much time, whichever comes first.
    pub records: Option<u64>,
    pub duration: Option<Duration>,
    /// How many different keys; 0 sends none.
    pub keys: u64,
    pub value_bytes: usize,
    /// The time since the epoch of `started`, nanoseconds.
    pub wall_start_ns: u64,
    pub started: Instant,
}

impl Plan {
    /// How many records will be sent, where the plan tells.
    pub fn records_planned(&self) -> Option<u64> {
        let timed = self.duration.filter(|_| self.rate > 0.0).map(|duration| {
            let gap_ns = 1e9 / self.rate;
            let end_ns = duration.as_nanos() as u64;
            // The schedule is a rounded product, so its end is looked for, not computed.
            let mut count = (duration.as_secs_f64() * self.rate) as u64;
            while (count as f64 * gap_ns) as u64 >= end_ns && count > 0 {
                count -= 1;
            }
            while ((count as f64 * gap_ns) as u64) < end_ns {
                count += 1;
            }
            count
        });
        match (self.records, timed) {
            (Some(records), Some(timed)) => Some(records.min(timed)),
            (records, timed) => records.or(timed),
        }
    }
}

/// What the writing side knows at its end.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub records: u64,
    /// How far behind its schedule a record left at worst.
    pub late_max: Duration,
}

/// Sends everything, waits for the last acknowledgement.
///
/// # Errors
/// When a partition can't be found, or the last acknowledgements don't come in time. Records that
/// fail one by one are counted in `measure`.
pub fn run(
    cluster: &Arc<Cluster>,
    plan: &Plan,
    payload: &mut Payload,
    measure: &Arc<Measure>,
) -> Result<Sent, ClientError> {
    let config = &cluster.config().producer;
    let (batch_bytes, delivery_timeout) = (config.batch_bytes, config.delivery_timeout);
    let counted = Arc::clone(measure);
    let value_bytes = plan.value_bytes as u64;
    let producer = Producer::new(
        Arc::clone(cluster),
        Box::new(move |delivery| {
            let records = delivery.tags.len() as u64;
            match delivery.result {
                Ok(_) => {
                    let meant = delivery.tags.iter().copied();
                    counted.count(delivery.at, records, records * value_bytes, meant);
                }
                Err(failure) => counted.fail(records, failure),
            }
        }),
    );
    let handles = plan.partitions.iter();
    let handles = handles.map(|partition| producer.partition(&plan.topic, *partition));
    let handles = handles.collect::<Result<Vec<_>, _>>()?;
    let count = i32::try_from(handles.len()).unwrap_or(i32::MAX);
    let mut sticky = Sticky::default();
    let mut pace = Pace::new(plan);
    let mut value = Vec::with_capacity(plan.value_bytes);
    let mut key = Vec::new();
    let mut sent = Sent {
        records: 0,
        late_max: Duration::ZERO,
    };
    clock::sleep(plan.started.saturating_duration_since(clock::now()));
    while plan.records.is_none_or(|records| sent.records < records) {
        let Some((meant_ns, now)) = pace.next(sent.records) else {
            break;
        };
        let late = now.saturating_sub(Duration::from_nanos(meant_ns));
        sent.late_max = sent.late_max.max(late);
        let place = match plan.keys {
            // At a low rate each record is a batch, so taking turns is one by one.
            0 if plan.rate > 0.0 => (sent.records % handles.len() as u64) as usize,
            0 => sticky.next(plan.value_bytes + 10, batch_bytes, count) as usize,
            keys => {
                key.clear();
                key.extend_from_slice(format!("key-{}", sent.records % keys).as_bytes());
                partition_of_key(&key, count) as usize
            }
        };
        let sent_ns = plan.wall_start_ns + meant_ns;
        payload.fill(place, sent_ns, &mut value);
        let record = Outgoing {
            timestamp: (sent_ns / 1_000_000) as i64,
            key: (plan.keys > 0).then_some(key.as_slice()),
            value: Some(&value),
            headers: &[],
            tag: meant_ns,
        };
        if let Err(failure) = producer.send(handles[place], &record) {
            measure.fail(1, &failure);
            if !failure.retriable() {
                return Err(failure);
            }
        }
        sent.records += 1;
    }
    producer.flush(delivery_timeout + Duration::from_secs(5))?;
    Ok(sent)
}

/// When the next record is due.
struct Pace {
    started: Instant,
    gap_ns: Option<f64>,
    end_ns: u64,
    /// The clock as last read, nanoseconds since the start.
    now_ns: u64,
    reads_left: u32,
}

impl Pace {
    fn new(plan: &Plan) -> Self {
        let end = plan
            .duration
            .map_or(u64::MAX, |duration| duration.as_nanos() as u64);
        let gap_ns = (plan.rate > 0.0).then(|| 1e9 / plan.rate);
        Self {
            started: plan.started,
            gap_ns,
            end_ns: end,
            now_ns: 0,
            reads_left: 0,
        }
    }

    /// Waits for record `n`; its intended time and the real one, or `None` at the end.
    fn next(&mut self, n: u64) -> Option<(u64, Duration)> {
        let Some(gap_ns) = self.gap_ns else {
            // Flat out: the time of a record is when it is handed over, read every few records.
            if self.reads_left == 0 {
                self.reads_left = 8;
                self.read_clock();
            }
            self.reads_left -= 1;
            let now = self.now_ns;
            return (now < self.end_ns).then_some((now, Duration::from_nanos(now)));
        };
        let due = (n as f64 * gap_ns) as u64;
        if due >= self.end_ns {
            return None;
        }
        while self.now_ns < due {
            self.read_clock();
            let left = due.saturating_sub(self.now_ns);
            match left > SPIN_NS {
                true => clock::sleep(Duration::from_nanos(left - SPIN_NS)),
                false => std::hint::spin_loop(),
            }
        }
        Some((due, Duration::from_nanos(self.now_ns)))
    }

    fn read_clock(&mut self) {
        self.now_ns = clock::now()
            .saturating_duration_since(self.started)
            .as_nanos() as u64;
    }
}

/// A sleep of the system comes back about this late, so the rest is spent awake.
const SPIN_NS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_depend_on_the_clock() {
        let plan = Plan {
            topic: "t".into(),
            partitions: vec![0],
            rate: 1_000_000.0,
            records: None,
            duration: Some(Duration::from_micros(100)),
            keys: 0,
            value_bytes: 100,
            wall_start_ns: 0,
            started: clock::now(),
        };
        assert_eq!(plan.records_planned(), Some(100));
        let mut pace = Pace::new(&plan);
        let meant: Vec<u64> = (0..)
            .map_while(|n| pace.next(n))
            .map(|(meant, _)| meant)
            .collect();
        assert_eq!(meant.len(), 100);
        assert_eq!((meant[0], meant[99]), (0, 99_000));
    }
}
