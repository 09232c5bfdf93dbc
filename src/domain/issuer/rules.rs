//! What the settings require of the tokens of one issuer.

use std::sync::Arc;

use super::{
    token::Unverified,
    types::{Algorithm, Use},
};

/// What is asked of one issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The issuer's name in the settings.
    pub name: Arc<str>,
    /// With what its tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// What `iss` must be, if anything.
    pub issuer: Option<String>,
    /// What `aud` must name, if anything.
    pub audience: Option<String>,
    /// What its tokens are for.
    pub uses: Vec<Use>,
    /// What stands before its users' names here, so that none of them is one of ours.
    pub user_prefix: String,
}

impl Rules {
    /// Whether it is worth asking if this issuer signed the token.
    #[must_use]
    pub fn may_have_signed(&self, token: &Unverified<'_>, wanted: Use) -> bool {
        self.uses.contains(&wanted)
            && self.algorithms.contains(&token.algorithm())
            && self.issuer.as_deref().is_none_or(|issuer| token.issuer() == Some(issuer))
    }
}
