//! Limits: how often what may be tried, and under which keys attempts are counted.
//!
//! The table is here, the counting is the rate limiter's, the asking is the services'. A key never holds an e-mail address
//! in the clear, so neither the limiter nor a log does.

use std::{net::IpAddr, time::Duration};

use portcullis_actors::id::DeviceId;
pub use portcullis_actors::logic::limits::Limit;
use secrecy::SecretString;

use super::{
    address::limit_key,
    key::{Key, hex},
};

const LABEL: &str = "portcullis throttle key v1";
const MINUTE: u64 = 60;

const fn limit(name: &'static str, burst: u32, seconds: u64) -> Limit {
    Limit { name, burst, period: Duration::from_secs(seconds) }
}

/// Sign-ins from one address.
pub const LOGIN_PER_ADDRESS: Limit = limit("login_address", 30, MINUTE);
/// Sign-ins to one account from devices that it does not know.
pub const LOGIN_PER_ACCOUNT: Limit = limit("login_account", 10, 5 * MINUTE);
/// Sign-ins to one account from one known device: a stranger's attempts do not lock the owner out.
pub const LOGIN_PER_DEVICE_ACCOUNT: Limit = limit("login_device_account", 10, 5 * MINUTE);
/// Registrations from one address.
pub const REGISTER_PER_ADDRESS: Limit = limit("register_address", 20, 10 * MINUTE);
/// Refreshes of one session.
pub const REFRESH_PER_SESSION: Limit = limit("refresh_session", 30, MINUTE);
/// Refreshes from one address.
pub const REFRESH_PER_ADDRESS: Limit = limit("refresh_address", 300, MINUTE);
/// WebSocket handshakes from one address, unless the settings say otherwise.
pub const HANDSHAKE_PER_ADDRESS: Limit = limit("handshake_address", 100, 10);
/// CSRF tokens for one address.
pub const CSRF_PER_ADDRESS: Limit = limit("csrf_address", 120, MINUTE);
/// Step-ups of one session.
pub const STEP_UP_PER_SESSION: Limit = limit("step_up_session", 10, 5 * MINUTE);
/// Password changes of one session, tried or done.
pub const PASSWORD_PER_SESSION: Limit = limit("password_session", 10, 5 * MINUTE);

/// The keys that one sign-in attempt counts under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginKeys {
    /// For [`LOGIN_PER_ADDRESS`].
    pub address: String,
    /// For [`LOGIN_PER_ACCOUNT`]; counts only when there is no `device_account`.
    pub account: String,
    /// For [`LOGIN_PER_DEVICE_ACCOUNT`], when the request brought a genuine device cookie.
    pub device_account: Option<String>,
}

/// Makes the keys under which attempts are counted.
pub struct ThrottleKeys(Key);

impl ThrottleKeys {
    /// The key of the configured secret.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        Self(Key::derive(secret, LABEL))
    }

    /// The keys of a sign-in from `address` to the account `folded_email` (known or not) on `device`.
    #[must_use]
    pub fn login(&self, address: IpAddr, folded_email: &str, device: Option<DeviceId>) -> LoginKeys {
        let account = self.account(folded_email);
        LoginKeys {
            address: limit_key(address),
            device_account: device.map(|device| format!("{device}:{account}")),
            account,
        }
    }

    /// A keyed hash that stands for an account name, 32 hexadecimal digits; also for attempts on names that do not exist.
    #[must_use]
    pub fn account(&self, folded_email: &str) -> String {
        hex(&self.0.mac(&[folded_email.as_bytes()])[..16])
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn keys() -> ThrottleKeys {
        ThrottleKeys::new(&SecretString::from("throttle secret"))
    }

    fn address() -> IpAddr {
        IpAddr::from([203, 0, 113, 9])
    }

    #[test]
    fn no_key_holds_the_address_of_a_person() {
        let made = keys().login(address(), "ada@example.com", Some(DeviceId(Uuid::from_u128(1))));
        assert!(!format!("{made:?}").contains("ada"));
        assert_eq!(made.account.len(), 32);
    }

    #[test]
    fn two_devices_count_apart_and_share_the_account() {
        let one = keys().login(address(), "ada@example.com", Some(DeviceId(Uuid::from_u128(1))));
        let two = keys().login(address(), "ada@example.com", Some(DeviceId(Uuid::from_u128(2))));
        assert_eq!(one.account, two.account);
        assert_ne!(one.device_account, two.device_account);
        assert_eq!(keys().login(address(), "ada@example.com", None).device_account, None);
    }

    #[test]
    fn one_device_counts_apart_for_each_account() {
        let device = Some(DeviceId(Uuid::from_u128(1)));
        let ada = keys().login(address(), "ada@example.com", device);
        let bob = keys().login(address(), "bob@example.com", device);
        assert_ne!(ada.device_account, bob.device_account);
    }

    #[test]
    fn every_limit_has_its_own_name_and_permits_something() {
        let all = [
            LOGIN_PER_ADDRESS,
            LOGIN_PER_ACCOUNT,
            LOGIN_PER_DEVICE_ACCOUNT,
            REGISTER_PER_ADDRESS,
            REFRESH_PER_SESSION,
            REFRESH_PER_ADDRESS,
            HANDSHAKE_PER_ADDRESS,
            CSRF_PER_ADDRESS,
            STEP_UP_PER_SESSION,
        ];
        let names: std::collections::HashSet<_> = all.iter().map(|limit| limit.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|limit| limit.burst > 0 && !limit.period.is_zero()));
    }
}
