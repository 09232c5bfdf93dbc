//! [`OpenChallenge`]: the answer to a challenge, while the authority validates the name.

use std::sync::Arc;

use instant_acme::{ChallengeType, KeyAuthorization};

use super::error::AcmeError;
use crate::{config::AcmeChallenge, tls::ServerCertificate};

/// Sets the answer of plain HTTP to the challenge with this token, or ends the challenge.
pub type HttpAnswers = Arc<dyn Fn(&str, Option<String>) + Send + Sync>;

/// Where challenges are answered.
pub(super) struct Answers {
    pub(super) kind: AcmeChallenge,
    pub(super) tls: Arc<ServerCertificate>,
    pub(super) http: HttpAnswers,
}

/// A challenge that is answered until this value is dropped.
pub(super) struct OpenChallenge<'a> {
    answers: &'a Answers,
    token: String,
}

impl Answers {
    pub(super) fn challenge_type(&self) -> ChallengeType {
        match self.kind {
            AcmeChallenge::TlsAlpn => ChallengeType::TlsAlpn01,
            AcmeChallenge::Http => ChallengeType::Http01,
        }
    }

    /// Answers the challenge from now on.
    pub(super) fn open(
        &self,
        name: &str,
        token: &str,
        key: &KeyAuthorization,
    ) -> Result<OpenChallenge<'_>, AcmeError> {
        match self.kind {
            AcmeChallenge::TlsAlpn => {
                let mut digest = [0; 32];
                digest.copy_from_slice(key.digest().as_ref());
                self.tls.open_challenge(name, &digest)?;
            }
            AcmeChallenge::Http => (self.http)(token, Some(key.as_str().to_owned())),
        }
        Ok(OpenChallenge { answers: self, token: token.to_owned() })
    }
}

impl Drop for OpenChallenge<'_> {
    fn drop(&mut self) {
        match self.answers.kind {
            AcmeChallenge::TlsAlpn => self.answers.tls.close_challenge(),
            AcmeChallenge::Http => (self.answers.http)(&self.token, None),
        }
    }
}
