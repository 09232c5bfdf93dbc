//! A subscriber that remembers its position. When it returns, the offsets of the publications that it receives are checked.

use std::time::{Duration, Instant};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    failure::Failure,
    messages::{Line, Publication, SubscribeReply, lines},
    session::Session,
    socket::{Message, Socket},
    target::Target,
};

const PONG: &[u8] = b"{}";
/// Time limit for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The position of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) epoch: String,
}

/// The result of a return.
pub(super) struct Return {
    /// The time from the attempt to the subscription.
    pub(super) took: Duration,
    /// When the last missed publication arrived.
    pub(super) complete_at: Instant,
    /// The number of publications in the reply to `subscribe`.
    pub(super) recovered: usize,
    /// What was wrong, if anything.
    pub(super) wrong: Option<String>,
}

pub(super) struct Subscriber {
    socket: Socket,
    /// Lines that arrived in the same frame after the reply to `subscribe`, and are not yet read.
    pending: Vec<Line>,
}

impl SubscribeReply {
    pub(super) fn position(&self) -> Position {
        Position { offset: self.offset, epoch: self.epoch.clone() }
    }
}

impl Subscriber {
    /// Connects and subscribes. With `since`, recovers the publications after that position.
    pub(super) async fn open(
        target: &Target,
        session: &Session,
        channel: &str,
        since: Option<&Position>,
    ) -> Result<(Self, SubscribeReply), Failure> {
        let mut socket = Socket::open(target, session.source, &session.tokens.access_token).await?;
        let recover = since.map_or_else(String::new, |Position { offset, epoch }| {
            format!(",\"recover\":true,\"offset\":{offset},\"epoch\":\"{epoch}\"")
        });
        let opening = format!(
            "{{\"id\":1,\"connect\":{{}}}}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\",\"positioned\":true,\
             \"recoverable\":true{recover}}}}}"
        );
        socket.send(opening.as_bytes()).await?;
        let mut subscriber = Self { socket, pending: Vec::new() };
        loop {
            let mut lines = timeout(ANSWER_WITHIN, subscriber.next()).await??.into_iter();
            while let Some(line) = lines.next() {
                if let Some(rejected) = line.error {
                    return Err(format!("rejected with {} ({})", rejected.code, rejected.message).into());
                }
                if let Some(subscribed) = line.subscribe {
                    subscriber.pending = lines.collect();
                    return Ok((subscriber, subscribed));
                }
            }
        }
    }

    /// The lines of the next frame. Pings are answered here.
    async fn next(&mut self) -> Result<Vec<Line>, Failure> {
        if !self.pending.is_empty() {
            return Ok(std::mem::take(&mut self.pending));
        }
        let (pinged, lines) = match self.socket.next().await? {
            Message::Text(text) => {
                let pinged = text.split(|byte| *byte == b'\n').any(|line| line == PONG);
                (pinged, lines(text).collect::<Result<Vec<_>, _>>()?)
            }
            other => return Err(format!("ended with {other:?}").into()),
        };
        if pinged {
            self.socket.send(PONG).await?;
        }
        Ok(lines)
    }

    /// Publishes and waits for the acknowledgement.
    pub(super) async fn publish(&mut self, command: &str) -> Result<(), Failure> {
        self.socket.send(command.as_bytes()).await?;
        loop {
            for line in timeout(ANSWER_WITHIN, self.next()).await?? {
                if let Some(rejected) = line.error {
                    return Err(format!("rejected with {} ({})", rejected.code, rejected.message).into());
                }
                if line.publish.is_some() {
                    return Ok(());
                }
            }
        }
    }

    /// Receives and ignores messages for `time`.
    pub(super) async fn listen_for(&mut self, time: Duration) -> Result<(), Failure> {
        let until = tokio::time::Instant::now() + time;
        while let Ok(lines) = tokio::time::timeout_at(until, self.next()).await {
            lines?;
        }
        Ok(())
    }

    /// Listens until the connection ends or `cut` becomes true. Returns the position at that moment, or `None` if the scenario
    /// ended.
    pub(super) async fn stay(
        mut self,
        mut position: Position,
        mut cut: watch::Receiver<bool>,
    ) -> Option<Position> {
        loop {
            tokio::select! {
                lines = self.next() => match lines {
                    Ok(lines) => {
                        let published = lines.iter().filter_map(|line| line.push.as_ref()?.r#pub.as_ref());
                        position.offset = published.map(|published| published.offset).max().unwrap_or(position.offset);
                    }
                    Err(_) => return Some(position),
                },
                cut = cut.wait_for(|cut| *cut) => {
                    return cut.is_ok().then_some(position);
                }
            }
        }
    }

    /// Reconnects with the position `since`, and listens until as many publications have arrived as `publications` states: in
    /// the reply to `subscribe`, or live.
    pub(super) async fn return_from(
        target: &Target,
        session: &Session,
        channel: &str,
        since: Position,
        publications: usize,
    ) -> Result<Return, Failure> {
        let began = Instant::now();
        let (mut subscriber, subscribed) = Self::open(target, session, channel, Some(&since)).await?;
        let took = began.elapsed();
        let mut track = OffsetCheck { last: since.offset, wrong: None };
        if !subscribed.recovered {
            track.wrong = Some(format!("the publications after {} could not be recovered", since.offset));
        }
        let recovered = subscribed.publications.len();
        subscribed.publications.iter().for_each(|published| track.take(published));
        while track.last < since.offset + publications as u64 && track.wrong.is_none() {
            for line in timeout(ANSWER_WITHIN, subscriber.next()).await?? {
                if let Some(published) = line.push.and_then(|push| push.r#pub) {
                    track.take(&published);
                }
            }
        }
        let returned = Return { took, complete_at: Instant::now(), recovered, wrong: track.wrong };
        // Other clients get a turn before this connection is closed.
        sleep(Duration::from_millis(1)).await;
        Ok(returned)
    }
}

/// Checks that each offset is the previous one plus one.
struct OffsetCheck {
    last: u64,
    wrong: Option<String>,
}

impl OffsetCheck {
    fn take(&mut self, published: &Publication) {
        if published.offset != self.last + 1 && self.wrong.is_none() {
            self.wrong = Some(format!("offset {} follows {}", published.offset, self.last));
        }
        self.last = published.offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Data;

    #[test]
    fn a_gap_and_a_duplicate_are_noticed() {
        let published = |offset| Publication { data: Data { publisher: 0, number: 0 }, offset };
        let track = |offsets: &[u64]| {
            let mut track = OffsetCheck { last: 4, wrong: None };
            offsets.iter().for_each(|offset| track.take(&published(*offset)));
            track.wrong.is_some()
        };
        assert!(!track(&[5, 6, 7]));
        assert!(track(&[5, 7]) && track(&[5, 5]) && track(&[4]));
    }
}
