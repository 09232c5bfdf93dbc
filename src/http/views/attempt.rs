//! The JSON view of an attempt to sign in.

use std::net::IpAddr;

use domain::{
    abuse::attempt::AttemptOutcome, client::user_agent::Described, risk::Assessment, session::SignInMethod,
};
use protocol::id::{DeviceId, SessionId, UserId};
use serde::Serialize;
use service::{Attempt, WaveAccount, WavePage};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{moment::moment, place::PlaceView};

/// An attempt, as the owner of the account sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView {
    id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    method: SignInMethod,
    outcome: AttemptOutcome,
    device_id: Option<DeviceId>,
    session_id: Option<SessionId>,
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    #[serde(flatten)]
    described: Described,
    place: Option<PlaceView>,
    risk: Option<Assessment>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            at: attempt.at,
            method: attempt.method,
            outcome: attempt.outcome,
            device_id: attempt.device,
            session_id: attempt.session,
            address: attempt.address,
            described: Described::of(attempt.user_agent.as_deref()),
            place: PlaceView::of(attempt.place.country.as_deref(), attempt.place.city.as_deref()),
            risk: attempt.risk,
        }
    }
}

/// An attempt, as an operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = OperatorAttempt)]
pub(crate) struct AdminAttemptView {
    user_id: Option<i64>,
    /// The number of the network (autonomous system) of the address.
    network: Option<u32>,
    #[serde(flatten)]
    attempt: AttemptView,
}

impl From<Attempt> for AdminAttemptView {
    fn from(attempt: Attempt) -> Self {
        let (user_id, network) = (attempt.user.map(|user| user.0), attempt.place.network);
        Self { user_id, network, attempt: attempt.into() }
    }
}

/// The accounts with a password that a stuffing wave has found.
#[derive(Serialize, ToSchema)]
#[schema(as = StuffingWave)]
pub(crate) struct WaveView<'w> {
    accounts: Vec<WaveAccountView<'w>>,
    /// The number of failures of the sources.
    failures: u64,
    next_cursor: Option<&'w str>,
    #[schema(value_type = OffsetDateTime)]
    since: Option<String>,
    /// The number of sources.
    sources: u64,
    /// Whether the period has more failures, or more sources, than the search reads.
    truncated: bool,
    #[schema(value_type = OffsetDateTime)]
    until: Option<String>,
}

/// An account for which a source had the right password.
#[derive(Serialize, ToSchema)]
#[schema(as = StuffedAccount)]
struct WaveAccountView<'w> {
    /// The number of attempts with the right password.
    attempts: u64,
    /// Null if the account was deleted.
    email: Option<&'w str>,
    #[schema(value_type = OffsetDateTime)]
    first_at: Option<String>,
    #[schema(value_type = OffsetDateTime)]
    last_at: Option<String>,
    /// The number of sessions of the account that have not ended.
    open_sessions: u64,
    outcomes: &'w [AttemptOutcome],
    source_count: u64,
    /// Some of the sources, as networks.
    sources: &'w [String],
    user: UserId,
}

impl<'w> WaveView<'w> {
    /// The view of this page.
    pub(crate) fn of(page: &'w WavePage) -> Self {
        Self {
            accounts: page.wave.accounts.iter().map(WaveAccountView::of).collect(),
            failures: page.wave.failures,
            next_cursor: page.next.as_deref(),
            since: moment(page.since),
            sources: page.wave.sources,
            truncated: page.wave.truncated,
            until: moment(page.until),
        }
    }
}

impl<'w> WaveAccountView<'w> {
    fn of(account: &'w WaveAccount) -> Self {
        Self {
            attempts: account.attempts,
            email: account.email.as_deref(),
            first_at: moment(account.first_at),
            last_at: moment(account.last_at),
            open_sessions: account.open_sessions,
            outcomes: &account.outcomes,
            source_count: account.source_count,
            sources: &account.sources,
            user: account.user,
        }
    }
}
