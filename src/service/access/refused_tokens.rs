//! Refused tokens of external issuers, for the operator: a counter for each pair of issuer and reason, and at most one log line
//! a minute for each pair.
//!
//! A client learns only that its token is invalid; the operator also needs the reason. The token and the values of its claims
//! are never shown.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::issuer::TokenRefusal;
use parking_lot::Mutex;

/// The shortest time between two log lines for the same issuer and reason.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// When the last line was logged for each issuer and reason. Issuers and reasons are few, so the map is small.
#[derive(Default)]
pub(super) struct RefusedTokens(Mutex<HashMap<(String, &'static str), Instant>>);

impl RefusedTokens {
    /// Counts the refusal of a token of `issuer`. `claim` is the claim that caused the refusal, if it is known.
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
    fn a_refusal_is_logged_once_a_minute_for_each_issuer_and_reason() {
        let (refused, now) = (RefusedTokens::default(), Instant::now());
        assert!(refused.is_due("corp", "expired", now));
        assert!(!refused.is_due("corp", "expired", now + Duration::from_secs(59)));
        assert!(refused.is_due("corp", "unsigned", now) && refused.is_due("other", "expired", now));
        assert!(refused.is_due("corp", "expired", now + Duration::from_secs(60)));
    }
}
