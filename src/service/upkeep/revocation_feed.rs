//! The revocation feed: carries out on this node what other nodes and the command line have revoked or denied. It sets tombstones
//! and denials, invalidates the cache, and closes sockets.
//!
//! The feed looks at the database when it is notified, and at least every [`POLL`]. Requests may be answered from memory only
//! while its last look is fresh. After a gap the feed continues where it stopped. Everything that was missed is carried out, and its
//! sockets are closed, before memory is trusted again and held deliveries leave. The feed reads in pages; a page that was carried
//! out is not read again, even if the connection is lost. A node that has missed too much starts over: it clears its cache, loads
//! all denials, and asks which of its sessions have ended.
//!
//! Not a [`Job`](super::jobs::Job), because it has no passes at an interval: it holds one connection that waits for
//! notifications, and it must retry at once. It reports to the same [`JobHealth`], so its panics count like those of jobs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::Realtime;
use store::{Backlog, HeardRevocation, RevocationListener, ServiceTime, Store, StoreError, Watermark};
use time::OffsetDateTime;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

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

/// How often to look without a notification.
const POLL: Duration = Duration::from_millis(300);
/// How long to wait after the database could not be reached.
const RETRY: Duration = Duration::from_millis(200);
/// After this many pages of revocations, starting over costs less than reading on.
const MOST_PAGES: usize = 20;
/// After a gap of this length the node starts over: rows of ended denials are deleted after a day.
const LONGEST_GAP: Duration = Duration::from_secs(12 * 60 * 60);
/// How often the database is told that a server is in service.
const NOTE_SERVICE: Duration = Duration::from_secs(10);
/// Sessions in one question which of them have ended.
const SESSIONS_ASKED: usize = 1_000;
/// Denials in a page when all are loaded. Large, because on a busy machine each page waits for its turn.
const DENIALS_LOADED: usize = 10_000;
/// The name of the feed among the jobs.
const NAME: &str = "revocation_feed";

/// Carries out the revocations of other nodes.
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
}

/// What the feed keeps from one connection to the next.
#[derive(Default)]
struct Progress {
    /// Up to where everything has been carried out, and when that look began. `None` before the first look.
    place: Option<(Watermark, OffsetDateTime)>,
    /// The look that is under way.
    look: Option<Look>,
    /// Whether the last connection failed.
    lost: bool,
    /// When the database was told last that this server is in service.
    service_noted: Option<Instant>,
}

/// One look at the database.
struct Look {
    number: u64,
    began: Instant,
    at: OffsetDateTime,
    /// Up to where everything has been carried out when this look is complete.
    end: Watermark,
    work: Work,
    /// Tasks that close sockets.
    closings: Vec<JoinHandle<()>>,
}

/// The work that remains for a look.
enum Work {
    /// Carry out what has committed since the last look.
    CatchUp(Box<Unread>),
    /// Load the denials with ids above this one; then judge all sessions with sockets.
    StartOver { denials_after: i64 },
}

/// What has committed since the last look and is not carried out yet.
struct Unread {
    revocations: Option<Backlog>,
    denials: Option<Backlog>,
    /// Pages of revocations that are carried out.
    pages: usize,
}

