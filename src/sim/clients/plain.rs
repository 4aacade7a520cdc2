//! A producer without numbers: what it heard nothing of may be there or not, and is not resent.
//!
//! Room:       `sim`.
//! Called by:  `clients`, one task per producer.
//! Never:      sends a batch twice.

use super::{Fleet, Link, may_be_refused, produce_answers, produce_request, think};
use crate::ids::Offset;
use crate::protocol::ErrorCode;
use crate::protocol::messages::ProduceRequest;
use crate::runtime::Runtime;
use crate::runtime::sync::{Event, Reply};
use crate::sim::model::{CODECS, Sending};
use crate::sim::seed::Rng;
use crate::sim::wire::Frame;
use std::cell::Cell;
use std::rc::Rc;

/// Partitions and batches of a request.
type Asked = Vec<(usize, usize)>;

/// Requests under way on a connection at most.
const IN_FLIGHT_MAX: usize = 5;

/// Sends as long as the world runs.
pub async fn produce(fleet: Rc<Fleet>, runtime: Runtime, mut rng: Rng) {
    loop {
        let link = fleet.link(&runtime, &mut rng).await;
        let stream = fleet.next_stream();
        let in_flight: Rc<Cell<usize>> = Rc::default();
        let answered = Event::new();
        while link.may_send() {
            think(&runtime, &mut rng).await;
            if in_flight.get() >= IN_FLIGHT_MAX {
                answered.next().await;
                continue;
            }
            if rng.below(60) == 0 {
                break; // A client that leaves without a word.
            }
            if !link.may_send() || !fleet.take() {
                runtime.sleep(super::LOOK).await;
                continue;
            }
            let Some((ids, reply)) = send(&fleet, &link, &runtime, &mut rng, stream) else {
                continue;
            };
            in_flight.set(in_flight.get() + 1);
            let (link, in_flight, answered) = (link.clone(), in_flight.clone(), answered.clone());
            runtime.spawn(async move {
                if let Some(frame) = link.connection.patiently(reply).await
                    && link.counts()
                {
                    take_answer(&link.fleet, &ids, &frame);
                }
                in_flight.set(in_flight.get() - 1);
                answered.notify();
            });
        }
    }
}

/// One request; `None` when it will not be answered.
fn send(
    fleet: &Fleet,
    link: &Link,
    runtime: &Runtime,
    rng: &mut Rng,
    stream: u64,
) -> Option<(Asked, Reply<Frame>)> {
    let acks = rng.choose(&[(1, 0), (4, 1), (5, -1)]);
    let first = rng.below(fleet.partitions as u64) as usize;
    let count = 1 + rng.below(fleet.partitions.min(3) as u64) as usize;
    let mut ids = Vec::new();
    let mut batches = Vec::new();
    for partition in (first..first + count).map(|number| number % fleet.partitions) {
        let mut model = fleet.model.borrow_mut();
        let id = model.send(Sending {
            partition,
            acks,
            stream,
            stamp: None,
            records: 1 + rng.below(4) as i32,
            value_bytes: fleet.value_bytes(rng),
            codec: rng.choose(&CODECS),
            timestamp: runtime.wall().0,
        });
        ids.push((partition, id));
        batches.push((partition, model.batches[id].bytes.clone()));
    }
    let version = link.connection.version::<ProduceRequest<'_>>(3);
    let request = produce_request(fleet, version, acks, &batches);
    if acks == 0 {
        link.connection.send_unanswered(&request, version);
        return None;
    }
    Some((ids, link.connection.send(&request, version)))
}

fn take_answer(fleet: &Fleet, ids: &[(usize, usize)], frame: &Frame) {
    let answers = produce_answers(frame);
    assert_eq!(answers.len(), ids.len(), "an answer for every partition");
    for (partition, code, base_offset) in answers {
        let asked = ids.iter().find(|(asked, _)| *asked == partition);
        let (_, id) = *asked.expect("answered is what was asked");
        let mut model = fleet.model.borrow_mut();
        match code {
            ErrorCode::None => {
                model.acknowledge(id, Offset(base_offset));
            }
            code if may_be_refused(code) => model.refused += 1,
            code => panic!("partition {partition}: batch {id} was refused: {code:?}"),
        }
    }
}
