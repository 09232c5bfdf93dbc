//! Changes of a user's credentials. The session that makes a change stays and gets new tokens; the user's other sessions end.
//!
//! The store renews the tokens in the transaction of the change. Only the answer to the request that makes the change contains
//! the new tokens. Earlier tokens carry no privilege.

use store::{RevocationRequest, Session, Store};

use crate::{
    access::issue_tokens::{SessionTokens, TokenIssuer},
    core::{caller::Caller, failure::Failure},
    revocation::revoke::{RevocationResult, Revoker},
};

/// A finished change of credentials, and the new tokens of the session that made the change.
#[derive(Clone, Debug)]
pub struct CredentialChange<T> {
    /// What the change did.
    pub outcome: T,
    /// The new tokens. They replace the tokens from before the change.
    pub tokens: SessionTokens,
}

/// Makes changes of credentials, and issues the new tokens of the caller's session. Clones are cheap.
#[derive(Clone)]
pub(crate) struct CredentialChanges {
    store: Store,
    tokens: TokenIssuer,
    revoker: Revoker,
}

impl CredentialChanges {
    pub(crate) fn new(store: Store, tokens: TokenIssuer, revoker: Revoker) -> Self {
        Self { store, tokens, revoker }
    }

    /// Carries out `order`, the caller's revocation request, which changes credentials and does not end the caller's session.
    ///
    /// # Errors
    /// The errors of the revoker. `Conflict` also if the change was made, but another request has renewed the tokens again.
    /// Then only the answer to that request contains the tokens.
    pub(crate) async fn make(
        &self,
        caller: &Caller,
        order: RevocationRequest,
    ) -> Result<CredentialChange<RevocationResult>, Failure> {
        // The user is read before the change. If this read failed after the commit, the new tokens would be lost, because only
        // this answer contains them.
        let user = self.store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)?;
        let (outcome, renewed) = self.revoker.revoke_and_renew(order).await?;
        let session = match renewed {
            Some(session) => *session,
            None => self.read_again(caller).await?,
        };
        Ok(CredentialChange { outcome, tokens: self.tokens.session_tokens(user, session) })
    }

    /// Reads the session after a change if the answer of the database to this change was lost. The change has raised the
    /// privilege epoch by one. If the session has any other epoch, another request has renewed the tokens since then.
    async fn read_again(&self, caller: &Caller) -> Result<Session, Failure> {
        let live = self.store.session_with_user(caller.session).await?;
        let live = live.filter(|live| live.session.revoked.is_none()).ok_or_else(Failure::session_ended)?;
        if live.session.privilege_epoch != caller.privilege_epoch + 1 {
            return Err(Failure::conflict(
                "tokens_renewed",
                "The change was made. Another request has renewed the tokens since; use the tokens in its answer.",
            ));
        }
        Ok(live.session)
    }
}

impl<T> CredentialChange<T> {
    /// The same change with another outcome.
    pub(crate) fn with<U>(self, outcome: U) -> CredentialChange<U> {
        CredentialChange { outcome, tokens: self.tokens }
    }
}
