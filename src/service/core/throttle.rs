//! Limits on requests: spends permits of the rate limiter. A permit allows one request or attempt.
//! [`Throttle::spend_for_address`] also checks whether the address is banned.
//!
//! The entrances for clients that have not signed in (such as sign-ins, registrations and handshakes) ask here first. A refusal
//! names the limit and says when to retry.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actors::Realtime;
use domain::{
    abuse::throttle::{Limits, ThrottleKeys},
    account::account_key::AccountKey,
    client::address::{is_private, limit_key},
    problem::Policy,
};
use logic::{bans::BanStatus, limits::Verdict, tally::Series};
use protocol::{
    id::{DeviceId, SessionId, UserId},
    limit::Limit,
};
use secrecy::SecretString;

use super::{bans::Bans, clock::Clock, failure::Failure, keys::LiveKeys, request_meta::RequestMeta};

/// Spends permits. Clones are cheap and share the same limits.
#[derive(Clone)]
pub struct Throttle(Arc<Inner>);

struct Inner {
    realtime: Realtime,
    clock: Clock,
    bans: Bans,
    keys: LiveKeys,
}

impl Throttle {
    pub(crate) fn new(realtime: Realtime, clock: Clock, bans: Bans, keys: LiveKeys) -> Self {
        Self(Arc::new(Inner { realtime, clock, bans, keys }))
    }

