//! [`HttpChallenges`]: the answers that prove this server's control of its name to an authority (RFC 8555, 8.3). `acme` opens
//! the challenges, and `resources::acme_challenge` answers them.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

/// The path above the tokens of challenges.
const PREFIX: &str = "/.well-known/acme-challenge/";

/// The answers to open challenges, by token; clones share them.
#[derive(Clone, Debug, Default)]
pub struct HttpChallenges(Arc<RwLock<HashMap<String, String>>>);

impl HttpChallenges {
    /// Sets the answer to the challenge with this token, or ends the challenge.
    pub fn set(&self, token: &str, answer: Option<String>) {
        let mut open = self.0.write();
        match answer {
            Some(answer) => drop(open.insert(token.to_owned(), answer)),
            None => drop(open.remove(token)),
        }
    }

    /// The answer to the challenge with this token. `None` if it is not open.
    pub(super) fn answer(&self, token: &str) -> Option<String> {
        self.0.read().get(token).cloned()
    }

    /// Whether this is the path of an open challenge.
    pub(super) fn has(&self, path: &str) -> bool {
        path.strip_prefix(PREFIX).is_some_and(|token| self.answer(token).is_some())
    }
}
