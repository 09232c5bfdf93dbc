//! `cut-off`: how a server catches up after it could not read revocations for a while, observed from outside. A command cuts
//! the server off from its database, ends the sessions of some users, and restores the link. During and after the command, the
//! scenario sends requests and watches sockets. After the command, no token of an ended session may be accepted. Within a time
//! limit, all sockets of ended sessions must be closed, and all other sockets must receive publications again.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args as ClapArgs;
use protocol::close::CloseReason;
use tokio::time::{sleep, timeout};

use super::old_credentials::try_old_credentials;
use crate::{
    connections::{Connections, EventKind},
    failure::Failure,
    messages::{Data, lines, publication},
    report::Report,
    rest::Rest,
    session::Session,
    setup::SetupArgs,
};

/// Time between two rounds of requests.
const ROUND: Duration = Duration::from_millis(200);
/// Time limit of one request.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Number of rounds per publication. With more publications, the rate limit of the user would be exceeded.
const ROUNDS_PER_PUBLICATION: u32 = 5;
const CHANNEL: &str = "ephemeral:cut-off";

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// The number of users.
    #[arg(long, default_value_t = 150)]
    users: usize,
    /// The command ends all sessions of this many users, from the first.
    #[arg(long, default_value_t = 50)]
    ended: usize,
    /// The shell command that cuts the server off, ends the sessions, and restores the link. It runs with the rights of this
    /// process.
    #[arg(long)]
    command: String,
    /// Fail if the server has not caught up this many seconds after the command.
    #[arg(long, default_value_t = 60)]
    within: u64,
}

pub(crate) async fn run(args: Args) -> Result<Report, Failure> {
    let target = Arc::new(args.setup.target.resolve().await?);
    let sessions = args.setup.accounts.sessions(&target, args.users, 1).await?;
    let (ended, kept): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session.user < args.ended);
    let (Some(one_ended), Some(one_kept)) = (ended.first(), kept.last()) else {
        return Err("there must be users whose sessions end, and users whose sessions do not end".into());
    };
    let plan: Vec<_> = (0..sessions.len()).map(|session| (session, CHANNEL.to_owned())).collect();
    let connections = args.setup.connections.open(&target, &sessions, &plan).await?;
    let mut report = Report::default();
    report.count("connections", connections.len());
    report.count("sessions_that_end_meanwhile", ended.len());

    let rest = Rest::new(&target, None)?;
    let mut watch = Watch::new(connections, &sessions, args.ended);
    let mut answers = Answers::default();
    let mut cut = spawn(&args.command)?;
    let cut_at = Instant::now();
    while cut.try_wait()?.is_none() {
        answers.round(&rest, one_kept, one_ended).await;
        watch.round();
        sleep(ROUND).await;
    }
    let status = cut.wait()?;
    report.check(status.success(), || format!("the command ended with {status}"));
    report.figure("command_s", cut_at.elapsed().as_secs_f64());
    answers.note("REST during the command", &mut report);
    watch.note("sockets during the command", &mut report);

    watch.on_restored();
    let (restored, mut answers) = (Instant::now(), Answers::default());
    let deadline = Duration::from_secs(args.within);
    let mut caught_up = false;
    while !caught_up && restored.elapsed() < deadline {
        let all_right = answers.round(&rest, one_kept, one_ended).await;
        watch.round();
        caught_up = all_right && watch.is_done();
        if !caught_up {
            sleep(ROUND).await;
        }
    }
    report.figure("caught_up_s", restored.elapsed().as_secs_f64());
    report.check(caught_up, || format!("not caught up within {deadline:?}: {}", watch.missing()));
    report.check(answers.accepted_ended == 0, || {
        format!("a token of an ended session was accepted {} times after the command", answers.accepted_ended)
    });
    answers.note("REST after the command", &mut report);
    watch.note("sockets after the command", &mut report);
    try_old_credentials(&target, &sessions, args.ended, &mut report).await?;
    Ok(report)
}

fn spawn(command: &str) -> std::io::Result<std::process::Child> {
    Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).spawn()
}

/// How often REST has answered with each status, or not at all.
#[derive(Default)]
struct Answers {
    /// The answers to the token of a session that does not end.
    kept: BTreeMap<String, usize>,
    /// The answers to the token of a session that ends.
    ended: BTreeMap<String, usize>,
    ready: BTreeMap<String, usize>,
    /// How often the token of the session that ends was accepted.
    accepted_ended: usize,
}

impl Answers {
    /// Sends one request with each token, and one for readiness. Returns whether all answers are those of a server that has
    /// caught up.
    async fn round(&mut self, rest: &Rest<'_>, kept: &Session, ended: &Session) -> bool {
        let status = async |session: &Session| {
            timeout(ANSWER_WITHIN, rest.profile_status_once(&session.tokens)).await.ok()?.ok()
        };
        let ready = async { timeout(ANSWER_WITHIN, rest.is_ready()).await.ok()?.ok() };
        let (kept, ended, ready) = tokio::join!(status(kept), status(ended), ready);
        let word = |status: Option<u16>| status.map_or("no answer".to_owned(), |status| status.to_string());
        *self.kept.entry(word(kept)).or_default() += 1;
        *self.ended.entry(word(ended)).or_default() += 1;
        *self
            .ready
            .entry(ready.map_or("no answer", |yes| if yes { "yes" } else { "no" }).to_owned())
            .or_default() += 1;
        self.accepted_ended += usize::from(ended == Some(200));
        kept == Some(200) && ended == Some(401) && ready == Some(true)
    }

