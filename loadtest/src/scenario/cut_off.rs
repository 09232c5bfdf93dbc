//! `cut-off`: a node that could not hear of revocations for a while, seen from outside. A command cuts the server off from its
//! database, ends the sessions of some users behind its back, and mends the link. The scenario asks and listens throughout:
//! from then on no old token may be accepted, and within some time all sockets of these users must be closed, and all others
//! must go on.

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

/// How often tokens and readiness are tried.
const ROUND: Duration = Duration::from_millis(200);
/// The longest time that one request waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Rounds per publication: a user may publish only so often.
const ROUNDS_PER_PUBLICATION: u32 = 5;
const CHANNEL: &str = "ephemeral:cut-off";

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: SetupArgs,
    /// Users.
    #[arg(long, default_value_t = 150)]
    users: usize,
    /// The command ends all sessions of this many users, from the first.
    #[arg(long, default_value_t = 50)]
    ended: usize,
    /// The command of the shell that cuts the server off, ends the sessions, and mends the link. It runs as this process does.
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
        return Err("there must be users whose sessions end, and others".into());
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

    watch.mended();
    let (mended, mut answers) = (Instant::now(), Answers::default());
    let deadline = Duration::from_secs(args.within);
    let mut caught_up = false;
    while !caught_up && mended.elapsed() < deadline {
        let went_on = answers.round(&rest, one_kept, one_ended).await;
        watch.round();
        caught_up = went_on && watch.is_done();
        if !caught_up {
            sleep(ROUND).await;
        }
    }
    report.figure("caught_up_s", mended.elapsed().as_secs_f64());
    report.check(caught_up, || format!("not within {deadline:?}: {}", watch.missing()));
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

/// What REST has answered: how often each status, or none.
#[derive(Default)]
struct Answers {
    kept: BTreeMap<String, usize>,
    ended: BTreeMap<String, usize>,
    ready: BTreeMap<String, usize>,
    accepted_ended: usize,
}

impl Answers {
    /// Asks once with each token, and for readiness. Whether everything is as it is after the server has caught up.
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
            "{when}: a token that stays good {}, one of an ended session {}, ready {}",
            shown(kept),
            shown(ended),
            shown(ready)
        ));
    }
}

/// What the sockets have received.
struct Watch {
    connections: Connections,
    must_end: Vec<bool>,
    open: Vec<bool>,
    closes: BTreeMap<String, usize>,
    wrong: usize,
    rounds: u32,
    published: usize,
    /// The answers to publications.
    replies: BTreeMap<String, usize>,
    /// The newest publication that each socket has received.
    received: Vec<usize>,
    /// A publication from here on shows that deliveries go on.
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

    /// Publishes now and then, and reads what has arrived.
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

    /// The connection that publishes: the last one that is open.
    fn publisher(&self) -> Option<usize> {
        (0..self.open.len()).rev().find(|socket| self.open[*socket] && !self.must_end[*socket])
    }

    fn take(&mut self, socket: usize, kind: &EventKind) {
        let EventKind::Text(text) = kind else {
            self.open[socket] = false;
            // Deliveries that have waited for too long end a connection, and the client comes back.
            let sent_back = CloseReason::InsufficientState.code();
            let expected = self.must_end[socket]
                || matches!(kind, EventKind::Closed(Some((code, _))) if *code == sent_back);
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

    /// The link is mended: what is published from here on must arrive.
    fn mended(&mut self) {
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

    /// Whether every socket that must end is closed, and the others receive.
    fn is_done(&self) -> bool {
        self.still_open() == 0 && self.without_delivery() == 0
    }

    fn missing(&self) -> String {
        format!(
            "{} sockets of ended sessions are open, {} others have received nothing",
            self.still_open(),
            self.without_delivery()
        )
    }

    fn note(&mut self, when: &str, report: &mut Report) {
        report.note(format!("{when}: ends {}, publications {}", shown(&self.closes), shown(&self.replies)));
        report.check(self.wrong == 0, || {
            format!("{when}: {} sockets ended in another way than they should", self.wrong)
        });
        (self.closes, self.replies, self.wrong) = (BTreeMap::new(), BTreeMap::new(), 0);
    }
}

/// How often each.
fn shown(counts: &BTreeMap<String, usize>) -> String {
    let each: Vec<_> = counts.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}
