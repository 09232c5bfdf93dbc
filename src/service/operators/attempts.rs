//! Attempts to sign in to all accounts: the search for attempts, and the search for accounts with a password that a stuffing wave
//! has found.

use domain::abuse::attempt::AttemptOutcome;
use ipnet::IpNet;
use protocol::{audit::AuditEvent, id::UserId};
use store::{Attempt, AttemptFilter, Store, Wave, WaveSearch};
use time::{Duration, OffsetDateTime};

use super::{
    authority::{Authority, Right},
    read_filters::with_filters,
    slow_queries::SlowQueries,
};
use crate::core::{
    caller::Caller,
    clock::Clock,
    cursor::{cursor_after, read_cursor, read_id},
    failure::Failure,
    page::{Page, PageRequest},
    request_meta::RequestMeta,
};

/// The period of a search for a wave, if the request has no period.
const DEFAULT_PERIOD: Duration = Duration::days(1);
/// The longest period of a search for a wave.
const LONGEST_PERIOD: Duration = Duration::days(7);

/// Which attempts to list.
#[derive(Clone, Debug, Default)]
pub struct AttemptQuery {
    /// Only attempts with this outcome.
    pub outcome: Option<AttemptOutcome>,
    /// Only attempts on this account.
    pub user: Option<UserId>,
    /// Only attempts from an address in this network.
    pub network: Option<IpNet>,
    /// Only attempts from this country: two letters.
    pub country: Option<String>,
    /// Only attempts at this time or later.
    pub since: Option<OffsetDateTime>,
    /// Only attempts before this time.
    pub until: Option<OffsetDateTime>,
    /// The page.
    pub page: PageRequest,
}

impl AttemptQuery {
    /// The event with the account that the caller looked for, and the names of the other filters.
    fn described(&self, mut event: AuditEvent) -> AuditEvent {
        event.user = self.user;
        let filters = [
            (self.outcome.is_some(), "outcome"),
            (self.network.is_some(), "network"),
            (self.country.is_some(), "country"),
            (self.since.is_some(), "since"),
            (self.until.is_some(), "until"),
        ];
        with_filters(event, &filters)
    }
}

/// What counts as a stuffing wave.
#[derive(Clone, Debug)]
pub struct WaveQuery {
    /// The beginning of the period; a day before its end if it is not given.
    pub since: Option<OffsetDateTime>,
    /// The end of the period; now if it is not given.
    pub until: Option<OffsetDateTime>,
    /// The lengths of the prefixes that group addresses to sources, for IPv4 and IPv6.
    pub prefixes: (u8, u8),
    /// The smallest number of failures of a source.
    pub min_failures: u32,
    /// The smallest number of different names in the failures of a source.
    pub min_names: u32,
    /// The smallest share of failed names, in percent: 1 to 100. The whole is the failed names, and the accounts with a right
    /// password.
    pub min_failed_percent: u8,
    /// The page of accounts.
    pub page: PageRequest,
}

/// A page of the accounts with a password that a stuffing wave has found.
#[derive(Clone, Debug)]
pub struct WavePage {
    /// The beginning of the period.
    pub since: OffsetDateTime,
    /// The end of the period.
    pub until: OffsetDateTime,
    /// The wave, with the accounts of this page.
    pub wave: Wave,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Searches attempts to sign in.
pub struct OperatorAttempts {
    store: Store,
    clock: Clock,
    authority: Authority,
    slow: SlowQueries,
}

impl OperatorAttempts {
    pub(crate) fn new(store: Store, clock: Clock, authority: Authority, slow: SlowQueries) -> Self {
        Self { store, clock, authority, slow }
    }

    /// A page of attempts, newest first.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor; `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        query: AttemptQuery,
        meta: &RequestMeta,
    ) -> Result<Page<Attempt>, Failure> {
        let event = query.described(self.authority.event(caller, "attempts.searched", meta));
        self.authority.read(caller, Right::Read, event).await?;
        let AttemptQuery { outcome, user, network, country, since, until, page } = query;
        let (before, limit) = (page.after(read_cursor)?, page.one_more());
        let filter = AttemptFilter { outcome, user, network, country, since, until, before, limit };
        let store = self.store.clone();
        let attempts = self.slow.run(async move { store.search_attempts(filter).await }).await?;
        Ok(page.page(attempts, |last| cursor_after(last.at, last.id)))
    }

    /// A page of the accounts with a password that a stuffing wave has found, in the order of their ids.
    ///
    /// # Errors
    /// The errors of `Authority::read`; `BadRequest` for an invalid cursor or period; `Unavailable`.
    pub async fn stuffing(
        &self,
        caller: &Caller,
        query: WaveQuery,
        meta: &RequestMeta,
    ) -> Result<WavePage, Failure> {
        let event = self.authority.event(caller, "stuffing.searched", meta);
        self.authority.read(caller, Right::Read, event).await?;
        let (since, until) = self.period(&query)?;
        let search = WaveSearch {
            since,
            until,
            prefixes: query.prefixes,
            failures: query.min_failures,
            names: query.min_names,
            failed_percent: query.min_failed_percent,
            after: query.page.after(read_id)?,
            limit: query.page.one_more(),
        };
        let store = self.store.clone();
        let mut wave = self.slow.run(async move { store.stuffing_wave(search).await }).await?;
        let Page { entries, next } = query.page.page(wave.accounts, |last| last.user.to_string());
        wave.accounts = entries;
        Ok(WavePage { since, until, wave, next })
    }

    fn period(&self, query: &WaveQuery) -> Result<(OffsetDateTime, OffsetDateTime), Failure> {
        let until = query.until.unwrap_or_else(|| self.clock.now());
        let since = query.since.or_else(|| until.checked_sub(DEFAULT_PERIOD));
        match since {
            Some(since) if since < until && until - since <= LONGEST_PERIOD => Ok((since, until)),
            _ => {
                let detail = "The period must not be empty, and not longer than 7 days.";
                Err(Failure::bad_request("invalid_period", detail))
            }
        }
    }
}
