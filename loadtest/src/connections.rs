//! Opens many connections at once, keeps them alive, and reports what the server sends.
//!
//! Each connection is authenticated in its handshake, connects and subscribes to one channel. From then on it answers pings and
//! reports everything else as an [`Event`].

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::timeout,
};

use crate::{
    failure::Failure,
    link::{Link, Opener, Transport},
    report::progress,
    session::Session,
    socket::{Message, Socket, SocketError},
    target::Target,
};

/// A ping of the server, and also the client's pong.
const PING: &[u8] = b"{}";
/// Time limit for the answers to the first commands.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// File descriptors that are needed in addition to those of the connections.
const SPARE_DESCRIPTORS: usize = 200;

/// The flags for opening connections.
#[derive(Args)]
pub(crate) struct ConnectionArgs {
    /// The number of handshakes at the same time.
    #[arg(long, default_value_t = 64)]
    handshakes: usize,
}

/// Something that the server sent or did on a connection.
pub(crate) struct Event {
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
    pub(crate) at: Instant,
    pub(crate) kind: EventKind,
}

/// The kind of an event.
pub(crate) enum EventKind {
    /// A text frame that contains more than a ping.
    Text(Bytes),
    /// A close frame of a WebSocket, or the disconnect push of a stream. It may have a code and a text.
    Closed(Option<(u16, String)>),
    /// The end without a close frame.
    Lost(String),
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "the text {}", String::from_utf8_lossy(text)),
            Self::Closed(Some((code, text))) => write!(f, "close {code} ({text})"),
            Self::Closed(None) => f.write_str("a close without a code"),
            Self::Lost(error) => write!(f, "the loss of the connection ({error})"),
        }
    }
}

/// An instruction to the task of a connection.
enum Instruction {
    /// Send a text frame.
    Send(Bytes),
    /// Read nothing as long as the sender of this receiver is neither used nor dropped.
    Stall(oneshot::Receiver<()>),
}

/// Open connections.
pub(crate) struct Connections {
    senders: Vec<UnboundedSender<Instruction>>,
    pub(crate) events: UnboundedReceiver<Event>,
    /// The time that the opening of all connections took.
    pub(crate) took: Duration,
}

impl ConnectionArgs {
    /// The number of handshakes at the same time.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.max(1)
    }

    /// Opens one WebSocket for each entry of `plan`. An entry has the index of a session in `sessions`, and the name of a
    /// channel. The number of a connection is the index of its entry.
    pub(crate) async fn open(
        &self,
        target: &Arc<Target>,
        sessions: &[Session],
        plan: &[(usize, String)],
    ) -> Result<Connections, Failure> {
        self.open_over(Transport::Websocket, target, sessions, plan).await
    }

    /// As [`Self::open`], but over this transport.
    pub(crate) async fn open_over(
        &self,
        transport: Transport,
        target: &Arc<Target>,
        sessions: &[Session],
        plan: &[(usize, String)],
    ) -> Result<Connections, Failure> {
        let opener = Opener::new(transport);
        check_descriptors(plan.len())?;
        let bar = progress("connecting", plan.len());
        let (report, events) = unbounded_channel();
        let start = Instant::now();
        let senders = stream::iter(plan.iter().enumerate())
            .map(|(number, (session, channel))| {
                let (session, report, bar, opener) = (&sessions[*session], report.clone(), &bar, &opener);
                async move {
                    let link = open_one(opener, target, session, channel).await?;
                    bar.inc(1);
                    let (sender, instructions) = unbounded_channel();
                    tokio::spawn(serve(number, link, instructions, report));
                    Ok::<_, Failure>(sender)
                }
            })
            .buffered(self.handshakes())
            .try_collect()
            .await?;
        bar.finish();
        Ok(Connections { senders, events, took: start.elapsed() })
    }
}

impl Connections {
    /// Sends a text frame on a connection.
    pub(crate) fn send(&self, connection: usize, text: Bytes) {
        // If this fails, the connection has ended and has reported that.
        let _ = self.senders[connection].send(Instruction::Send(text));
    }

    /// Stops a connection from reading until the returned sender is used or dropped.
    pub(crate) fn stall(&self, connection: usize) -> oneshot::Sender<()> {
        let (resume, resumed) = oneshot::channel();
        let _ = self.senders[connection].send(Instruction::Stall(resumed));
        resume
    }

    pub(crate) fn len(&self) -> usize {
        self.senders.len()
    }
}

