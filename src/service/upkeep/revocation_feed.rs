//! The revocation feed: carries out on this node what other nodes and the command line have revoked or denied. It sets
//! tombstones and denials, invalidates the cache, and closes sockets.
//!
//! The feed looks at the database when it is notified, and at least every [`POLL`]. Requests may be answered from memory only
//! while the last look is fresh. After a gap, the feed continues where it stopped. It carries out everything that was missed,
//! and waits until the affected sockets are closed. After that, and not earlier, memory is trusted again and held deliveries
//! leave. The feed reads in pages. A page that was carried out is not read again, even if the connection is lost. If a node has
//! missed too many revocations, the feed does not read the rest. It clears the cache, and asks the database which of the node's
//! sessions with sockets have ended. At the start and after a very long gap, the feed also loads all denials.
//!
//! The feed is not a [`Job`](super::jobs::Job), because it keeps one connection of its own open between two looks, and must
//! soon open another one if the connection fails. The feed reports to the same [`JobHealth`], so its panics count like those of
//! jobs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use store::{Backlog, HeardRevocation, RevocationListener, ServiceTime, Store, StoreError, Watermark};
use time::OffsetDateTime;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use uuid::Uuid;

use super::jobs::JobHealth;
use crate::{
    access::{feed_state::FeedState, outages::Outages, verifier::Verifier},
    core::clock::Clock,
    realtime::external_sessions::ExternalSessions,
    revocation::{
        denials::Denials,
        in_flight_revocations::{InFlightRevocations, RemainingWork},
        revoke::Revoker,
    },
};

/// How often the feed looks without a notification.
const POLL: Duration = Duration::from_millis(300);
/// How long the feed waits after a failure or a panic, before it connects to the database again.
const RETRY: Duration = Duration::from_millis(200);
/// After this many pages of revocations, judging all sessions with sockets costs less than reading the rest.
const MOST_PAGES: usize = 20;
/// After a gap of this length, all denials are loaded anew and all sessions with sockets are judged. The reason: rows of ended
/// denials are deleted after a day, so the feed might miss some of them.
const LONGEST_GAP: Duration = Duration::from_secs(12 * 60 * 60);
/// How often this node notes in the database that a server is in service.
const NOTE_SERVICE: Duration = Duration::from_secs(10);
/// A look renews the lease of this node before it reads anything, if the lease was asked for longer ago than this.
const RENEW_LEASE: Duration = Duration::from_secs(1);
/// The most sessions that one query asks about, to learn which of these sessions have ended.
const SESSIONS_ASKED: usize = 1_000;
/// The most denials in one page when all are loaded. Pages are large, because on a busy machine the feed waits a while before
/// each page.
const DENIALS_LOADED: usize = 10_000;
/// The name of the feed among the jobs.
const NAME: &str = "revocation_feed";

/// Carries out the revocations and denials that other processes have written.
pub(crate) struct RevocationFeed {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) state: Arc<FeedState>,
    pub(crate) outages: Arc<Outages>,
    pub(crate) in_flight: Arc<InFlightRevocations>,
    pub(crate) revoker: Revoker,
    pub(crate) denials: Denials,
    pub(crate) verifier: Verifier,
    pub(crate) external_sessions: ExternalSessions,
    /// The id of this process.
    pub(crate) node: Uuid,
}

/// What the feed keeps from one connection to the next.
#[derive(Default)]
struct Progress {
    /// The point that the last complete look has reached, and when this look began. `None` before the first look.
    place: Option<(Watermark, OffsetDateTime)>,
    /// The look that is under way.
    look: Option<Look>,
    /// Whether the last connection failed.
    lost: bool,
    /// When this node last noted in the database that a server is in service.
    service_noted: Option<Instant>,
    /// The point from which this node has followed revocations. `None` before the first look.
    began: Option<Watermark>,
    /// When this node last asked for its lease. The lease lasts at least from then.
    lease_asked: Option<Instant>,
}

/// One look at the database.
struct Look {
    number: u64,
    began: Instant,
    at: OffsetDateTime,
    /// Everything up to this point has been carried out when this look is complete.
    end: Watermark,
    revocations: MissedRevocations,
    denials: MissedDenials,
    /// Tasks that close sockets.
    closings: Vec<JoinHandle<()>>,
}

/// How a look finds out about revocations.
enum MissedRevocations {
    /// Carry out what has committed since the last look. `pages` is the number of pages that have been carried out. `backlog`
    /// is the rest; `None` after the last page.
    Read { backlog: Option<Backlog>, pages: usize },
    /// Ask which sessions with sockets have ended, instead of reading what was missed.
    JudgeSessions,
}

/// How a look finds out about denials. There may be millions of them in force, so they are loaded as rarely as possible.
enum MissedDenials {
    /// Carry out what has committed since the last look. The backlog is the rest; `None` after the last page.
    Read(Option<Backlog>),
    /// Load all denials in force with ids above this one.
    Load { after: i64 },
}

