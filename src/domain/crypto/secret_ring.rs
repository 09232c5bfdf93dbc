//! A configured secret, its next secret, and the previous ones.
//!
//! The settings give a ring for each secret that keys are derived from, and `portcullis keys` changes rings. Servers accept
//! everything made with any secret of a ring, and make new things only with the current secret. A rotation takes two steps, so
//! that every server accepts the next secret before any server uses it. Time and randomness are arguments.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::key::hex;

/// How long the next secret must be in the settings before it becomes the current secret. Meanwhile every server reads it, and
/// other services fetch the new public key.
pub const NEXT_WAITS: Duration = Duration::from_secs(10 * 60);

/// A secret with a time, as the settings spell it: the secret, or the secret and a time (`<secret>@2030-01-31T12:00:00Z`).
#[derive(Clone, Debug)]
pub struct DatedSecret {
    /// The secret.
    pub secret: SecretString,
    /// For the next secret, the time when it came into the settings. For a previous secret, the end of the time in which things
    /// made with it can be valid. `None` if the settings do not say.
    pub at: Option<OffsetDateTime>,
}

impl DatedSecret {
    /// Reads the spelling of the settings. A text after the last `@` that is no time is part of the secret.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let dated = text
            .rsplit_once('@')
            .and_then(|(secret, at)| Some((secret, OffsetDateTime::parse(at, &Rfc3339).ok()?)));
        match dated {
            Some((secret, at)) => Self { secret: secret.into(), at: Some(at) },
            None => Self { secret: text.into(), at: None },
        }
    }

    /// The spelling of the settings.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let secret = self.secret.expose_secret();
        match self.at.and_then(|at| at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()) {
            Some(at) => format!("{secret}@{at}").into(),
            None => secret.into(),
        }
    }

    /// Whether the time lies before `now`. A secret without a time never ends.
    #[must_use]
    pub fn is_over(&self, now: OffsetDateTime) -> bool {
        self.at.is_some_and(|at| at <= now)
    }
}

impl From<SecretString> for DatedSecret {
    fn from(secret: SecretString) -> Self {
        Self { secret, at: None }
    }
}

/// The public name of a secret, for operators. It reveals no more about the secret than a signature does.
#[must_use]
pub fn secret_name(secret: &SecretString) -> String {
    let digest = Sha256::new().chain_update("portcullis secret name v1").chain_update(secret.expose_secret());
    hex(&digest.finalize()[..8])
}

/// The secrets of one kind.
#[derive(Clone, Debug, Default)]
pub struct SecretRing {
    /// Everything new is made with this secret.
    pub current: SecretString,
    /// Accepted already, so that other servers may begin to use it.
    pub next: Option<DatedSecret>,
    /// Still accepted, the newest first.
    pub previous: Vec<DatedSecret>,
}

/// The step of a rotation that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRotationStep {
    /// There was no next secret; there is one now.
    Prepared,
    /// The next secret is the current one now, and there is a new next secret.
    Promoted,
}

/// Why a rotation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRotationRefusal {
    /// Some servers may not have read the next secret yet.
    #[error("the next secret is too new: some servers may not accept it yet")]
    TooEarly {
        /// From this time on, the rotation is possible.
        from: OffsetDateTime,
    },
}

impl SecretRing {
    /// A ring of one secret.
    #[must_use]
    pub fn of(current: SecretString) -> Self {
        Self { current, next: None, previous: Vec::new() }
    }

    /// Every secret of the ring, the current one first.
    pub fn accepted(&self) -> impl Iterator<Item = &SecretString> {
        let others = self.next.iter().chain(&self.previous);
        std::iter::once(&self.current).chain(others.map(|dated| &dated.secret))
    }

    /// Whether the other ring has the same secrets in the same places. Times do not count.
    #[must_use]
    pub fn has_secrets_of(&self, other: &Self) -> bool {
        let (own, others) = (self.accepted(), other.accepted());
        self.next.is_some() == other.next.is_some()
            && own.map(ExposeSecret::expose_secret).eq(others.map(ExposeSecret::expose_secret))
    }

    /// The ring after the next step of a rotation. `fresh` becomes the next secret. After the last server has stopped using the
    /// current secret, things made with it can be valid for `life`.
    ///
    /// # Errors
    /// The next secret is younger than [`NEXT_WAITS`]. With `at_once`, its age is not checked.
    pub fn rotated(
        &self,
        fresh: SecretString,
        now: OffsetDateTime,
        life: Duration,
        at_once: bool,
    ) -> Result<(Self, KeyRotationStep), KeyRotationRefusal> {
        let next = Some(DatedSecret { secret: fresh, at: Some(now) });
        let Some(promoted) = &self.next else {
            return Ok((Self { next, ..self.clone() }, KeyRotationStep::Prepared));
        };
        let from = promoted.at.map(|since| since + NEXT_WAITS);
        match from {
            Some(from) if from > now && !at_once => return Err(KeyRotationRefusal::TooEarly { from }),
            _ => {}
        }
        let retired = DatedSecret { secret: self.current.clone(), at: Some(now + life) };
        let previous = std::iter::once(retired).chain(self.previous.iter().cloned()).collect();
        Ok((Self { current: promoted.secret.clone(), next, previous }, KeyRotationStep::Promoted))
    }