async fn open_one(
    opener: &Opener,
    target: &Target,
    session: &Session,
    channel: &str,
) -> Result<Link, Failure> {
    let channel = serde_json::to_string(channel)?;
    let subscribe = format!("{{\"id\":2,\"subscribe\":{{\"channel\":{channel}}}}}");
    let (mut link, mut awaited) = opener.open(target, session, &subscribe).await?;
    while awaited > 0 {
        match timeout(ANSWER_WITHIN, link.next()).await?? {
            Message::Text(text) => {
                let text = String::from_utf8_lossy(text);
                if text.contains("\"error\"") {
                    return Err(format!("a command was rejected: {text}").into());
                }
                awaited = awaited.saturating_sub(text.lines().filter(|line| *line != "{}").count());
            }
            other => return Err(format!("a connection ended at once: {other:?}").into()),
        }
    }
    Ok(link)
}

/// Serves one connection until it ends.
async fn serve(
    connection: usize,
    mut link: Link,
    mut instructions: UnboundedReceiver<Instruction>,
    report: UnboundedSender<Event>,
) {
    let end = loop {
        let reply = tokio::select! {
            biased;
            message = link.next() => match message {
                Ok(Message::Text(text)) => {
                    let (pinged, has_more) = classify(text);
                    if has_more {
                        let what = EventKind::Text(Bytes::copy_from_slice(text));
                        let _ = report.send(Event { connection, at: Instant::now(), kind: what });
                    }
                    if !pinged {
                        continue;
                    }
                    Bytes::from_static(PING)
                }
                Ok(Message::Close(reason)) => break EventKind::Closed(reason),
                Ok(Message::End) => break EventKind::Lost("end of stream".to_owned()),
                Err(error) => break EventKind::Lost(error.to_string()),
            },
            instruction = instructions.recv() => match instruction {
                Some(Instruction::Send(text)) => text,
                Some(Instruction::Stall(resumed)) => {
                    // Dropping the sender also ends the stall.
                    let _ = resumed.await;
                    continue;
                }
                // The scenario has dropped the connections.
                None => return,
            },
        };
        if let Err(error) = link.send(&reply).await {
            break EventKind::Lost(error.to_string());
        }
    };
    let _ = report.send(Event { connection, at: Instant::now(), kind: end });
}

/// Whether a frame contains a ping, and whether it contains anything else.
fn classify(text: &[u8]) -> (bool, bool) {
    let lines = || text.split(|byte| *byte == b'\n');
    (lines().any(|line| line == PING), lines().any(|line| line != PING))
}

/// The status of a handshake with the session's token: 101, or the status of the rejection.
pub(crate) async fn handshake_status(target: &Target, session: &Session) -> Result<u16, Failure> {
    match Socket::open(target, session.source, &session.tokens.access_token).await {
        Ok(_) => Ok(101),
        Err(SocketError::Refused(status)) => Ok(status),
        Err(error) => Err(error.into()),
    }
}

/// Fails if the limit of open files is too low for this number of connections.
pub(crate) fn check_descriptors(connections: usize) -> Result<(), Failure> {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<usize>().ok());
    match soft {
        Some(limit) if limit < connections + SPARE_DESCRIPTORS => Err(format!(
            "{connections} connections need more open files than the limit of {limit}: raise it with `ulimit -n`"
        )
        .into()),
        _ => Ok(()),
    }
}

/// Spreads `connections` evenly over the sessions; `None` means `per_session` connections on each session. The result has the
/// number of a session for each connection.
pub(crate) fn spread(sessions: usize, per_session: usize, connections: Option<usize>) -> Vec<usize> {
    let total = connections.unwrap_or(sessions * per_session);
    (0..total).map(|number| number % sessions.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread_evenly() {
        assert_eq!(spread(2, 3, None), [0, 1, 0, 1, 0, 1]);
        assert_eq!(spread(3, 9, Some(4)), [0, 1, 2, 0]);
    }

    #[test]
    fn a_ping_is_found_among_other_lines() {
        assert_eq!(classify(b"{}"), (true, false));
        assert_eq!(classify(b"{\"push\":{}}\n{}"), (true, true));
        assert_eq!(classify(b"{\"push\":{}}"), (false, true));
    }

    #[test]
    fn too_low_a_limit_of_open_files_is_an_error() {
        assert!(check_descriptors(0).is_ok());
        assert!(check_descriptors(usize::MAX / 2).is_err());
    }
}