impl RevocationFeed {
    /// Follows the database until `stop` is true, or until its sender is dropped.
    pub(crate) async fn run(self, health: Arc<JobHealth>, mut stop: watch::Receiver<bool>) {
        let mut progress = Progress::default();
        loop {
            // After a panic, the watermark is that of the last complete look. Some rows are carried out twice, which does no harm.
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
        let place = progress.place.as_ref();
        let mut look = match progress.look.take() {
            Some(interrupted) => interrupted,
            None => self.begin(listener, place).await?,
        };
        if let Err(error) = self.carry_on(listener, &mut look, place.map(|(place, _)| place)).await {
            progress.look = Some(look);
            return Err(error);
        }
        progress.place = Some((look.end, look.at));
        let orphans = self.in_flight.seen_all(look.number);
        look.closings
            .extend(orphans.into_iter().map(|orphan| self.revoker.close_sockets_in_background(orphan)));
        if !self.state.is_current() {
            // After a gap, wait until the sockets of missed revocations are closed: commands and held deliveries must come later.
            // If this takes too long, the look is too old to count, and the next one has less to do.
            for closing in look.closings {
                let _ = closing.await;
            }
        }
        self.note_service(listener, progress).await?;
        self.state.looked(look.began);
        Ok(())
    }

    /// Tells the database now and then that this server is in service. After a gap it answers since when no server was, before the
    /// first session is judged.
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
        place: Option<&(Watermark, OffsetDateTime)>,
    ) -> Result<Look, StoreError> {
        let (number, began, at) = (self.in_flight.begin_look(), Instant::now(), self.clock.machine_time());
        match place {
            Some((place, looked)) if at - *looked < LONGEST_GAP => {
                let backlog = listener.since(place).await?;
                let end = backlog.end().clone();
                let unread = Unread { revocations: Some(backlog.clone()), denials: Some(backlog), pages: 0 };
                let work = Work::CatchUp(Box::new(unread));
                Ok(Look { number, began, at, end, work, closings: Vec::new() })
            }
            _ => {
                let end = listener.watermark().await?;
                // From here on a copy is loaded beside the one that judges, until it is complete.
                self.realtime.begin_denial_reload();
                let work = Work::StartOver { denials_after: 0 };
                Ok(Look { number, began, at, end, work, closings: Vec::new() })
            }
        }
    }

    async fn carry_on(
        &self,
        listener: &RevocationListener,
        look: &mut Look,
        place: Option<&Watermark>,
    ) -> Result<(), StoreError> {
        if !self.catch_up(listener, look).await? {
            tracing::warn!("too many revocations were missed; judging all sessions with sockets anew");
            let closings = std::mem::take(&mut look.closings);
            *look = Look { closings, ..self.begin(listener, None).await? };
        }
        if let Work::StartOver { denials_after } = &mut look.work {
            look.closings.extend(self.start_over(listener, denials_after, place).await?);
        }
        if !self.state.is_current() {
            self.external_sessions.write_heartbeats_after_gap().await?;
        }
        Ok(())
    }

    /// Reads and carries out the backlog. `false` if the backlog is too long.
    async fn catch_up(&self, listener: &RevocationListener, look: &mut Look) -> Result<bool, StoreError> {
        let Look { work: Work::CatchUp(unread), closings, .. } = look else { return Ok(true) };
        let Unread { revocations, denials, pages } = &mut **unread;
        while let Some(backlog) = revocations {
            if *pages == MOST_PAGES {
                return Ok(false);
            }
            let (found, rest) = listener.revocations(backlog).await?;
            closings.extend(found.into_iter().filter_map(|heard| self.carry_out(heard)));
            *pages += 1;
            *revocations = rest;
        }
        while let Some(backlog) = denials {
            let (found, rest) = listener.backlog_denials(backlog).await?;
            closings.extend(self.denials.carry_out_heard(found));
            *denials = rest;
        }
        Ok(true)
    }

    /// Brings memory up to date without reading what was missed. Loads the denials in force, and asks which sessions with sockets
    /// on this node have ended since `place`. Before the first look there is no `place`, and no credential has been accepted yet.
    /// Returns the tasks that close sockets.
    async fn start_over(
        &self,
        listener: &RevocationListener,
        denials_after: &mut i64,
        place: Option<&Watermark>,
    ) -> Result<Vec<JoinHandle<()>>, StoreError> {
        self.realtime.record_end_of_all(listener.revoked_all().await?);
        loop {
            let (denials, rest) = listener.denials(*denials_after, DENIALS_LOADED, self.clock.now()).await?;
            self.realtime.load_denials(&denials, self.clock.now_ms());
            let Some(rest) = rest else { break };
            *denials_after = rest;
        }
        self.realtime.finish_denial_reload();
        let Some(place) = place else { return Ok(Vec::new()) };
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

    /// Carries out a revocation. A row that the feed can read is committed. So the tombstones are set at once, even if the request
    /// of the order still waits for an answer from the database.
    ///
    /// Returns the task that closes the sockets. `None` if the task of the order closes them.
    fn carry_out(&self, heard: HeardRevocation) -> Option<JoinHandle<()>> {
        let work = self.in_flight.remaining_work(&heard);
        if work == RemainingWork::Nothing {
            return None;
        }
        self.revoker.set_tombstones(&heard.committed);
        let left = work == RemainingWork::Everything || !self.in_flight.hand_over(&heard);
        left.then(|| self.revoker.close_sockets_in_background(heard.committed))
    }
}
