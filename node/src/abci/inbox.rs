//! What a connection has sent and waits for its answer.
//!
//! 1. Requests are read while others are answered, up to [`AHEAD_BYTES_MAX`], so that CometBFT does not wait for
//!    room in the socket.
//! 2. Checks that wait are taken together, up to [`CHECKS_MAX`], with the Flush calls between them: its timer
//!    is 20 ns long, so CometBFT 0.38 flushes after almost every check. Any other call is taken alone.
//! 3. What came before the end of the stream, or before an error, is taken first.

use super::server::{AHEAD_BYTES_MAX, CHECKS_MAX};
use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tendermint_proto::v0_38::abci::request::Value as Asked;

#[derive(Default)]
struct Waiting {
    calls: VecDeque<(Asked, usize)>,
    bytes: usize,
    /// How the stream ended.
    ended: Option<io::Result<()>>,
    /// Nobody takes any more.
    closed: bool,
}

/// The requests that wait.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Inbox {
    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the stream ends or [`Inbox::close`] (rule 1).
    pub(super) fn fill(&self, mut read: impl FnMut() -> io::Result<Option<(Asked, usize)>>) {
        loop {
            let next = read();
            let mut waiting = self.locked();
            match next {
                Ok(Some((call, bytes))) => {
                    while !waiting.closed
                        && !waiting.calls.is_empty()
                        && waiting.bytes.saturating_add(bytes) > AHEAD_BYTES_MAX
                    {
                        waiting =
                            self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                    }
                    waiting.bytes = waiting.bytes.saturating_add(bytes);
                    waiting.calls.push_back((call, bytes));
                }
                Ok(None) => waiting.ended = Some(Ok(())),
                Err(error) => waiting.ended = Some(Err(error)),
            }
            let is_over = waiting.closed || waiting.ended.is_some();
            drop(waiting);
            self.changed.notify_all();
            if is_over {
                return;
            }
        }
    }

    /// The calls that are answered next (rule 2); none at the end of the stream (rule 3).
    pub(super) fn take(&self) -> io::Result<Vec<Asked>> {
        let mut waiting = self.locked();
        while waiting.calls.is_empty() {
            if let Some(ended) = waiting.ended.take() {
                return ended.map(|()| Vec::new());
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut calls, mut checks) = (Vec::new(), 0);
        while let Some((call, _)) = waiting.calls.front() {
            let is_check = matches!(call, Asked::CheckTx(_));
            let joins = is_check || matches!(call, Asked::Flush(_));
            if !calls.is_empty() && (!joins || checks >= CHECKS_MAX) {
                break;
            }
            if let Some((call, bytes)) = waiting.calls.pop_front() {
                waiting.bytes -= bytes;
                calls.push(call);
            }
            checks += usize::from(is_check);
            if !joins {
                break;
            }
        }
        drop(waiting);
        self.changed.notify_all();
        Ok(calls)
    }

    /// Lets [`Inbox::fill`] end after the read that it waits for.
    pub(super) fn close(&self) {
        self.locked().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abci::server::read_request;
    use prost::Message;
    use tendermint_proto::v0_38::abci::{Request, RequestCheckTx, RequestFlush, RequestInfo};

    fn check(byte: u8) -> Asked {
        Asked::CheckTx(RequestCheckTx { tx: vec![byte; 9].into(), r#type: 0 })
    }

    fn filled(calls: &[Asked], rest: &[u8]) -> Inbox {
        let frame =
            |call: &Asked| Request { value: Some(call.clone()) }.encode_length_delimited_to_vec();
        let mut bytes: Vec<u8> = calls.iter().flat_map(frame).collect();
        bytes.extend(rest);
        let (inbox, mut reader) = (Inbox::default(), &bytes[..]);
        inbox.fill(|| read_request(&mut reader));
        inbox
    }

    #[test]
    fn rule_2_checks_and_flushes_that_wait_are_taken_together() {
        let (flush, info) = (Asked::Flush(RequestFlush {}), Asked::Info(RequestInfo::default()));
        let first = [check(1), flush.clone(), check(2), flush.clone()];
        let then = [info.clone(), flush.clone(), check(3)];
        let inbox = filled(&[&first[..], &then].concat(), &[]);
        assert_eq!(inbox.take().unwrap(), first);
        assert_eq!(inbox.take().unwrap(), [info]);
        assert_eq!(inbox.take().unwrap(), [flush, check(3)]);
        assert_eq!(inbox.take().unwrap(), []);
        let many = vec![check(7); CHECKS_MAX + 1];
        let inbox = filled(&many, &[]);
        assert_eq!(inbox.take().unwrap().len(), CHECKS_MAX);
        assert_eq!(inbox.take().unwrap().len(), 1);
    }

    #[test]
    fn rule_3_what_came_before_an_error_is_taken_first() {
        let inbox = filled(&[check(1)], &[5, 1, 2]);
        assert_eq!(inbox.take().unwrap(), [check(1)]);
        assert!(inbox.take().is_err(), "cut off");
    }

    #[test]
    fn rule_1_reading_waits_for_room_and_ends_when_it_is_closed() {
        let inbox = Inbox::default();
        let half = AHEAD_BYTES_MAX / 2;
        std::thread::scope(|scope| {
            let (inbox, mut left) = (&inbox, 3);
            let read = move || {
                left -= 1;
                Ok((left >= 0).then(|| (check(1), half)))
            };
            let filling = scope.spawn(move || inbox.fill(read));
            while inbox.locked().calls.len() < 2 {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert_eq!(inbox.locked().bytes, AHEAD_BYTES_MAX);
            assert_eq!(inbox.take().unwrap().len(), 2);
            filling.join().unwrap();
            assert_eq!(inbox.take().unwrap().len(), 1);
            assert_eq!(inbox.take().unwrap(), []);
            // Closed while it waits for room.
            let filling = scope.spawn(move || inbox.fill(|| Ok(Some((check(1), half)))));
            while inbox.locked().calls.len() < 2 {
                std::thread::yield_now();
            }
            inbox.close();
            filling.join().unwrap();
        });
    }
}
