//! [`CertificateExpiry`]: the end of the certificate of the TLS port, for metrics, readiness and the log.
//!
//! The server's module `lifecycle` notes the end of the certificate every second. Readiness shows the end. From the first
//! warning on, readiness also shows a notice.

use std::sync::Arc;

use domain::certificate_expiry::{CertificateLife, ExpiryStage, ExpiryWarning};
use parking_lot::Mutex;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::clock::Clock;

/// Knows when the certificate of the TLS port ends. Clones share what they know.
#[derive(Clone)]
pub struct CertificateExpiry {
    clock: Clock,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Default)]
struct Noted {
    life: Option<CertificateLife>,
    warned: Option<ExpiryWarning>,
    /// The state of the order; `None` if the certificate is not ordered by ACME.
    order: Option<OrderState>,
}

/// How the last order of a certificate by ACME went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// No certificate was issued yet.
    Missing,
    /// The last attempt to renew the certificate failed.
    Failed,
    /// The certificate was issued.
    Issued,
}

/// The text of readiness about a certificate that ends soon, or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryNotice {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

impl CertificateExpiry {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, noted: Arc::default() }
    }

    /// Notes the life of the certificate that new connections get now. Sets the metric, and writes a warning if one is due.
    pub fn note(&self, life: CertificateLife) {
        let now = self.clock.now();
        let left = life.ends_at - now;
        metrics::gauge!("tls_certificate_seconds_left").set(left.as_seconds_f64().floor());
        let mut noted = self.noted.lock();
        if noted.life != Some(life) {
            *noted = Noted { life: Some(life), warned: None, order: noted.order };
        }
        let Some(warning) = ExpiryWarning::due(&life, noted.warned, now) else { return };
        noted.warned = Some(warning);
        let ends_at = written(life.ends_at);
        if warning.stage == ExpiryStage::Expired {
            tracing::warn!(ends_at, "the TLS certificate has expired: clients refuse it");
        } else {
            tracing::warn!(ends_at, days_left = left.whole_days(), "the TLS certificate expires soon");
        }
    }

    /// Notes how the last order of the certificate went.
    pub fn note_order(&self, state: OrderState) {
        self.noted.lock().order = Some(state);
    }

    /// The notice for readiness about the order of the certificate.
    #[must_use]
    pub fn order_notice(&self) -> Option<ExpiryNotice> {
        let (code, detail) = match self.noted.lock().order? {
            OrderState::Issued => return None,
            OrderState::Missing => (
                "certificate_not_issued",
                "No TLS certificate was issued yet: clients refuse the TLS port. The log says why.",
            ),
            OrderState::Failed => (
                "certificate_renewal_failed",
                "The last attempt to renew the TLS certificate failed. The log says why.",
            ),
        };
        Some(ExpiryNotice { code, detail: detail.to_owned() })
    }

    /// The end of the certificate. `None` without TLS.
    #[must_use]
    pub fn ends_at(&self) -> Option<OffsetDateTime> {
        self.noted.lock().life.map(|life| life.ends_at)
    }

    /// The notice for readiness about the end of the certificate: from the first warning on.
    #[must_use]
    pub fn notice(&self) -> Option<ExpiryNotice> {
        let life = self.noted.lock().life?;
        let ends_at = life.ends_at;
        Some(match ExpiryStage::of(&life, self.clock.now())? {
            ExpiryStage::Expired => ExpiryNotice {
                code: "certificate_expired",
                detail: format!("The TLS certificate expired at {}: clients refuse it.", written(ends_at)),
            },
            _ => ExpiryNotice {
                code: "certificate_expires_soon",
                detail: format!("The TLS certificate expires at {}.", written(ends_at)),
            },
        })
    }
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
