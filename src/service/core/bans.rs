//! Temporary bans of client addresses.
//!
//! A ban is a row with the time of its end. Each node has a copy of the active bans in memory, which `Throttle` reads. The copy
//! is filled before the first request. A job of `upkeep` fills it again every few seconds, because other nodes and the command
//! line make bans, too.

use std::{net::IpAddr, time::Duration};

use actors::Realtime;
use domain::client::address::{ban_key, limit_key};
use ipnet::IpNet;
use protocol::audit::{AuditEvent, Outcome};
use store::{ActingSession, Ban, Store, StoreError};
use time::{OffsetDateTime, macros::datetime};

use super::{
    audit::AuditTrail,
    clock::{Clock, after},
    failure::Failure,
    request_meta::RequestMeta,
};

/// The maximum number of bans in the copy in memory, and in the answer of [`Bans::list`]. If more bans are active, those that
/// end last are taken.
const MAX_BANS: u32 = 50_000;
/// The largest number of attempts of one load. Another attempt follows if this node made or lifted a ban during the attempt.
const LOAD_ATTEMPTS: usize = 3;
/// The latest end of a ban: a date that every library and the database can represent.
const LAST_END: OffsetDateTime = datetime!(9999-12-31 00:00 UTC);
/// The longest reason, in bytes.
const REASON_BYTES: usize = 1_000;

/// Bans addresses, and lifts bans. Clones are cheap.
#[derive(Clone)]
pub struct Bans {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
    stuffing_period: Duration,
}

impl Bans {
    /// `stuffing_period` is how long an address is banned for credential stuffing.
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        audit: AuditTrail,
        stuffing_period: Duration,
    ) -> Self {
        Self { store, realtime, clock, audit, stuffing_period }
    }

    /// Copies the active bans from the database into memory. Until this has succeeded once, every check of an address answers
    /// `Unavailable`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, or if bans changed during each attempt and the copy was never filled.
    pub async fn load(&self) -> Result<(), StoreError> {
        for _ in 0..LOAD_ATTEMPTS {
            let mark = self.realtime.bans_mark();
            let bans = self.store.active_bans(self.clock.now(), MAX_BANS).await?;
            let bans = bans.into_iter().map(|ban| (ban.key, millis_rounded_up(ban.expires_at))).collect();
            if self.realtime.fill_bans(mark, bans) {
                return Ok(());
            }
        }
        // This node changes bans faster than they can be read. Its own changes are already in the copy, if the copy has been
        // filled before. The next load tries again.
        if self.realtime.knows_bans() {
            return Ok(());
        }
        Err(StoreError::Unavailable("bans changed during each attempt to read them".to_owned()))
    }

    /// Bans an address on behalf of the server's operator. An IPv6 address stands for its whole /64.
    ///
    /// # Errors
    /// `BadRequest` for an invalid period or reason, `Unavailable`.
    pub async fn ban_address(
        &self,
        address: IpAddr,
        period: Duration,
        reason: String,
    ) -> Result<Ban, Failure> {
        if reason.len() > REASON_BYTES {
            return Err(Failure::bad_request("invalid_reason", "A reason has at most 1,000 bytes."));
        }
        let event = AuditEvent { address: Some(address), ..self.audit.local_event("address.banned") };
        self.ban(limit_key(address), period, reason, event).await
    }

    /// Bans a network on behalf of an operator, until this time. A part of an IPv6 /64 stands for the whole /64. The event has no
    /// details of the ban yet.
    ///
    /// # Errors
    /// The errors of a lapsed acting session, `Unavailable`.
    pub(crate) async fn ban_network(
        &self,
        network: IpNet,
        until: OffsetDateTime,
        reason: String,
        acting_session: ActingSession,
        event: AuditEvent,
    ) -> Result<Ban, StoreError> {
        let now = self.clock.now();
        self.write(ban_key(network), now, until.min(LAST_END), reason, Some(acting_session), event).await
    }

    /// Lifts the ban of a network on behalf of an operator. `false` if the network was not banned.
    ///
    /// # Errors
    /// The errors of a lapsed acting session, `Unavailable`.
    pub(crate) async fn lift_network(
        &self,
        network: IpNet,
        acting_session: ActingSession,
        event: AuditEvent,
    ) -> Result<bool, StoreError> {
        let key = ban_key(network);
        let event = event.with("key", key.as_str());
        let now = self.clock.now();
        let lifted = self.store.lift_ban(key.clone(), Some(acting_session), now, event).await?;
        self.realtime.lift_ban(&key);
        Ok(lifted)
    }

    /// Lifts the ban of an address. `false` if the address was not banned.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn lift(&self, address: IpAddr) -> Result<bool, Failure> {
        let key = limit_key(address);
        let event = AuditEvent { address: Some(address), ..self.audit.local_event("address.unbanned") };
        let event = event.with("key", key.as_str());
        let lifted = self.store.lift_ban(key.clone(), None, self.clock.now(), event).await?;
        self.realtime.lift_ban(&key);
        Ok(lifted)
    }

    /// The active bans, at most `MAX_BANS`. The ban that ends last comes first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self) -> Result<Vec<Ban>, Failure> {
        Ok(self.store.active_bans(self.clock.now(), MAX_BANS).await?)
    }

    /// Bans an address for credential stuffing. `key` is the limiter key of the address.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn ban_for_stuffing(&self, key: String, meta: &RequestMeta) -> Result<Ban, Failure> {
        let event = self.audit.event("address.banned", Outcome::Denied, meta);
        self.ban(key, self.stuffing_period, "credential stuffing".to_owned(), event).await
    }

    async fn ban(
        &self,
        key: String,
        period: Duration,
        reason: String,
        event: AuditEvent,
    ) -> Result<Ban, Failure> {
        let now = self.clock.now();
        if period.is_zero() {
            return Err(Failure::bad_request(
                "invalid_period",
                "The period of a ban must be longer than zero.",
            ));
        }
        // A period beyond the last possible date ends on that date: the longest ban is better than no ban.
        let expires_at = after(now, period).min(LAST_END);
        Ok(self.write(key, now, expires_at, reason, None, event).await?)
    }

    async fn write(
        &self,
        key: String,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
        reason: String,
        acting_session: Option<ActingSession>,
        event: AuditEvent,
    ) -> Result<Ban, StoreError> {
        let event = event
            .with("key", key.as_str())
            .with("reason", reason.as_str())
            .with("until", expires_at.unix_timestamp());
        let ban = Ban { key, reason, created_at: now, expires_at };
        let ban = self.store.ban(ban, acting_session, event).await?;
        self.realtime.ban(&ban.key, millis_rounded_up(ban.expires_at));
        tracing::info!(key = ban.key, reason = ban.reason, "an address was banned");
        Ok(ban)
    }
}

/// Milliseconds since the epoch, rounded up, so that a ban does not end early.
fn millis_rounded_up(at: OffsetDateTime) -> i64 {
    let nanos = at.unix_timestamp_nanos();
    let millis = nanos.div_euclid(1_000_000) + i128::from(nanos.rem_euclid(1_000_000) > 0);
    i64::try_from(millis).unwrap_or(i64::MAX)
}