    /// The ring without the previous secrets that are over.
    #[must_use]
    pub fn pruned(&self, now: OffsetDateTime) -> Self {
        let previous = self.previous.iter().filter(|dated| !dated.is_over(now)).cloned().collect();
        Self { previous, ..self.clone() }
    }

    /// A ring with none of the secrets of this one. All its secrets count as leaked, because they were kept in one place.
    #[must_use]
    pub fn replaced(&self, current: SecretString, next: SecretString, now: OffsetDateTime) -> Self {
        Self { current, next: Some(DatedSecret { secret: next, at: Some(now) }), previous: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-01-31 12:00 UTC);
    const LIFE: Duration = Duration::from_secs(3600);

    fn ring(current: &str) -> SecretRing {
        SecretRing::of(current.into())
    }

    fn shown(ring: &SecretRing) -> Vec<&str> {
        ring.accepted().map(ExposeSecret::expose_secret).collect()
    }

    #[test]
    fn the_first_step_prepares_the_next_secret_and_the_second_uses_it() {
        let (prepared, step) = ring("a").rotated("b".into(), NOW, LIFE, false).unwrap();
        assert_eq!((shown(&prepared), step), (vec!["a", "b"], KeyRotationStep::Prepared));
        let later = NOW + NEXT_WAITS;
        let (promoted, step) = prepared.rotated("c".into(), later, LIFE, false).unwrap();
        assert_eq!((shown(&promoted), step), (vec!["b", "c", "a"], KeyRotationStep::Promoted));
        assert_eq!(promoted.previous[0].at, Some(later + LIFE));
    }

    #[test]
    fn a_next_secret_that_servers_may_not_have_read_is_not_used_unless_the_operator_says_so() {
        let (prepared, _) = ring("a").rotated("b".into(), NOW, LIFE, false).unwrap();
        let refused = prepared.rotated("c".into(), NOW + Duration::from_secs(599), LIFE, false).unwrap_err();
        assert_eq!(refused, KeyRotationRefusal::TooEarly { from: NOW + NEXT_WAITS });
        assert!(prepared.rotated("c".into(), NOW, LIFE, true).is_ok());
    }

    #[test]
    fn a_previous_secret_is_removed_at_its_end_and_one_without_an_end_stays() {
        let mut kept = ring("a");
        kept.previous = vec![DatedSecret::parse("b@2030-01-31T12:00:00Z"), DatedSecret::parse("c")];
        assert_eq!(shown(&kept.pruned(NOW - Duration::from_secs(1))), ["a", "b", "c"]);
        assert_eq!(shown(&kept.pruned(NOW)), ["a", "c"]);
    }

    #[test]
    fn rings_have_the_same_secrets_if_only_their_times_differ() {
        let (next, old) = (|text| Some(DatedSecret::parse(text)), |text| vec![DatedSecret::parse(text)]);
        let kept = SecretRing { next: next("b@2030-01-31T12:00:00Z"), previous: old("c"), ..ring("a") };
        let other_times =
            SecretRing { next: next("b"), previous: old("c@2031-01-31T12:00:00Z"), ..ring("a") };
        assert!(kept.has_secrets_of(&other_times));
        let promoted = SecretRing { next: None, previous: [old("b"), old("c")].concat(), ..ring("a") };
        let other_current = SecretRing { current: "x".into(), ..kept.clone() };
        let without_previous = SecretRing { previous: Vec::new(), ..kept.clone() };
        for other in [promoted, other_current, without_previous] {
            assert!(!kept.has_secrets_of(&other) && !other.has_secrets_of(&kept));
        }
    }

    #[test]
    fn a_replaced_ring_keeps_nothing() {
        let (prepared, _) = ring("a").rotated("b".into(), NOW, LIFE, false).unwrap();
        assert_eq!(shown(&prepared.replaced("x".into(), "y".into(), NOW)), ["x", "y"]);
    }

    #[test]
    fn a_dated_secret_keeps_its_spelling_and_other_text_after_an_at_sign_belongs_to_the_secret() {
        for text in ["plain", "with@sign", "key@2030-01-31T12:00:00Z", "a@b@2030-01-31T12:00:00Z", "a@"] {
            assert_eq!(DatedSecret::parse(text).text().expose_secret(), text);
        }
        assert_eq!(DatedSecret::parse("a@b@2030-01-31T12:00:00Z").secret.expose_secret(), "a@b");
        assert_eq!(DatedSecret::parse("with@sign").at, None);
    }
}
