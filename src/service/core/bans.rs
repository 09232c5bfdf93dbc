//! Bans: whom no door lets in for a while.
//!
//! A ban is a row with an end; this node's copy, which `crate::core::throttle` asks, is filled before the first request and read
//! anew every few seconds, so that the bans of other nodes and of the command line arrive.

use std::{net::IpAddr, sync::Weak, time::Duration};

use protocol::audit::{AuditEvent, Outcome};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::{Failure, Meta, Parts, Services};
use domain::client::address::limit_key;
use store::{Ban, StoreError};

/// How long a ban made elsewhere takes to arrive here.
const EVERY: Duration = Duration::from_secs(3);
/// The most bans that are kept in memory and listed; of more, those that end last.
const MOST: u32 = 50_000;
/// How often a reading is repeated that a ban of this node overtook.
const TRIES: usize = 3;
/// The longest reason, in bytes.
const REASON_BYTES: usize = 1_000;

/// Reads the bans again and again until told to stop, or until the services are gone. While the database is away, those that
/// are known go on.
pub(crate) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(services) = parts.upgrade().map(Services) else {
            return;
        };
        if let Err(error) = services.load_bans().await {
            tracing::debug!(%error, "the bans could not be read");
        }
    }
}

impl Services {
    /// Reads the bans. Until this has been done once, nobody is let in.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn load_bans(&self) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let mark = self.realtime.bans_mark();
            let bans = self.store.active_bans(self.clock.now(), MOST).await?;
            let bans = bans.into_iter().map(|ban| (ban.key, millis(ban.expires_at))).collect();
            if self.realtime.fill_bans(mark, bans) {
                return Ok(());
            }
        }
        // Bans come in faster than they can be read; all of them are this node's own, so it knows them.
        Ok(())
    }

    /// Bans an address by order of whoever runs the server, and its whole /64 if it is IPv6.
    ///
    /// # Errors
    /// `BadRequest` for an end or a reason that cannot be, `Unavailable`.
    pub async fn ban_address(
        &self,
        address: IpAddr,
        period: Duration,
        reason: String,
    ) -> Result<Ban, Failure> {
        if reason.len() > REASON_BYTES {
            return Err(Failure::bad_request("invalid_reason", "A reason has at most 1,000 bytes."));
        }
        let event = AuditEvent::new("address.banned", Outcome::Success, self.clock.now_ms());
        let event = AuditEvent { address: Some(address), ..event };
        self.ban(limit_key(address), period, reason, event).await
    }

    /// Lifts the ban of an address. `false` if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn lift_ban(&self, address: IpAddr) -> Result<bool, Failure> {
        let key = limit_key(address);
        let event = AuditEvent::new("address.unbanned", Outcome::Success, self.clock.now_ms());
        let event = AuditEvent { address: Some(address), ..event }.with("key", key.as_str());
        let lifted = self.store.lift_ban(key.clone(), self.clock.now(), event).await?;
        self.realtime.lift_ban(&key);
        Ok(lifted)
    }

    /// The bans that hold now, the longest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn bans(&self) -> Result<Vec<Ban>, Failure> {
        Ok(self.store.active_bans(self.clock.now(), MOST).await?)
    }

    pub(crate) async fn ban_for_stuffing(&self, key: String, meta: &Meta) -> Result<Ban, Failure> {
        let event = self.event("address.banned", Outcome::Denied, meta);
        self.ban(key, self.settings.ban, "credential stuffing".to_owned(), event).await
    }

    async fn ban(
        &self,
        key: String,
        period: Duration,
        reason: String,
        event: AuditEvent,
    ) -> Result<Ban, Failure> {
        let now = self.clock.now();
        let expires_at = time::Duration::try_from(period)
            .ok()
            .filter(|period| *period > time::Duration::ZERO)
            .and_then(|period| now.checked_add(period));
        let Some(expires_at) = expires_at else {
            return Err(Failure::bad_request("invalid_period", "A ban has an end, in the future."));
        };
        let event = event
            .with("key", key.as_str())
            .with("reason", reason.as_str())
            .with("until", expires_at.unix_timestamp());
        let ban = self.store.ban(Ban { key, reason, created_at: now, expires_at }, event).await?;
        self.realtime.ban(&ban.key, millis(ban.expires_at));
        tracing::info!(key = ban.key, reason = ban.reason, "an address was banned");
        Ok(ban)
    }
}

/// In milliseconds since the epoch, rounded up: a ban is not over before its end.
fn millis(at: OffsetDateTime) -> i64 {
    let nanos = at.unix_timestamp_nanos();
    let millis = nanos.div_euclid(1_000_000) + i128::from(nanos.rem_euclid(1_000_000) > 0);
    i64::try_from(millis).unwrap_or(i64::MAX)
}
