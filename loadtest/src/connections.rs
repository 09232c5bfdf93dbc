//! Many connections at once: opens them, keeps them alive, and tells what happens on them.
//!
//! Each is authenticated in its handshake, connects, subscribes to one channel, answers pings, and from then on reports
//! everything else that the server sends.

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
    Failure,
    accounts::Session,
    link::{Link, Opener, Transport},
    report::progress,
    socket::{Message, Socket, SocketError},
    target::Target,
};

/// A ping, and its pong.
const PING: &[u8] = b"{}";
/// How long an answer to the first commands may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Descriptors that are needed beside those of the connections.
const SPARE_DESCRIPTORS: usize = 200;

/// How connections are opened.
#[derive(Args)]
pub(crate) struct ConnectionArgs {
    /// Handshakes under way at once.
    #[arg(long, default_value_t = 64)]
    handshakes: usize,
}

/// Something that the server did to a connection.
pub(crate) struct Happening {
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
    pub(crate) at: Instant,
    pub(crate) what: What,
}

/// What it was.
pub(crate) enum What {
    /// A text frame that is more than a ping.
    Text(Bytes),
    /// A close frame with code and text.
    Closed(Option<(u16, String)>),
    /// The end without a close frame.
    Lost(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "the text {}", String::from_utf8_lossy(text)),
            Self::Closed(Some((code, text))) => write!(f, "close {code} ({text})"),
            Self::Closed(None) => f.write_str("a close without a code"),
            Self::Lost(error) => write!(f, "the loss of the connection ({error})"),
        }
    }
}

/// What a connection is to do.
enum Order {
    /// Send a text frame.
    Send(Bytes),
    /// Read nothing until this resolves.
    Stall(oneshot::Receiver<()>),
}

/// Open connections.
pub(crate) struct Connections {
    senders: Vec<UnboundedSender<Order>>,
    pub(crate) happenings: UnboundedReceiver<Happening>,
    /// How long it took to open all of them.
    pub(crate) took: Duration,
}

impl ConnectionArgs {
    /// Handshakes under way at once.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.max(1)
    }

    /// Opens one WebSocket for each plan entry: which session, and which channel. They are numbered in this order.
    pub(crate) async fn open(
        &self,
        target: &Arc<Target>,
        sessions: &[Session],
        plan: &[(usize, String)],
    ) -> Result<Connections, Failure> {
        self.open_over(Transport::Websocket, target, sessions, plan).await
    }

    /// The same over another transport.
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
        let (report, happenings) = unbounded_channel();
        let start = Instant::now();
        let senders = stream::iter(plan.iter().enumerate())
            .map(|(number, (session, channel))| {
                let (session, report, bar, opener) = (&sessions[*session], report.clone(), &bar, &opener);
                async move {
                    let link = open_one(opener, target, session, channel).await?;
                    bar.inc(1);
                    let (sender, orders) = unbounded_channel();
                    tokio::spawn(keep(number, link, orders, report));
                    Ok::<_, Failure>(sender)
                }
            })
            .buffered(self.handshakes())
            .try_collect()
            .await?;
        bar.finish();
        Ok(Connections { senders, happenings, took: start.elapsed() })
    }
}

impl Connections {
    /// Sends a text frame on a connection.
    pub(crate) fn send(&self, connection: usize, text: Bytes) {
        // A connection that has ended has reported so.
        let _ = self.senders[connection].send(Order::Send(text));
    }

    /// Lets a connection read nothing until what is returned is used, or dropped.
    pub(crate) fn stall(&self, connection: usize) -> oneshot::Sender<()> {
        let (resume, resumed) = oneshot::channel();
        let _ = self.senders[connection].send(Order::Stall(resumed));
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
                    return Err(format!("a connection was refused: {text}").into());
                }
                awaited = awaited.saturating_sub(text.lines().filter(|line| *line != "{}").count());
            }
            other => return Err(format!("a connection ended at once: {other:?}").into()),
        }
    }
    Ok(link)
}

/// Serves one connection until it ends.
async fn keep(
    connection: usize,
    mut link: Link,
    mut orders: UnboundedReceiver<Order>,
    report: UnboundedSender<Happening>,
) {
    let end = loop {
        let wanted = tokio::select! {
            biased;
            message = link.next() => match message {
                Ok(Message::Text(text)) => {
                    let (pinged, news) = sort(text);
                    if news {
                        let what = What::Text(Bytes::copy_from_slice(text));
                        let _ = report.send(Happening { connection, at: Instant::now(), what });
                    }
                    if !pinged {
                        continue;
                    }
                    Bytes::from_static(PING)
                }
                Ok(Message::Close(reason)) => break What::Closed(reason),
                Ok(Message::End) => break What::Lost("end of stream".to_owned()),
                Err(error) => break What::Lost(error.to_string()),
            },
            order = orders.recv() => match order {
                Some(Order::Send(text)) => text,
                Some(Order::Stall(resumed)) => {
                    // That the other end was dropped means the same.
                    let _ = resumed.await;
                    continue;
                }
                // Nobody is interested any more.
                None => return,
            },
        };
        if let Err(error) = link.send(&wanted).await {
            break What::Lost(error.to_string());
        }
    };
    let _ = report.send(Happening { connection, at: Instant::now(), what: end });
}

/// Whether a ping is among the lines of a frame, and whether anything else is.
fn sort(text: &[u8]) -> (bool, bool) {
    let lines = || text.split(|byte| *byte == b'\n');
    (lines().any(|line| line == PING), lines().any(|line| line != PING))
}

/// The status that a handshake with this session's token is refused with; 101 when it is accepted.
pub(crate) async fn handshake_status(target: &Target, session: &Session) -> Result<u16, Failure> {
    match Socket::open(target, session.source, &session.tokens.access_token).await {
        Ok(_) => Ok(101),
        Err(SocketError::Refused(status)) => Ok(status),
        Err(error) => Err(error.into()),
    }
}

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

/// `connections` spread evenly over the sessions; `None` means `per_session` on each. Each entry is a session's number.
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
        assert_eq!(sort(b"{}"), (true, false));
        assert_eq!(sort(b"{\"push\":{}}\n{}"), (true, true));
        assert_eq!(sort(b"{\"push\":{}}"), (false, true));
    }

    #[test]
    fn too_few_descriptors_are_noticed_before_the_first_connection() {
        assert!(check_descriptors(0).is_ok());
        assert!(check_descriptors(usize::MAX / 2).is_err());
    }
}