    /// The limits that apply now.
    #[must_use]
    pub fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.0.realtime.live().load().limits)
    }

    /// The keyed hash of what a sign-in names, as it is stored with the attempt.
    pub(crate) fn hashed_name(&self, name: &str) -> String {
        self.0.keys.live().throttle.account(name)
    }

    /// Spends one permit of `key`.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub async fn spend(&self, limit: Limit, key: &str) -> Result<(), Failure> {
        allowed(self.0.realtime.check(key, limit).await, limit)
    }

    /// Spends one permit for a sign-in to the account with this key. E-mail addresses that differ only in accents share the
    /// permits. A device that the account knows has permits of its own, so that a stranger cannot lock the owner out. The
    /// refusal names the same limit in both cases, so that it does not reveal whether the account knows the device.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub(crate) async fn spend_sign_in(
        &self,
        key: &AccountKey,
        known: Option<DeviceId>,
        address: IpAddr,
    ) -> Result<(), Failure> {
        let keys = self.0.keys.live().throttle.login(address, &key.attempts(), known);
        let limits = self.limits();
        let spent = match keys.device_account {
            Some(key) => self.spend(limits.login_device_account, &key).await,
            None => self.spend(limits.login_account, &keys.account).await,
        };
        spent.map_err(|failure| match failure {
            Failure::TooMany { retry_after, .. } => {
                Failure::TooMany { retry_after, policy: Policy::from(limits.login_account) }
            }
            failure => failure,
        })
    }

    /// Spends one permit for a mail with a link to the account with this key, which need not exist.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub(crate) async fn spend_for_mail(&self, key: &AccountKey) -> Result<(), Failure> {
        self.spend(self.limits().mail_request_account, &self.hashed_name(&key.attempts())).await
    }

    /// Checks that an address is not banned, and spends one permit of the address.
    ///
    /// # Errors
    /// `TooMany` if the address is banned or no permit is left; `Unavailable` if the bans are not loaded.
    pub async fn spend_for_address(&self, limit: Limit, address: IpAddr) -> Result<(), Failure> {
        let key = limit_key(address);
        match self.0.realtime.ban_status(address, self.0.clock.now_ms()) {
            BanStatus::Free => self.spend(self.per_address(limit), &key).await,
            BanStatus::Banned(retry_after) => {
                metrics::counter!("rate_limited_total", "limit" => "ban").increment(1);
                self.0.realtime.tally().count(Series::Limits, "ban", 1);
                Err(Failure::TooMany { retry_after, policy: Policy::BAN })
            }
            BanStatus::Unknown => Err(Failure::unavailable()),
        }
    }

    /// Checks that an address has a permit left and spends none, for entrances that spend permits only for failures. Bans are
    /// not checked.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub(crate) async fn peek_for_address(&self, limit: Limit, address: IpAddr) -> Result<(), Failure> {
        self.peek(self.per_address(limit), &limit_key(address)).await
    }

    /// Spends one permit of an address for a failure. After the last permit, `peek_for_address` refuses.
    pub(crate) async fn charge_address(&self, limit: Limit, address: IpAddr) {
        // This request has failed already, so the result does not matter.
        let _ = self.spend(self.per_address(limit), &limit_key(address)).await;
    }

    /// Spends one permit for an answer to a second-factor challenge. A device that the account knows has its own permits, so
    /// that a stranger cannot use up the owner's permits.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub(crate) async fn spend_second_factor(
        &self,
        user: UserId,
        known: Option<DeviceId>,
    ) -> Result<(), Failure> {
        self.spend(self.second_factor_limit(known), &ThrottleKeys::second_factor(user, known)).await
    }

    /// Checks that a permit for an answer to a second-factor challenge is left, and spends none.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub(crate) async fn peek_second_factor(
        &self,
        user: UserId,
        known: Option<DeviceId>,
    ) -> Result<(), Failure> {
        self.peek(self.second_factor_limit(known), &ThrottleKeys::second_factor(user, known)).await
    }

    /// Spends one permit for a code of a step-up, or for a code that confirms a new authenticator app. These permits are
    /// separate from those of sign-ins on the same device: otherwise a stolen session could use up the permits of the owner's
    /// sign-ins.
    ///
    /// # Errors
    /// `TooMany` if no permit is left.
    pub(crate) async fn spend_step_up_code(&self, session: SessionId) -> Result<(), Failure> {
        self.spend(self.limits().second_factor_device_account, &format!("session:{session}")).await
    }

    /// Counts a wrong pair of account and password. A refused sign-in is counted for every reason. If some reasons were not
    /// counted, a client could tell the reasons apart. An address that has tried too many different pairs is banned;
    /// `domain::abuse::stuffing` decides which pairs are different. A private address is not banned, because it may be a proxy
    /// that all users share.
    pub(crate) async fn count_wrong_pair(
        &self,
        key: &AccountKey,
        password: &SecretString,
        meta: &RequestMeta,
    ) {
        let address = limit_key(meta.address);
        let pair = self.0.keys.live().throttle.pair(key.as_str(), password);
        let limit = self.per_address(self.limits().stuffing);
        if !self.0.realtime.note_wrong_pair(&address, pair, limit).await {
            return;
        }
        if is_private(meta.address) {
            tracing::warn!(address = %meta.address, "credential stuffing from a private address, which is not banned");
            return;
        }
        if let Err(failure) = self.0.bans.ban_for_stuffing(address, meta).await {
            tracing::warn!(%failure, address = %meta.address, "could not ban an address for credential stuffing");
        }
    }

    async fn peek(&self, limit: Limit, key: &str) -> Result<(), Failure> {
        allowed(self.0.realtime.look(key, limit).await, limit)
    }

    fn second_factor_limit(&self, known: Option<DeviceId>) -> Limit {
        let limits = self.limits();
        match known {
            Some(_) => limits.second_factor_device_account,
            None => limits.second_factor_account,
        }
    }

    /// A limit per address, with its burst multiplied by the configured factor.
    fn per_address(&self, limit: Limit) -> Limit {
        let factor = self.0.realtime.live().load().address_limit_factor;
        let burst = limit.burst.saturating_mul(factor.max(1));
        Limit { burst, ..limit }
    }
}

fn allowed(verdict: Verdict, limit: Limit) -> Result<(), Failure> {
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Denied { retry_after } => Err(Failure::TooMany { retry_after, policy: Policy::from(limit) }),
    }
}

impl Failure {
    /// The failure for a limit that is not a rate: one at a time, or a fixed number.
    pub(crate) fn too_many(retry_after: Duration, name: &'static str, quota: u32) -> Self {
        Self::TooMany { retry_after, policy: Policy { name, quota, window: None } }
    }
}
