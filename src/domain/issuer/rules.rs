//! What the settings require of the tokens of one issuer.

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
    /// The permitted uses of the issuer's tokens.
    pub uses: Vec<Use>,
    /// The prefix that this server adds to the names of the issuer's users, so that no such name equals the name of a user of
    /// this server.
    pub user_prefix: String,
    /// Prefixes of other issuers. A token of this issuer is refused if its user would have a name with one of these prefixes.
    pub foreign_prefixes: Vec<String>,
}

impl Rules {
    /// Whether this issuer can have signed the token, judged by the token's algorithm and `iss` and by the desired use. The
    /// signature is not checked here.
    #[must_use]
    pub fn may_have_signed(&self, token: &Unverified<'_>, wanted: Use) -> bool {
        self.uses.contains(&wanted)
            && self.algorithms.contains(&token.algorithm())
            && self.issuer.as_deref().is_none_or(|issuer| token.issuer() == Some(issuer))
    }
}
