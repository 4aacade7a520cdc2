//! Which brokers hold a partition: as asked, or spread evenly.
//!
//! Room:       `controller`.
//! Called by:  `create`, `partitions`.
//! Never:      looks at what a broker holds already.

use super::Refused;
use crate::ids::LeaderEpoch;
use crate::metadata::{Brokers, Image, PartitionImage};
use crate::protocol::ErrorCode;
use smallvec::SmallVec;

/// The most partitions one request may create (KAFKA-9590).
pub(super) const PARTITIONS_PER_REQUEST_MAX: i64 = 10_000;

/// `count` partitions of `factor` replicas each, first replica leading. `start` is where the round
/// begins, so that first partitions do not all go to one broker.
pub(super) fn place(
    image: &Image,
    count: usize,
    factor: i16,
    start: usize,
) -> Result<Vec<PartitionImage>, Refused> {
    let registered = image.brokers.values().filter(|broker| !broker.fenced);
    let brokers: Vec<i32> = registered.map(|broker| broker.id).collect();
    if factor < 1 {
        let text = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err((ErrorCode::InvalidReplicationFactor, text.to_owned()));
    }
    let replicas = usize::from(factor.unsigned_abs());
    if replicas > brokers.len() {
        let text = format!(
            "Unable to replicate the partition {factor} time(s): The target replication factor \
             of {factor} cannot be reached because only {} broker(s) are registered.",
            brokers.len()
        );
        return Err((ErrorCode::InvalidReplicationFactor, text));
    }
    // Below the count of brokers, so that no sum overflows.
    let start = start % brokers.len();
    let placed = (0..count).map(|index| {
        let replicas: Brokers = (0..replicas)
            .map(|replica| brokers[(start + index + replica) % brokers.len()])
            .collect();
        new_partition(replicas)
    });
    Ok(placed.collect())
}

/// Checks a client's own choice of replicas for one partition; `factor` is that of the others.
pub(super) fn assigned(
    image: &Image,
    replicas: &[i32],
    factor: Option<usize>,
) -> Result<PartitionImage, Refused> {
    let refuse = |text: String| Err((ErrorCode::InvalidReplicaAssignment, text));
    if replicas.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".into());
    }
    for (place, broker) in replicas.iter().enumerate() {
        if replicas[..place].contains(broker) {
            return refuse(format!(
                "The manual partition assignment includes the broker {broker} more than once."
            ));
        }
        if !image.brokers.contains_key(broker) {
            return refuse(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is \
                 registered."
            ));
        }
    }
    match factor {
        Some(factor) if factor != replicas.len() => refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is \
             not consistent with previous partitions, which have {factor} replica(s).",
            replicas.len()
        )),
        _ => Ok(new_partition(replicas.into())),
    }
}

/// A partition nobody has written to, led by its first replica.
fn new_partition(replicas: Brokers) -> PartitionImage {
    PartitionImage {
        leader: replicas[0],
        leader_epoch: LeaderEpoch(0),
        isr: replicas.clone(),
        directories: SmallVec::from_elem([0; 16], replicas.len()),
        replicas,
        ..PartitionImage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::BrokerImage;

    fn image(brokers: &[i32]) -> Image {
        let mut image = Image::empty("cluster", 1);
        for id in brokers {
            let broker = BrokerImage {
                id: *id,
                ..BrokerImage::default()
            };
            image.brokers.insert(*id, broker);
        }
        image
    }

    #[test]
    fn replicas_go_round_the_brokers() {
        let placed = place(&image(&[1, 2, 5]), 4, 2, usize::MAX).expect("enough brokers");
        let replicas: Vec<_> = placed.iter().map(|p| p.replicas.to_vec()).collect();
        // usize::MAX % 3 is 0.
        assert_eq!(replicas, [vec![1, 2], vec![2, 5], vec![5, 1], vec![1, 2]]);
        assert_eq!((placed[2].leader, &placed[2].isr[..]), (5, &[5, 1][..]));
    }

    #[test]
    fn more_replicas_than_brokers_are_refused() {
        for (brokers, factor) in [(&[][..], 1), (&[1][..], 2), (&[1][..], 0), (&[1][..], -2)] {
            let refused = place(&image(brokers), 1, factor, 0).expect_err("refused");
            assert_eq!(refused.0, ErrorCode::InvalidReplicationFactor);
        }
    }

    #[test]
    fn a_wrong_assignment_says_what_is_wrong() {
        let image = image(&[1, 2]);
        let text = |replicas: &[i32], factor| match assigned(&image, replicas, factor) {
            Ok(placed) => format!("{:?}", placed.replicas),
            Err((code, text)) => {
                assert_eq!(code, ErrorCode::InvalidReplicaAssignment);
                text
            }
        };
        assert_eq!(text(&[2, 1], Some(2)), "[2, 1]");
        assert!(text(&[], None).contains("empty replica list"));
        assert!(text(&[1, 1], None).contains("broker 1 more than once"));
        assert!(text(&[7], None).contains("broker 7, but no such broker"));
        assert!(text(&[1], Some(2)).contains("with 1 replica(s)"));
    }
}
