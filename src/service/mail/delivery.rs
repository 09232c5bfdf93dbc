//! The delivery of mails: a job that claims some mails that are due, and hands them over to the mail server.
//!
//! Every node runs the job. The rows decide which node makes an attempt, so a node that is killed loses nothing: its attempts end
//! with their leases, and another attempt begins. If the mail server had taken the mail before, it arrives twice, with the same
//! Message-ID. A mail server that hangs or is away delays only mails: no request waits for this job.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mail::{SendError, SmtpServer};
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use store::{MailAttempt, MailSettlement, OutgoingMail, Store};
use uuid::Uuid;

use super::{
    settings::MailSettings,
    writer::{MailWriter, pause},
};
use crate::core::{
    clock::{Clock, after, before},
    failure::Failure,
};

/// How often the job looks for mails.
pub(crate) const EVERY: Duration = Duration::from_millis(500);
/// How many mails a node sends at the same time.
const AT_ONCE: u32 = 8;
/// How many batches one pass sends at most. Then the figures are read again.
const BATCHES: u32 = 50;
/// How often mails that are too old are given up, and the figures are read.
const BOUND_EVERY: Duration = Duration::from_secs(5);
/// The most mails that one statement gives up.
const BOUND_BATCH: u32 = 1_000;
/// How much longer than an attempt its lease is.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
/// A server that sends no mail leaves them for this long to other nodes, and then gives them up.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(10 * 60);
/// Why a server that sends no mail gives a mail up.
const NO_SERVER: &str = "no mail server is configured (SMTP_URL)";

/// Sends mails.
pub(crate) struct MailDelivery {
    store: Store,
    clock: Clock,
    writer: MailWriter,
    settings: MailSettings,
    bounded_at: Mutex<Option<Instant>>,
}

/// How a mail leaves this server.
#[derive(Clone, Copy)]
enum Way<'s> {
    /// To a mail server.
    Smtp(&'s SmtpServer),
    /// A development server only shows it.
    Shown,
}

impl MailDelivery {
    pub(crate) fn new(store: Store, clock: Clock, writer: MailWriter, settings: MailSettings) -> Self {
        Self { store, clock, writer, settings, bounded_at: Mutex::default() }
    }

    /// One pass: sends the mails that are due, and gives up those that are too old.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        self.apply_bounds().await?;
        let Some(way) = self.way() else { return Ok(()) };
        for _ in 0..BATCHES {
            // Half a batch means that nothing more is due. After failures, the rest of the mails waits for the next pass.
            if self.send_some(way).await? < AT_ONCE {
                break;
            }
        }
        Ok(())
    }

    fn way(&self) -> Option<Way<'_>> {
        match &self.settings.server {
            Some(server) => Some(Way::Smtp(server)),
            None => self.settings.development.then_some(Way::Shown),
        }
    }

    /// Claims a batch and makes an attempt for each of its mails. Returns how many were sent.
    async fn send_some(&self, way: Way<'_>) -> Result<u32, Failure> {
        let now = self.clock.now();
        let held = match way {
            Way::Smtp(server) => server.timeout() + LEASE_MARGIN,
            Way::Shown => LEASE_MARGIN,
        };
        let attempt = MailAttempt { id: Uuid::new_v4(), now, until: after(now, held) };
        let claimed = self.store.claim_mails(attempt, AT_ONCE).await?;
        let attempts = claimed.iter().map(|mail| self.attempt(way, mail, attempt.id));
        let sent = join_all(attempts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(u32::try_from(sent.iter().filter(|sent| **sent).count()).unwrap_or(AT_ONCE))
    }

    /// Sends a mail and writes the result. Returns whether it was sent.
    async fn attempt(&self, way: Way<'_>, mail: &OutgoingMail, attempt: Uuid) -> Result<bool, Failure> {
        let outcome = self.send(way, mail).await;
        let now = self.clock.now();
        let (settlement, word) = match outcome {
            Ok(()) => (MailSettlement::Sent, "sent"),
            Err(SendError::Permanent(reason)) => (MailSettlement::Failed(reason), "failed"),
            Err(SendError::Temporary(failure)) => {
                let due_at = after(now, pause(mail.attempts));
                (MailSettlement::Again { due_at, failure }, "retried")
            }
        };
        if word != "sent" {
            // The reason may repeat the address of the recipient, so it is only in the row of the mail.
            tracing::warn!(mail = %mail.id, kind = %mail.kind, outcome = word, "a mail was not sent; the list of mails has the reason");
        }
        if self.store.settle_mail(mail.id, attempt, now, settlement).await? {
            metrics::counter!("mails_total", "outcome" => word).increment(1);
        }
        Ok(word == "sent")
    }

    async fn send(&self, way: Way<'_>, mail: &OutgoingMail) -> Result<(), SendError> {
        let written = self.writer.write(mail);
        let composed = written.map_err(|error| SendError::Temporary(format!("a template: {error}")))?;
        if let Way::Smtp(server) = way {
            let id = self.writer.message_id(mail);
            server.send(self.writer.from(), &mail.address, id, &composed).await?;
        }
        if let Some(show) = self.settings.show {
            let link = self.writer.link(mail);
            let link = link.as_ref().map_or("", |link| link.expose_secret());
            show(&format!("mail to {}: {}  {link}", mail.address, composed.subject));
        }
        Ok(())
    }

    /// Gives up mails that are too old, and reads the figures.
    async fn apply_bounds(&self) -> Result<(), Failure> {
        let moment = self.clock.moment();
        let due = self.bounded_at.lock().is_none_or(|at| moment.saturating_duration_since(at) >= BOUND_EVERY);
        if !due {
            return Ok(());
        }
        let now = self.clock.now();
        if self.way().is_none() {
            self.give_up_unsent(before(now, LEFT_TO_OTHERS)).await?;
        }
        let oldest = before(now, self.settings.max_age);
        let expired = self.store.expire_mails(oldest, now, BOUND_BATCH).await?;
        metrics::counter!("mails_total", "outcome" => "expired").increment(expired);
        let figures = self.store.mail_figures().await?;
        metrics::gauge!("mails_waiting").set(figures.waiting as f64);
        let age = figures.oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0));
        metrics::gauge!("mail_oldest_waiting_seconds").set(age);
        *self.bounded_at.lock() = Some(moment);
        Ok(())
    }

    /// Gives up mails that no node has sent. Their rows are kept like those of other mails, so that operators see them.
    async fn give_up_unsent(&self, oldest: time::OffsetDateTime) -> Result<(), Failure> {
        let failed =
            self.store.fail_mails(NO_SERVER.to_owned(), oldest, self.clock.now(), BOUND_BATCH).await?;
        metrics::counter!("mails_total", "outcome" => "failed").increment(failed);
        Ok(())
    }
}
