//! Temporary bans of client addresses.
//!
//! A ban is a row with an end. The limiter of this node has a copy of all rows, and `Throttle` asks that copy. The copy is
//! loaded before the first request. A job of `upkeep` loads it again every few seconds, to see bans that other nodes and the
//! command line made.

use std::{net::IpAddr, time::Duration};

use actors::Realtime;
use domain::client::address::limit_key;
use protocol::audit::{AuditEvent, Outcome};
use store::{Ban, Store, StoreError};
use time::{OffsetDateTime, macros::datetime};

use super::{
    audit::AuditTrail,
    clock::{Clock, after},
    failure::Failure,
    request_meta::RequestMeta,
};

/// The most bans that are kept in memory and listed. If there are more, those that end last are kept.
const MAX_BANS: u32 = 50_000;
/// How often loading is tried if this node makes a ban during each attempt.
const LOAD_ATTEMPTS: usize = 3;
/// The latest end of a ban: a date that every library and the database can represent.
const LAST_END: OffsetDateTime = datetime!(9999-12-31 00:00 UTC);
/// The longest reason, in bytes.
const REASON_BYTES: usize = 1_000;

/// Bans and lifts bans of addresses. Clones are cheap.
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

    /// Loads the bans into the limiter. Until the first load has succeeded, every limit on an address answers `Unavailable`.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn load(&self) -> Result<(), StoreError> {
        for _ in 0..LOAD_ATTEMPTS {
            let mark = self.realtime.bans_mark();
            let bans = self.store.active_bans(self.clock.now(), MAX_BANS).await?;
            let bans = bans.into_iter().map(|ban| (ban.key, millis_rounded_up(ban.expires_at))).collect();
            if self.realtime.fill_bans(mark, bans) {
                return Ok(());
            }
        }
        // This node makes bans faster than they can be read. The limiter already has the bans of this node.
        Ok(())
    }

    /// Bans an address by order of the server's operator. An IPv6 address stands for its whole /64.
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

    /// Lifts the ban of an address. `false` if the address was not banned.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn lift(&self, address: IpAddr) -> Result<bool, Failure> {
        let key = limit_key(address);
        let event = AuditEvent { address: Some(address), ..self.audit.local_event("address.unbanned") };
        let event = event.with("key", key.as_str());
        let lifted = self.store.lift_ban(key.clone(), self.clock.now(), event).await?;
        self.realtime.lift_ban(&key);
        Ok(lifted)
    }

    /// The active bans. Bans that end last come first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self) -> Result<Vec<Ban>, Failure> {
        Ok(self.store.active_bans(self.clock.now(), MAX_BANS).await?)
    }

    /// Bans the address with this limiter key for credential stuffing.
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
            return Err(Failure::bad_request("invalid_period", "A ban has an end, in the future."));
        }
        // A period that would end after the last possible date is shortened to it: the longest ban is better than no ban.
        let expires_at = after(now, period).min(LAST_END);
        let event = event
            .with("key", key.as_str())
            .with("reason", reason.as_str())
            .with("until", expires_at.unix_timestamp());
        let ban = self.store.ban(Ban { key, reason, created_at: now, expires_at }, event).await?;
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
