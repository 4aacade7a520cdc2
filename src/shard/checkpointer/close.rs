//! The end of a checkpointer: everything into segments, one last checkpoint, a clean journal.
//!
//! Room:       `shard`.
//! Called by:  `shard::close`.
//! Calls:      `log`, `journal`, `runtime`.
//! Never:      waits for one log after the other: most of a close is waiting for the disk.
//!
//! What must be done is little: bytes that are not in segments yet, one file for all captures.
//! What a log looks like when it is closed (exact length, indexes, producer snapshot) makes the
//! next start quick and is as Kafka leaves it; logs that did not change have it already, and those
//! for which there is no time do without.

use super::{CheckpointError, Checkpointer, Inner, Member};
use crate::io::Instant;
use crate::log::LogError;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Logs that are closed at the same time.
const AT_ONCE: usize = 64;
/// How long logs may be given the look of closed ones.
const LOOKS_TIME: Duration = Duration::from_secs(3);

impl Checkpointer {
    /// The end: closes all logs and the journal, with nothing left to replay. Nothing may be
    /// appended any more. After an error the journal is left for recovery.
    pub async fn close(&self) -> Result<(), CheckpointError> {
        let inner = &self.0;
        inner.stopping.set(true);
        inner.asked.notify();
        while !inner.stopped.get() {
            inner.ended.next().await;
        }
        let closed = loop {
            match inner.close_logs().await {
                Err(error) if error.is_no_space() && inner.full_disk.give_up().await => {}
                closed => break closed,
            }
        };
        // Without a clean end the next start replays what the journal has.
        let ended = inner.journal.close(closed.is_ok()).await;
        closed?;
        Ok(ended?)
    }
}

impl Inner {
    async fn close_logs(self: &Rc<Self>) -> Result<(), CheckpointError> {
        self.take_touched();
        let mut changed: Vec<Rc<Member>> = self.members.borrow().values().cloned().collect();
        // One that is closed: a full disk stopped the first attempt behind it.
        changed.retain(|member| {
            member.log.failed() != Some(LogError::Closed) && !member.log.is_unchanged()
        });
        let mut unflushed = changed.clone();
        unflushed.retain(|member| member.log.unflushed_bytes() > 0);
        self.flush(&unflushed).await?;
        let until = self.runtime.now().plus(LOOKS_TIME);
        let left = self.close_each(changed, until).await?;
        if !left.is_empty() {
            tracing::info!(
                dir = %self.dir.display(), logs = left.len(),
                "no time to close these logs; the next start builds their indexes"
            );
            self.sync(&left).await?;
        }
        let all: Vec<Rc<Member>> = self.members.borrow().values().cloned().collect();
        for member in &all {
            if let Some(capture) = self.capture_of(member) {
                *member.saved.borrow_mut() = capture;
            }
        }
        self.write_file().await
    }

    /// Closes logs, many at a time. Returns those that were not begun before `until`.
    async fn close_each(
        &self,
        logs: Vec<Rc<Member>>,
        until: Instant,
    ) -> Result<Vec<Rc<Member>>, CheckpointError> {
        let workers = logs.len().min(AT_ONCE);
        let waiting = Rc::new(RefCell::new(logs));
        let work = || {
            let (runtime, waiting) = (self.runtime.clone(), waiting.clone());
            self.runtime.spawn_with_result(async move {
                while runtime.now() < until {
                    let next = waiting.borrow_mut().pop();
                    match next {
                        Some(member) => member.log.close().await?,
                        None => break,
                    }
                }
                Ok(())
            })
        };
        let under_way: Vec<_> = (0..workers).map(|_| work()).collect();
        let mut closed: Result<(), LogError> = Ok(());
        for worker in under_way {
            closed = closed.and(worker.await);
        }
        closed?;
        Ok(waiting.take())
    }
}
