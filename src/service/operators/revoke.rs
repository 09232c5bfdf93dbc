//! What operators do: see everybody's sessions and revoke them, within what their role may act on.

use protocol::{
    audit::Outcome,
    close::Cause,
    id::{DeviceId, SessionId, UserId},
};
use time::OffsetDateTime;

use crate::{Caller, Failure, Listed, Meta, Revoked, Services};
use domain::account::role::{Role, Scope};
use store::{self, ActingSession, RevocationRequest, Target, User};

/// Which sessions to list.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only this user's.
    pub user: Option<UserId>,
    /// Only this device's.
    pub device: Option<DeviceId>,
    /// Only those that were not revoked and are not past their absolute end.
    pub active_only: bool,
    /// At most so many.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of sessions, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The sessions.
    pub sessions: Vec<Listed>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl Services {
    /// Lists sessions of anybody, for whoever runs the server.
    ///
    /// # Errors
    /// `BadRequest` for a cursor that is none of ours, `Unavailable`.
    pub async fn search_sessions(&self, filter: SessionFilter) -> Result<Page, Failure> {
        let before = filter.cursor.as_deref().map(read_cursor).transpose()?;
        let found = self
            .store
            .search_sessions(store::SessionFilter {
                user: filter.user,
                device: filter.device,
                active_at: filter.active_only.then(|| self.clock.now()),
                before,
                // One more than asked for tells whether there is another page.
                limit: filter.limit.saturating_add(1),
            })
            .await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        let sessions: Vec<_> =
            found.into_iter().take(limit).map(|found| self.listed(found.session)).collect();
        let next = sessions
            .last()
            .filter(|_| more)
            .map(|listed| cursor(listed.session.created_at, listed.session.id));
        Ok(Page { sessions, next })
    }

    /// Revokes as an operator: needs the scope, a recent proof of presence, and a target that the role may act on.
    ///
    /// # Errors
    /// `Forbidden` or `StepUpRequired` if the caller may not, `Invalid` if the caller's session ended meanwhile, `NotFound` if there is no such
    /// target, `Unavailable`.
    pub async fn revoke_as_operator(
        &self,
        caller: &Caller,
        target: Target,
        reason: String,
        meta: &Meta,
    ) -> Result<Revoked, Failure> {
        if !caller.scopes.contains(Scope::Operate) {
            return Err(self.deny(caller, &target, meta, operator_required()).await);
        }
        if target == Target::All && !caller.scopes.contains(Scope::Administer) {
            let refusal = Failure::forbidden("admin_required", "Only admins may revoke everyone's sessions.");
            return Err(self.deny(caller, &target, meta, refusal).await);
        }
        self.require_privilege(caller).await?;
        let within = Role::ALL.into_iter().filter(|role| caller.role.may_act_on(*role)).collect();
        let mut event = self.event("session.revoked", Outcome::Success, meta);
        event.actor = Some(caller.user);
        event.device = None;
        let order = RevocationRequest {
            // A role that was lost meanwhile no longer reaches as far as `within`.
            acting_session: Some(ActingSession { role: caller.role, ..caller.privileged_acting_session() }),
            only_roles: Some(within),
            reason,
            actor: Some(caller.user),
            audit: event.with("by_session", caller.session.to_string()),
            ..RevocationRequest::new(target.clone(), Cause::Revoked, self.clock.now())
        };
        let revoked = match self.revoke(order).await {
            Ok(revoked) => revoked,
            Err(
                refusal @ (Failure::Invalid { .. }
                | Failure::Forbidden { .. }
                | Failure::StepUpRequired { .. }),
            ) => {
                return Err(self.deny(caller, &target, meta, refusal).await);
            }
            Err(failure) => return Err(failure),
        };
        if revoked.id.is_none() {
            self.explain(caller, &target, meta).await?;
        }
        Ok(revoked)
    }

    /// Why nothing was revoked; `Ok` if there was simply nothing left to end.
    async fn explain(&self, caller: &Caller, target: &Target, meta: &Meta) -> Result<(), Failure> {
        let user: Option<User> = match *target {
            Target::Session(session) => self.store.session_with_user(session).await?.map(|found| found.user),
            Target::User(user) => self.store.user_by_id(user).await?,
            Target::Device(device) => {
                let filter = store::SessionFilter {
                    device: Some(device),
                    limit: 1,
                    ..store::SessionFilter::default()
                };
                self.store.search_sessions(filter).await?.pop().map(|found| found.user)
            }
            // Nobody's role protects an outside user, and one without sessions may well exist.
            Target::Subject(_) | Target::All => return Ok(()),
        };
        match user {
            None => Err(Failure::not_found("There is no such session, device or user.")),
            Some(user) if !caller.role.may_act_on(user.role) => {
                Err(self.deny(caller, target, meta, beyond_role()).await)
            }
            Some(_) => Ok(()),
        }
    }

    /// Writes a refusal down; if it cannot be written down, that is the answer.
    async fn deny(&self, caller: &Caller, target: &Target, meta: &Meta, refusal: Failure) -> Failure {
        let mut event = self.event("session.revoked", Outcome::Denied, meta);
        event.actor = Some(caller.user);
        event.device = None;
        match *target {
            Target::Session(session) => event.session = Some(session),
            Target::Device(device) => event.device = Some(device),
            Target::User(user) => event.user = Some(user),
            Target::Subject(_) | Target::All => {}
        }
        match self.record(event.with("scope", target.scope())).await {
            Ok(()) => refusal,
            Err(failure) => failure,
        }
    }
}

pub(crate) fn operator_required() -> Failure {
    Failure::forbidden("operator_required", "Only operators may do this.")
}

fn beyond_role() -> Failure {
    Failure::forbidden("not_permitted", "Your role may not act on this.")
}

pub(crate) fn cursor(created_at: OffsetDateTime, session: SessionId) -> String {
    format!("{}.{session}", created_at.unix_timestamp_nanos() / 1000)
}

pub(crate) fn read_cursor(text: &str) -> Result<(OffsetDateTime, SessionId), Failure> {
    let read = || {
        let (micros, session) = text.split_once('.')?;
        // Sessions begin after 1970; the database knows fewer years than a number can name.
        let nanos = micros.parse::<u64>().ok().map(|micros| i128::from(micros) * 1000)?;
        Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, session.parse().ok()?))
    };
    read().ok_or_else(|| {
        Failure::bad_request("invalid_cursor", "The cursor is not one that a page ended with.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap();
        let session = SessionId::random();
        assert_eq!(read_cursor(&cursor(at, session)).unwrap(), (at, session));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in [
            "",
            ".",
            "1.2",
            "x.00000000-0000-0000-0000-000000000000",
            "99999999999999999999.1",
            "9223372036854775807.00000000-0000-0000-0000-000000000000",
            "-377705116800000000.00000000-0000-0000-0000-000000000000",
            "-1.00000000-0000-0000-0000-000000000000",
        ] {
            assert!(matches!(read_cursor(text), Err(Failure::BadRequest { .. })), "{text}");
        }
    }
}