    fn note(&self, when: &str, report: &mut Report) {
        let Self { kept, ended, ready, .. } = self;
        report.note(format!(
            "{when}: token that stays valid {}, token of an ended session {}, ready {}",
            shown(kept),
            shown(ended),
            shown(ready)
        ));
    }
}

/// What the sockets have received.
struct Watch {
    connections: Connections,
    /// For each socket, whether its session ends.
    must_end: Vec<bool>,
    open: Vec<bool>,
    /// How often sockets have ended in each way.
    closes: BTreeMap<String, usize>,
    /// The number of sockets that ended in an unexpected way.
    wrong: usize,
    rounds: u32,
    published: usize,
    /// The answers to publications.
    replies: BTreeMap<String, usize>,
    /// The newest publication that each socket has received.
    received: Vec<usize>,
    /// The number of the first publication after the link was restored. A socket that has received this publication or a
    /// later one gets deliveries again.
    after: usize,
}

impl Watch {
    fn new(connections: Connections, sessions: &[Session], ended: usize) -> Self {
        let sockets = sessions.len();
        Self {
            connections,
            must_end: sessions.iter().map(|session| session.user < ended).collect(),
            open: vec![true; sockets],
            closes: BTreeMap::new(),
            wrong: 0,
            rounds: 0,
            published: 0,
            replies: BTreeMap::new(),
            received: vec![0; sockets],
            after: 0,
        }
    }

    /// Reads the events that have arrived. Before that, publishes in one of [`ROUNDS_PER_PUBLICATION`] rounds.
    fn round(&mut self) {
        if self.rounds.is_multiple_of(ROUNDS_PER_PUBLICATION) {
            self.published += 1;
            let data = Data { publisher: 0, number: self.published };
            let command = publication(self.published + 10, CHANNEL, data, 100);
            if let Some(publisher) = self.publisher() {
                self.connections.send(publisher, Bytes::from(command));
            }
        }
        self.rounds += 1;
        while let Ok(event) = self.connections.events.try_recv() {
            self.take(event.connection, &event.kind);
        }
    }

    /// The connection that publishes: the last open connection of a session that does not end.
    fn publisher(&self) -> Option<usize> {
        (0..self.open.len()).rev().find(|socket| self.open[*socket] && !self.must_end[*socket])
    }

    fn take(&mut self, socket: usize, kind: &EventKind) {
        let EventKind::Text(text) = kind else {
            self.open[socket] = false;
            // If deliveries have waited for too long, the server ends the connection, and the client may reconnect.
            let waited_too_long = CloseReason::InsufficientState.code();
            let expected = self.must_end[socket]
                || matches!(kind, EventKind::Closed(Some((code, _))) if *code == waited_too_long);
            self.wrong += usize::from(!expected);
            *self.closes.entry(kind.to_string()).or_default() += 1;
            return;
        };
        for line in lines(text).flatten() {
            if line.id.is_some() {
                let reply = line.error.map_or("accepted".to_owned(), |error| format!("error {}", error.code));
                *self.replies.entry(reply).or_default() += 1;
            }
            if let Some(publication) = line.push.and_then(|push| push.r#pub) {
                self.received[socket] = self.received[socket].max(publication.data.number);
            }
        }
    }

    /// The link is restored. From now on, every open socket of a session that does not end must receive a publication.
    fn on_restored(&mut self) {
        self.after = self.published + 1;
    }

    fn still_open(&self) -> usize {
        self.open.iter().zip(&self.must_end).filter(|(open, must_end)| **open && **must_end).count()
    }

    fn without_delivery(&self) -> usize {
        let waits = |socket: &usize| {
            !self.must_end[*socket] && self.open[*socket] && self.received[*socket] < self.after
        };
        (0..self.open.len()).filter(waits).count()
    }

    /// Whether every socket that must end is closed, and every other open socket receives publications again.
    fn is_done(&self) -> bool {
        self.still_open() == 0 && self.without_delivery() == 0
    }

    fn missing(&self) -> String {
        format!(
            "{} sockets of ended sessions are open, {} other sockets have received nothing since then",
            self.still_open(),
            self.without_delivery()
        )
    }

    fn note(&mut self, when: &str, report: &mut Report) {
        report.note(format!("{when}: ends {}, publications {}", shown(&self.closes), shown(&self.replies)));
        report
            .check(self.wrong == 0, || format!("{when}: {} sockets ended in an unexpected way", self.wrong));
        (self.closes, self.replies, self.wrong) = (BTreeMap::new(), BTreeMap::new(), 0);
    }
}

/// The keys with their counts, as text.
fn shown(counts: &BTreeMap<String, usize>) -> String {
    let each: Vec<_> = counts.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}
