//! [`Renewal`]: the task that orders the first certificate, and renews each certificate before it ends.

use std::{sync::Arc, time::Duration};

use domain::acme::{FailedStep, Failures, renew_at, retry_after};
use instant_acme::{Account, Error};
use service::{CertificateExpiry, OrderState};
use store::Store;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    account,
    challenge::{Answers, HttpAnswers},
    error::AcmeError,
    order,
    private_file::PrivateFile,
    storage::{account_file, certificate_file},
};
use crate::{config::AcmeSettings, tls::ServerCertificate};

/// The longest time between two looks at the clock, which may be set meanwhile, and at the certificate, which another program
/// may replace.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How long a node waits while another node orders.
const OTHER_NODE: Duration = Duration::from_secs(30);
/// The error of an authority that does not know the account any more.
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Orders and renews the certificate of the TLS port.
pub struct Renewal {
    settings: AcmeSettings,
    account_file: PrivateFile,
    certificate_file: PrivateFile,
    certificate: Arc<ServerCertificate>,
    answers: Answers,
    store: Store,
    expiry: CertificateExpiry,
}

/// The outcome of an attempt.
enum Attempt {
    Issued,
    /// Another node orders. Its certificate may come by a shared directory.
    OtherNode,
}

impl Renewal {
    /// Nothing happens before [`Self::run`]. `http` sets the answers of plain HTTP.
    #[must_use]
    pub fn new(
        settings: AcmeSettings,
        certificate: Arc<ServerCertificate>,
        http: HttpAnswers,
        store: Store,
        expiry: CertificateExpiry,
    ) -> Self {
        let answers = Answers { kind: settings.challenge, tls: Arc::clone(&certificate), http };
        let account_file = PrivateFile::new(account_file(&settings));
        let certificate_file = PrivateFile::new(certificate_file(&settings));
        Self { settings, account_file, certificate_file, certificate, answers, store, expiry }
    }

    /// Orders a certificate whenever one is due, without an end. A failed attempt changes nothing, and is repeated later.
    pub async fn run(mut self) {
        let mut failures = Failures::default();
        loop {
            let left = self.until_due(OffsetDateTime::now_utc());
            if !left.is_zero() {
                if let Some(life) = self.certificate.life() {
                    self.expiry.note(life);
                }
                self.expiry.note_order(OrderState::Issued);
                failures = Failures::default();
                // Another program has written a newer certificate meanwhile.
                self.certificate_file.forget();
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
                continue;
            }
            if self.certificate.validity().is_none() {
                self.expiry.note_order(OrderState::Missing);
            }
            let wait = match self.attempt().await {
                Ok(Attempt::Issued) if !self.until_due(OffsetDateTime::now_utc()).is_zero() => Duration::ZERO,
                Ok(Attempt::Issued) => {
                    // Without a wait, the server would order one certificate after another.
                    tracing::warn!(
                        "the new TLS certificate is already due for its renewal: is the clock right?"
                    );
                    retry_after(failures.count(FailedStep::Order), FailedStep::Order, jitter())
                }
                Ok(Attempt::OtherNode) => OTHER_NODE,
                Err(error) => self.report(&error, failures.count(error.step())),
            };
            self.wait(wait).await;
        }
    }

    /// Waits until the next attempt, or until another program has put a certificate there that is not due.
    async fn wait(&self, mut left: Duration) {
        while !left.is_zero() && self.until_due(OffsetDateTime::now_utc()).is_zero() {
            let part = left.min(LOOK_AGAIN);
            tokio::time::sleep(part).await;
            left -= part;
        }
    }

    /// The time until an order is due.
    fn until_due(&self, now: OffsetDateTime) -> Duration {
        let due = self.certificate.validity().map(|(begin, end)| renew_at(begin, end));
        due.and_then(|due| Duration::try_from(due - now).ok()).unwrap_or_default()
    }

    /// Logs a failure, and returns the time until the next attempt.
    fn report(&self, error: &AcmeError, failures: u32) -> Duration {
        metrics::counter!("acme_orders_total", "outcome" => "failed").increment(1);
        if self.certificate.validity().is_some() {
            self.expiry.note_order(OrderState::Failed);
        }
        let wait = retry_after(failures, error.step(), jitter());
        tracing::warn!(
            %error,
            name = self.settings.name,
            failures,
            next_attempt_seconds = wait.as_secs(),
            "no TLS certificate was issued; the former one stays in use"
        );
        wait
    }

    async fn attempt(&mut self) -> Result<Attempt, AcmeError> {
        let Some(_lock) = self.store.try_lock_certificate(&self.settings.name).await? else {
            return Ok(Attempt::OtherNode);
        };
        // Another node may have renewed the certificate in a shared directory.
        self.certificate.reload_if_changed().map_err(AcmeError::Stored)?;
        if !self.until_due(OffsetDateTime::now_utc()).is_zero() {
            return Ok(Attempt::Issued);
        }
        if !self.certificate_file.is_unwritten() {
            // An order counts towards the limits of the authority, so a full disk must be noticed before it.
            self.certificate_file.check()?;
            let pem = self.ordered().await?;
            self.certificate_file.keep(pem);
        }
        self.certificate_file.write()?;
        self.certificate.reload_if_changed()?;
        metrics::counter!("acme_orders_total", "outcome" => "issued").increment(1);
        let ends_at = self.certificate.ends_at().map(tracing::field::debug);
        tracing::info!(
            name = self.settings.name,
            ends_at,
            "the certificate authority has issued a TLS certificate"
        );
        Ok(Attempt::Issued)
    }

    /// A new certificate and its key.
    async fn ordered(&mut self) -> Result<Zeroizing<String>, AcmeError> {
        let account = account::open(&self.settings, &mut self.account_file).await?;
        match self.order(&account).await {
            Err(AcmeError::Contact(Error::Api(problem)))
                if problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT) =>
            {
                tracing::warn!("the certificate authority does not know the account; a new one is made");
                let account = account::create(&self.settings, &mut self.account_file).await?;
                self.order(&account).await
            }
            ordered => ordered,
        }
    }

    async fn order(&self, account: &Account) -> Result<Zeroizing<String>, AcmeError> {
        order::certificate(account, &self.settings.name, &self.answers).await
    }
}

/// A random number from 0 to 1.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    // Without random bytes, there is no jitter.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}