impl RevocationFeed {
    /// Looks at the database again and again, until `stop` is true or its sender is dropped.
    pub(crate) async fn run(self, health: Arc<JobHealth>, mut stop: watch::Receiver<bool>) {
        let mut progress = Progress::default();
        loop {
            // After a panic, the feed continues after the last complete look. It carries out some rows twice, without harm.
            let ended = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                ended = health.observe(NAME, self.follow(&mut progress, &health)) => ended,
            };
            if !std::mem::replace(&mut progress.lost, true) {
                let error = ended.and_then(Result::err);
                let error = error.map_or_else(|| "it panicked".to_owned(), |error| error.to_string());
                tracing::warn!(error, "revocation feed lost; session cache disabled until it recovers");
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Looks at the database over one connection, until that connection fails.
    async fn follow(&self, progress: &mut Progress, health: &JobHealth) -> Result<(), StoreError> {
        let mut listener = self.store.listen().await?;
        listener.check_origin().await?;
        loop {
            self.look(&listener, progress).await?;
            health.succeeded(NAME);
            if std::mem::replace(&mut progress.lost, false) {
                tracing::info!("revocation feed recovered");
            }
            if let Ok(heard) = timeout(POLL, listener.next()).await {
                heard?;
            }
        }
    }

    /// Carries out everything since the last look, or the rest of an interrupted look. The look counts only after that.
    async fn look(&self, listener: &RevocationListener, progress: &mut Progress) -> Result<(), StoreError> {
        let mut look = match progress.look.take() {
            Some(interrupted) => interrupted,
            None => self.begin(listener, progress).await?,
        };
        let place = progress.place.as_ref();
        progress.began.get_or_insert_with(|| look.end.clone());
        if let Err(error) = self.carry_on(listener, &mut look, place.map(|(place, _)| place)).await {
            progress.look = Some(look);
            return Err(error);
        }
        listener.note_look().await?;
        let is_first = progress.place.replace((look.end, look.at)).is_none();
        let abandoned = self.in_flight.seen_all(look.number);
        look.closings
            .extend(abandoned.into_iter().map(|order| self.revoker.close_sockets_in_background(order, None)));
        if !self.state.is_current() {
            // After a gap, wait until the sockets of missed revocations are closed: commands and held deliveries must come
            // later. If this takes too long, the look is too old to count, and the next look has less to do.
            for closing in look.closings {
                let _ = closing.await;
            }
        }
        self.note_service(listener, progress).await?;
        if is_first {
            // From now on, the database knows from which point this node follows revocations.
            self.renew_lease(listener, progress).await?;
        }
        self.state.looked(look.began);
        Ok(())
    }

    /// Makes sure that this node has a lease, before a look reads anything. `began` is the beginning of the look.
    ///
    /// A receipt says of a node without a lease that it accepts nothing. What commits after the snapshot of a look is unknown to
    /// this node for as long as the look counts, so the lease must last from the snapshot until then. It was asked for at most
    /// [`RENEW_LEASE`] before the beginning of the look, and a look counts for a second after its beginning.
    async fn hold_lease(
        &self,
        listener: &RevocationListener,
        progress: &mut Progress,
        began: Instant,
    ) -> Result<(), StoreError> {
        let due = progress.lease_asked.is_none_or(|asked| began - asked >= RENEW_LEASE);
        if progress.began.is_none() {
            listener.register_node(self.node).await?;
        } else if due || !self.state.is_current() {
            self.renew_lease(listener, progress).await?;
        } else {
            return Ok(());
        }
        progress.lease_asked = Some(began);
        Ok(())
    }

    /// Renews the lease of this node, with what the last complete look has reached.
    async fn renew_lease(
        &self,
        listener: &RevocationListener,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let Some(began) = &progress.began else { return Ok(()) };
        let looked = progress.place.as_ref().map_or(began, |(looked, _)| looked);
        listener.renew_lease(self.node, began, looked).await
    }

    /// Notes in the database, from time to time, that a server is in service. After a gap, this also asks the database for the
    /// last period in which no server was in service. The answer comes before the look counts, and so before the first session
    /// is judged.
    async fn note_service(
        &self,
        listener: &RevocationListener,
        progress: &mut Progress,
    ) -> Result<(), StoreError> {
        let (now, continuous) = (self.clock.now(), self.state.is_current());
        let due = progress.service_noted.is_none_or(|noted| noted.elapsed() >= NOTE_SERVICE);
        let mut service: Option<ServiceTime> = None;
        if due || !continuous {
            service = Some(listener.note_service(now, !continuous, self.outages.idle()).await?);
            progress.service_noted = Some(Instant::now());
        }
        self.outages.note_look(now, continuous, service);
        Ok(())
    }

    async fn begin(
        &self,
        listener: &RevocationListener,
        progress: &mut Progress,
    ) -> Result<Look, StoreError> {
        let (number, began, at) = (self.in_flight.begin_look(), Instant::now(), self.clock.now());
        self.hold_lease(listener, progress, began).await?;
        let (end, revocations, denials) = match &progress.place {
            // If this node is current, there was no gap, even if the clock was set forward.
            Some((place, looked)) if self.state.is_current() || at - *looked < LONGEST_GAP => {
                let backlog = listener.since(place).await?;
                let revocations = MissedRevocations::Read { backlog: Some(backlog.clone()), pages: 0 };
                (backlog.end().clone(), revocations, MissedDenials::Read(Some(backlog)))
            }
            _ => {
                let end = listener.watermark().await?;
                // From here on, the denials are loaded into a second copy. Until the second copy is complete, denials are
                // looked up in the first one.
                self.realtime.begin_denial_reload();
                (end, MissedRevocations::JudgeSessions, MissedDenials::Load { after: 0 })
            }
        };
        Ok(Look { number, began, at, end, revocations, denials, closings: Vec::new() })
    }

    async fn carry_on(
        &self,
        listener: &RevocationListener,
        look: &mut Look,
        place: Option<&Watermark>,
    ) -> Result<(), StoreError> {
        self.read_revocations(listener, look).await?;
        let judge = matches!(look.revocations, MissedRevocations::JudgeSessions);
        if judge {
            self.realtime.record_end_of_all(listener.revoked_all().await?);
        }
        self.learn_denials(listener, look).await?;
        // Before the first look, no credential has been accepted, so there is no session to judge.
        if let (true, Some(place)) = (judge, place) {
            look.closings.extend(self.judge_sessions(listener, place).await?);
        }
        if !self.state.is_current() {
            self.external_sessions.write_heartbeats_after_gap().await?;
        }
        Ok(())
    }

    /// Reads and carries out the revocations of the backlog. Stops if there are too many.
    async fn read_revocations(
        &self,
        listener: &RevocationListener,
        look: &mut Look,
    ) -> Result<(), StoreError> {
        let MissedRevocations::Read { backlog, pages } = &mut look.revocations else { return Ok(()) };
        while let Some(unread) = backlog {
            if *pages == MOST_PAGES {
                tracing::warn!("too many revocations were missed; judging all sessions with sockets anew");
                look.revocations = MissedRevocations::JudgeSessions;
                return Ok(());
            }
            let (found, rest) = listener.revocations(unread).await?;
            look.closings.extend(found.into_iter().filter_map(|heard| self.carry_out(heard)));
            *pages += 1;
            *backlog = rest;
        }
        Ok(())
    }

    /// Carries out the denials of the backlog, or loads all denials that are in force.
    async fn learn_denials(&self, listener: &RevocationListener, look: &mut Look) -> Result<(), StoreError> {
        match &mut look.denials {
            MissedDenials::Read(backlog) => {
                while let Some(unread) = backlog {
                    let (found, rest) = listener.backlog_denials(unread).await?;
                    look.closings.extend(self.denials.carry_out_heard(found));
                    *backlog = rest;
                }
            }
            MissedDenials::Load { after } => {
                loop {
                    let (denials, rest) = listener.denials(*after, DENIALS_LOADED, self.clock.now()).await?;
                    self.realtime.load_denials(&denials, self.clock.now_ms());
                    let Some(rest) = rest else { break };
                    *after = rest;
                }
                self.realtime.finish_denial_reload();
                // If the look is interrupted after this, nothing is left to load when it continues.
                look.denials = MissedDenials::Read(None);
            }
        }
        Ok(())
    }

    /// Asks which sessions with sockets on this node have ended since `place`, without reading what was missed. Judges the
    /// sockets by the denials, too, because all denials may have been loaded. Returns the tasks that close sockets.
    async fn judge_sessions(
        &self,
        listener: &RevocationListener,
        place: &Watermark,
    ) -> Result<Vec<JoinHandle<()>>, StoreError> {
        // Sessions that were verified earlier must be verified again. From here on they are read from the database.
        self.verifier.invalidate_all();
        self.realtime.refuse_verified_before_now();
        let open = self.realtime.sessions_with_sockets();
        let mut closings = Vec::new();
        for some in open.chunks(SESSIONS_ASKED) {
            closings.extend(self.revoker.carry_out_ended(listener.ended_among(some, place).await?));
        }
        closings.push(self.denials.close_all_denied(open));
        Ok(closings)
    }

    /// Carries out a revocation. A row that the feed can read is committed. So the tombstones are set at once, even if the task
    /// of the order still waits for an answer from the database.
    ///
    /// Returns the task that closes the sockets. `None` if the task of the order closes them.
    fn carry_out(&self, heard: HeardRevocation) -> Option<JoinHandle<()>> {
        let work = self.in_flight.remaining_work(&heard);
        if work == RemainingWork::Nothing {
            return None;
        }
        self.revoker.set_tombstones(&heard.committed);
        let feed_closes = work == RemainingWork::Everything || !self.in_flight.hand_over(&heard);
        feed_closes.then(|| self.revoker.close_sockets_in_background(heard.committed, Some(heard.at)))
    }
}
