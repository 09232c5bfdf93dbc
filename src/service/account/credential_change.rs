//! Changes of a user's credentials, made by one of their sessions: the others end, and the tokens of that one are renewed.
//!
//! The store renews them in the transaction of the change. Only the answer to that request carries them; tokens from before
//! have lost their privilege.

use store::{RevocationRequest, Session, Store};

use crate::{
    access::issue_tokens::{SessionTokens, TokenIssuer},
    core::{caller::Caller, failure::Failure},
    revocation::revoke::{RevocationResult, Revoker},
};

/// A change of credentials that was made, and the new tokens of the session that made it.
#[derive(Clone, Debug)]
pub struct CredentialChange<T> {
    /// What the change did.
    pub outcome: T,
    /// The tokens that replace those from before the change.
    pub tokens: SessionTokens,
}

/// Makes changes of credentials, and issues the tokens of the session that asks. Clones are cheap.
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

    /// Carries out the caller's order, which changes credentials and keeps the caller's session.
    ///
    /// # Errors
    /// Those of the revoker. `Conflict` if the change was made and the tokens were renewed again since: then only the later
    /// answer carries them.
    pub(crate) async fn make(
        &self,
        caller: &Caller,
        order: RevocationRequest,
    ) -> Result<CredentialChange<RevocationResult>, Failure> {
        // Read before the change: once it is committed, the answer must reach the client, which has no other way to the tokens.
        let user = self.store.user_by_id(caller.user).await?.ok_or_else(Failure::session_ended)?;
        let (outcome, renewed) = self.revoker.revoke_and_renew(order).await?;
        let session = match renewed {
            Some(session) => *session,
            None => self.read_again(caller).await?,
        };
        Ok(CredentialChange { outcome, tokens: self.tokens.session_tokens(user, session) })
    }

    /// The session after a change of which the database's answer was lost. The change has raised the privilege epoch by one.
    async fn read_again(&self, caller: &Caller) -> Result<Session, Failure> {
        let live = self.store.session_with_user(caller.session).await?;
        let live = live.filter(|live| live.session.revoked.is_none()).ok_or_else(Failure::session_ended)?;
        if live.session.privilege_epoch != caller.privilege_epoch + 1 {
            return Err(Failure::conflict(
                "tokens_renewed",
                "The change was made. Another request has renewed the tokens since; use those of its answer.",
            ));
        }
        Ok(live.session)
    }
}

impl<T> CredentialChange<T> {
    /// The same change with another description of what it did.
    pub(crate) fn with<U>(self, outcome: U) -> CredentialChange<U> {
        CredentialChange { outcome, tokens: self.tokens }
    }
}
