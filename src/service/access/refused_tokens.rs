//! Refused tokens of external issuers, for the operator: a counter by issuer and reason, and a log line once a minute for each.
//!
//! A client learns only that its token is invalid. Without this, the operator of a new issuer would learn nothing more. The
//! token itself, and what its claims contain, is never shown.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::issuer::TokenRefusal;
use parking_lot::Mutex;

/// How often the log says it of one issuer and reason.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// When the log last said it. There are as many entries as issuers times reasons.
#[derive(Default)]
pub(super) struct RefusedTokens(Mutex<HashMap<(String, &'static str), Instant>>);

impl RefusedTokens {
    /// Notes that a token of `issuer` was refused because of `claim`, if that is known.
    pub(super) fn note(
        &self,
        issuer: &str,
        refused: TokenRefusal,
        claim: Option<&'static str>,
        now: Instant,
    ) {
        let reason = refused.as_str();
        let labels = [("issuer", issuer.to_owned()), ("reason", reason.to_owned())];
        metrics::counter!("external_tokens_refused_total", &labels).increment(1);
        if self.is_due(issuer, reason, now) {
            tracing::info!(issuer, reason, claim, "a token of an external issuer was refused");
        }
    }

    fn is_due(&self, issuer: &str, reason: &'static str, now: Instant) -> bool {
        let mut logged = self.0.lock();
        let key = (issuer.to_owned(), reason);
        if logged.get(&key).is_some_and(|last| now.saturating_duration_since(*last) < LOG_EVERY) {
            return false;
        }
        logged.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_it_once_a_minute_for_each_issuer_and_reason() {
        let (refused, now) = (RefusedTokens::default(), Instant::now());
        assert!(refused.is_due("corp", "expired", now));
        assert!(!refused.is_due("corp", "expired", now + Duration::from_secs(59)));
        assert!(refused.is_due("corp", "unsigned", now) && refused.is_due("other", "expired", now));
        assert!(refused.is_due("corp", "expired", now + Duration::from_secs(60)));
    }
}
