//! Who may try again: the limits, and before every limit on an address, whether the address is banned.
//!
//! Every door that strangers can knock at asks here first. Refusals say under which policy, and when to come back.

use std::{net::IpAddr, time::Duration};

use logic::{bans::Standing, limits::Verdict};
use protocol::id::{DeviceId, SessionId, UserId};
use secrecy::SecretString;

use crate::{Failure, Meta, Services};
use domain::{abuse::throttle::ThrottleKeys, client::address::limit_key, problem::Policy};
use protocol::limit::Limit;

impl Services {
    /// Spends one permit of `key`.
    ///
    /// # Errors
    /// `TooMany` if there is none.
    pub async fn throttle(&self, limit: Limit, key: &str) -> Result<(), Failure> {
        match self.realtime.check(key, limit).await {
            Verdict::Allowed => Ok(()),
            Verdict::Denied { retry_after } => {
                Err(Failure::TooMany { retry_after, policy: Policy::from(limit) })
            }
        }
    }

    /// Lets the request's address in: it is not banned, and one of its permits is spent, under a limit that the settings may
    /// widen.
    ///
    /// # Errors
    /// `TooMany` if it is banned or there is no permit, `Unavailable` if it cannot be told.
    pub async fn throttle_address(&self, limit: Limit, meta: &Meta) -> Result<(), Failure> {
        self.throttle_from(limit, meta.address).await
    }

    /// The same for a door that has nothing but the address yet.
    ///
    /// # Errors
    /// As [`Services::throttle_address`].
    pub async fn throttle_from(&self, limit: Limit, address: IpAddr) -> Result<(), Failure> {
        let key = limit_key(address);
        match self.realtime.standing(&key, self.clock.now_ms()) {
            Standing::Free => self.throttle(self.widened(limit), &key).await,
            Standing::Banned(retry_after) => {
                metrics::counter!("rate_limited_total", "limit" => "ban").increment(1);
                Err(Failure::TooMany { retry_after, policy: Policy::BAN })
            }
            Standing::Unknown => Err(Failure::unavailable()),
        }
    }

    /// Whether the address has a permit left, for a door that charges failures only; none is spent. A ban does not shut it.
    ///
    /// # Errors
    /// `TooMany` if there is none.
    pub(crate) async fn look_address(&self, limit: Limit, meta: &Meta) -> Result<(), Failure> {
        self.look(self.widened(limit), &limit_key(meta.address)).await
    }

    /// Spends one of the address's permits for a failure; without one left the next look refuses.
    pub(crate) async fn charge_address(&self, limit: Limit, meta: &Meta) {
        // It has been answered already: the next one is not.
        let _ = self.throttle(self.widened(limit), &limit_key(meta.address)).await;
    }

    /// Spends one permit for an answer to a second-factor challenge. On a device that the account knows there is a budget
    /// of its own, so that a stranger cannot use up its owner's.
    ///
    /// # Errors
    /// `TooMany` if there is none.
    pub async fn throttle_second_factor(&self, user: UserId, known: Option<DeviceId>) -> Result<(), Failure> {
        self.throttle(self.second_factor_limit(known), &ThrottleKeys::second_factor(user, known)).await
    }

    /// Spends a permit for a code that the caller proves their presence with. Apart from the sign-ins on the same device, or a
    /// stolen session could use those up.
    ///
    /// # Errors
    /// `TooMany` if there is none.
    pub(crate) async fn throttle_presence(&self, session: SessionId) -> Result<(), Failure> {
        self.throttle(self.limits.second_factor_device_account, &format!("session:{session}")).await
    }

    /// Whether there is a permit for such an answer; none is spent.
    ///
    /// # Errors
    /// `TooMany` if there is none.
    pub(crate) async fn look_second_factor(
        &self,
        user: UserId,
        known: Option<DeviceId>,
    ) -> Result<(), Failure> {
        self.look(self.second_factor_limit(known), &ThrottleKeys::second_factor(user, known)).await
    }

    async fn look(&self, limit: Limit, key: &str) -> Result<(), Failure> {
        match self.realtime.look(key, limit).await {
            Verdict::Allowed => Ok(()),
            Verdict::Denied { retry_after } => {
                Err(Failure::TooMany { retry_after, policy: Policy::from(limit) })
            }
        }
    }

    fn second_factor_limit(&self, known: Option<DeviceId>) -> Limit {
        match known {
            Some(_) => self.limits.second_factor_device_account,
            None => self.limits.second_factor_account,
        }
    }

    /// Counts a sign-in with a password that was refused, whatever the reason, since the count must not tell more than the
    /// answer. An address that has tried too many different pairs of account and password is banned; what counts as
    /// different is said in `actors::logic::stuffing`.
    pub(crate) async fn count_wrong_pair(&self, folded_email: &str, password: &SecretString, meta: &Meta) {
        let key = limit_key(meta.address);
        let pair = self.throttle_keys.pair(folded_email, password);
        let limit = self.widened(self.limits.stuffing);
        if !self.realtime.note_wrong_pair(&key, pair, limit).await {
            return;
        }
        if let Err(failure) = self.ban_for_stuffing(key, meta).await {
            tracing::warn!(%failure, address = %meta.address, "an address could not be banned for stuffing");
        }
    }

    /// A limit per address as the settings widen it.
    fn widened(&self, limit: Limit) -> Limit {
        let burst = limit.burst.saturating_mul(self.settings.address_limit_factor.max(1));
        Limit { burst, ..limit }
    }
}

impl Failure {
    /// Too often, by a rule that is no rate: one at a time, or used up.
    pub(crate) fn too_many(retry_after: Duration, name: &'static str, quota: u32) -> Self {
        Self::TooMany { retry_after, policy: Policy { name, quota, window: None } }
    }
}
