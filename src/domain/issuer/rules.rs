//! The requirements of the settings for the tokens of one issuer.

use std::sync::Arc;

use super::{
    token::Unverified,
    types::{Algorithm, Use},
};

/// The rules for the tokens of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The issuer's name in the settings.
    pub name: Arc<str>,
    /// The permitted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// The required `iss`, if any.
    pub issuer: Option<String>,
    /// An audience that `aud` must contain, if any.
    pub audience: Option<String>,
    /// The permitted uses of its tokens.
    pub uses: Vec<Use>,
    /// The prefix of the issuer's users in this server, so that they differ from the users of this server.
    pub user_prefix: String,
}

impl Rules {
    /// Whether the use, the algorithm and the `iss` of the token permit this issuer to have signed it.
    #[must_use]
    pub fn may_have_signed(&self, token: &Unverified<'_>, wanted: Use) -> bool {
        self.uses.contains(&wanted)
            && self.algorithms.contains(&token.algorithm())
            && self.issuer.as_deref().is_none_or(|issuer| token.issuer() == Some(issuer))
    }
}
