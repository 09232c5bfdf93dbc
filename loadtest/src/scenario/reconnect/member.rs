//! One subscriber that remembers where it stands, and what it gets when it comes back.

use std::time::{Duration, Instant};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    Failure,
    accounts::Session,
    pushed::{Line, Published, Subscribed, lines},
    socket::{Message, Socket},
    target::Target,
};

const PONG: &[u8] = b"{}";
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Where a subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) epoch: String,
}

/// How somebody came back.
pub(super) struct Back {
    /// From the attempt to the subscription.
    pub(super) took: Duration,
    /// When everything that was missed had arrived.
    pub(super) complete_at: Instant,
    /// How many publications came with the subscription.
    pub(super) recovered: usize,
    /// What was not as it should be.
    pub(super) wrong: Option<String>,
}

pub(super) struct Member {
    socket: Socket,
    /// What came in one frame with the answer to the subscription.
    behind: Vec<Line>,
}

impl Subscribed {
    pub(super) fn position(&self) -> Position {
        Position { offset: self.offset, epoch: self.epoch.clone() }
    }
}

impl Member {
    /// Connects and subscribes, from `since` if that is given.
    pub(super) async fn open(
        target: &Target,
        session: &Session,
        channel: &str,
        since: Option<&Position>,
    ) -> Result<(Self, Subscribed), Failure> {
        let mut socket = Socket::open(target, session.source, &session.tokens.access_token).await?;
        let recover = since.map_or_else(String::new, |Position { offset, epoch }| {
            format!(",\"recover\":true,\"offset\":{offset},\"epoch\":\"{epoch}\"")
        });
        let opening = format!(
            "{{\"id\":1,\"connect\":{{}}}}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\",\"positioned\":true,\
             \"recoverable\":true{recover}}}}}"
        );
        socket.send(opening.as_bytes()).await?;
        let mut member = Self { socket, behind: Vec::new() };
        loop {
            let mut lines = timeout(ANSWER_WITHIN, member.next()).await??.into_iter();
            while let Some(line) = lines.next() {
                if let Some(refused) = line.error {
                    return Err(format!("refused with {} ({})", refused.code, refused.message).into());
                }
                if let Some(subscribed) = line.subscribe {
                    member.behind = lines.collect();
                    return Ok((member, subscribed));
                }
            }
        }
    }

    /// The lines of the next frame; pings are answered.
    async fn next(&mut self) -> Result<Vec<Line>, Failure> {
        if !self.behind.is_empty() {
            return Ok(std::mem::take(&mut self.behind));
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

    /// Publishes, and waits for the acknowledgement.
    pub(super) async fn publish(&mut self, command: &str) -> Result<(), Failure> {
        self.socket.send(command.as_bytes()).await?;
        loop {
            for line in timeout(ANSWER_WITHIN, self.next()).await?? {
                if let Some(refused) = line.error {
                    return Err(format!("refused with {} ({})", refused.code, refused.message).into());
                }
                if line.publish.is_some() {
                    return Ok(());
                }
            }
        }
    }

    /// Takes what comes, for a while.
    pub(super) async fn listen_for(&mut self, time: Duration) -> Result<(), Failure> {
        let until = tokio::time::Instant::now() + time;
        while let Ok(lines) = tokio::time::timeout_at(until, self.next()).await {
            lines?;
        }
        Ok(())
    }

    /// Listens until it is cut, by the server or by us, and says where it stood then; `None` if it saw something else.
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

    /// Comes back from `since` and stays until `publications` more have arrived, by recovery or live.
    pub(super) async fn come_back(
        target: &Target,
        session: &Session,
        channel: &str,
        since: Position,
        publications: usize,
    ) -> Result<Back, Failure> {
        let began = Instant::now();
        let (mut member, subscribed) = Self::open(target, session, channel, Some(&since)).await?;
        let took = began.elapsed();
        let mut track = Track { last: since.offset, wrong: None };
        if !subscribed.recovered {
            track.wrong = Some(format!("what came after {} could not be recovered", since.offset));
        }
        let recovered = subscribed.publications.len();
        subscribed.publications.iter().for_each(|published| track.take(published));
        while track.last < since.offset + publications as u64 && track.wrong.is_none() {
            for line in timeout(ANSWER_WITHIN, member.next()).await?? {
                if let Some(published) = line.push.and_then(|push| push.r#pub) {
                    track.take(&published);
                }
            }
        }
        let back = Back { took, complete_at: Instant::now(), recovered, wrong: track.wrong };
        // Not all hang up in one moment.
        sleep(Duration::from_millis(1)).await;
        Ok(back)
    }
}

/// Whether each offset follows the one before.
struct Track {
    last: u64,
    wrong: Option<String>,
}

impl Track {
    fn take(&mut self, published: &Published) {
        if published.offset != self.last + 1 && self.wrong.is_none() {
            self.wrong = Some(format!("offset {} came after {}", published.offset, self.last));
        }
        self.last = published.offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pushed::Data;

    #[test]
    fn a_hole_and_a_double_are_noticed() {
        let published = |offset| Published { data: Data { publisher: 0, number: 0 }, offset };
        let track = |offsets: &[u64]| {
            let mut track = Track { last: 4, wrong: None };
            offsets.iter().for_each(|offset| track.take(&published(*offset)));
            track.wrong.is_some()
        };
        assert!(!track(&[5, 6, 7]));
        assert!(track(&[5, 7]) && track(&[5, 5]) && track(&[4]));
    }
}
