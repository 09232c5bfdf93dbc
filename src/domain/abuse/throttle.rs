//! Rate limits: how often each action may be tried, and the keys under which attempts are counted.
//!
//! This file has the table of limits. Services ask the rate limiter, and it counts the attempts. Keys do not contain
//! e-mail addresses in clear text. So the limiter and the logs contain none, either.

use std::{net::IpAddr, str::FromStr, time::Duration};

pub use crate::abuse::stuffing::Pair;
use protocol::id::{DeviceId, UserId};
pub use protocol::limit::Limit;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    account::password::composed,
    client::address::limit_key,
    crypto::{
        key::{Key, hex},
        lasting_keys::{LastingKeys, LastingPurpose},
    },
};

/// Builds [`Limits`] from rows of name, default and purpose. The name is used for the field, the policy in responses,
/// the metric and, in capitals after `LIMIT_`, the setting.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $burst:literal / $seconds:expr;)+) => {
        /// All rate limits: `burst` at once, and in the long run `burst` per `period`.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: Limit,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: Limit {
                    name: stringify!($name),
                    burst: $burst,
                    period: Duration::from_secs($seconds),
                },)+ }
            }
        }

        impl Limits {
            /// Name and meaning of every limit, in the order of the table.
            pub const DESCRIPTIONS: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+)),)+];

            /// Every limit, in the order of the table.
            pub fn each_mut(&mut self) -> impl Iterator<Item = &mut Limit> {
                [$(&mut self.$name,)+].into_iter()
            }
        }
    };
}

limits! {
    /// Sign-ins with a password from one address.
    login_address = 30 / 60;
    /// Sign-ins with a password to one account from devices that the account does not know.
    login_account = 10 / 300;
    /// Sign-ins with a password to one account from one device that the account knows. They are counted separately, so that
    /// attempts from elsewhere do not lock the owner out.
    login_device_account = 10 / 300;
    /// Distinct pairs of account and password from one address that were refused. At this number, the attempts count as
    /// credential stuffing, and the address is banned, unless it is a private address.
    stuffing = 15 / 600;
    /// Answers to second-factor challenges of one account from devices that the account does not know.
    second_factor_account = 10 / 300;
    /// Answers to second-factor challenges of one account from one device that the account knows. The codes that one session
    /// sends for step-ups and for the setup of an authenticator app have the same limit and a count of their own.
    second_factor_device_account = 10 / 300;
    /// Requests from one address that begin a passkey ceremony, or that complete a sign-in with a second factor or a passkey.
    ceremony_address = 60 / 60;
    /// Registrations from one address.
    register_address = 20 / 600;
    /// Requests from one address for mails with a link: forgotten passwords, and confirmations of addresses.
    mail_request_address = 20 / 600;
    /// Mails with a link to one account that clients without a session ask for. The account need not exist.
    mail_request_account = 5 / 3_600;
    /// Uses of links of mails from one address, whether they succeed or fail.
    mail_link_address = 30 / 60;
    /// Passwords from one address whose strength is asked for while they are typed.
    strength_address = 120 / 60;
    /// Refreshes of one session.
    refresh_session = 30 / 60;
    /// Refreshes from one address.
    refresh_address = 300 / 60;
    /// CSRF tokens for one address.
    csrf_address = 120 / 60;
    /// Step-ups of one session.
    step_up_session = 10 / 300;
    /// Step-ups of one user, over all sessions.
    step_up_user = 20 / 300;
    /// Step-ups from one address.
    step_up_address = 30 / 60;
    /// Requests of one session to change the password, whether they succeed or fail.
    password_session = 10 / 300;
    /// Requests of one user to change the password, whether they succeed or fail.
    password_user = 20 / 300;
    /// Requests from one address to change a password, whether they succeed or fail.
    password_address = 30 / 60;
    /// Exports of all data of one user, by the user.
    export_user = 5 / 3_600;
    /// Exports of the data of other users, by one operator.
    export_operator = 30 / 3_600;
    /// Requests of one user that change something.
    request_user = 120 / 120;
    /// Requests of one operator that read what operators see.
    operator_read_user = 600 / 60;
    /// Drills of one node that admins start. Drills of the schedule and of the command line do not count.
    drill = 10 / 600;
    /// Refused requests of one user to list or revoke the sessions of other users. Further refusals are not audited.
    refused_user = 10 / 60;
    /// WebSocket handshakes and new emulated streams from one address.
    handshake_address = 100 / 10;
    /// Commands of one connection; its frames without a command are counted separately. The burst lets a client begin with
    /// `connect` and all of its subscribes.
    frame_connection = 160 / 8;
    /// Requests to the server API with one key; a batch or a broadcast counts as one.
    api_key = 10_000 / 10;
    /// Wrong keys of the server API from one address; valid keys do not count.
    api_key_address = 100 / 60;
    /// Publications of one user, over all connections of the user to this node.
    publication_user = 300 / 10;
    /// Bytes that one user publishes in durable channels, over all connections of the user to this node.
    durable_bytes_user = 2_097_152 / 1_800;
    /// Durable channels that one user begins to publish in, over all connections of the user to this node.
    durable_channels_user = 1_000 / 86_400;
}

/// The name of the setting for a limit. The value of the setting is `<count>/<seconds>`.
#[must_use]
pub fn setting(limit: &Limit) -> String {
    format!("LIMIT_{}", limit.name.to_ascii_uppercase())
}

/// A rate in the form of a setting: `30/60` means 30 per minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The count.
    pub burst: u32,
    /// The period.
    pub period: Duration,
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be <count>/<seconds>, both at least 1";
        let (burst, seconds) = text.split_once('/').ok_or(WRONG)?;
        let burst = burst.trim().parse().map_err(|_| WRONG)?;
        let seconds: u32 = seconds.trim().parse().map_err(|_| WRONG)?;
        if burst == 0 || seconds == 0 {
            return Err(WRONG);
        }
        Ok(Self { burst, period: Duration::from_secs(u64::from(seconds)) })
    }
}

/// The keys that count one sign-in attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginKeys {
    /// For [`Limits::login_address`].
    pub address: String,
    /// For [`Limits::login_account`]; used only if there is no `device_account`.
    pub account: String,
    /// For [`Limits::login_device_account`], if the request has a device that the account knows.
    pub device_account: Option<String>,
}

/// Makes the keys that count attempts.
pub struct ThrottleKeys(Key);

impl ThrottleKeys {
    /// The maker with the lasting key of attempts.
    #[must_use]
    pub fn new(keys: &LastingKeys) -> Self {
        Self(keys.key(LastingPurpose::Attempts).clone())
    }

    /// The keys of a sign-in from `address` to the account `folded_email`, which need not exist. `device` is the device of the
    /// request, if the account knows it.
    #[must_use]
    pub fn login(&self, address: IpAddr, folded_email: &str, device: Option<DeviceId>) -> LoginKeys {
        let account = self.account(folded_email);
        LoginKeys {
            address: limit_key(address),
            device_account: device.map(|device| format!("{device}:{account}")),
            account,
        }
    }

    /// A keyed hash of an account name, 32 hexadecimal digits. The account need not exist.
    #[must_use]
    pub fn account(&self, folded_email: &str) -> String {
        hex(&self.0.mac(&[folded_email.as_bytes()])[..16])
    }

    /// The key of an answer to a second-factor challenge of `user`: for [`Limits::second_factor_device_account`] if
    /// the account knows the device, else for [`Limits::second_factor_account`].
    #[must_use]
    pub fn second_factor(user: UserId, known: Option<DeviceId>) -> String {
        known.map_or_else(|| format!("{user}"), |device| format!("{device}:{user}"))
    }

    /// The keyed hash of a pair of account name and password, for counting distinct pairs. It is kept only in memory.
    #[must_use]
    pub fn pair(&self, folded_email: &str, password: &SecretString) -> Pair {
        let half = |mac: &[u8]| mac.iter().take(8).fold(0, |half, byte| half << 8 | u64::from(*byte));
        // The length of the name comes first, so that no two pairs produce the same bytes.
        let length = (folded_email.len() as u64).to_be_bytes();
        let password = composed(password);
        let (name, password) = (folded_email.as_bytes(), password.expose_secret().as_bytes());
        Pair {
            account: half(&self.0.mac(&[b"pair account", name])),
            password: half(&self.0.mac(&[b"pair", &length, name, password])),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn keys() -> ThrottleKeys {
        ThrottleKeys::new(&LastingKeys::derived(&"throttle secret".into()))
    }

    fn address() -> IpAddr {
        IpAddr::from([203, 0, 113, 9])
    }

    #[test]
    fn no_key_contains_an_email_address() {
        let made = keys().login(address(), "ada@example.com", Some(DeviceId(Uuid::from_u128(1))));
        assert!(!format!("{made:?}").contains("ada"));
        assert_eq!(made.account.len(), 32);
    }

    #[test]
    fn two_devices_are_counted_separately_under_the_same_account() {
        let one = keys().login(address(), "ada@example.com", Some(DeviceId(Uuid::from_u128(1))));
        let two = keys().login(address(), "ada@example.com", Some(DeviceId(Uuid::from_u128(2))));
        assert_eq!(one.account, two.account);
        assert_ne!(one.device_account, two.device_account);
        assert_eq!(keys().login(address(), "ada@example.com", None).device_account, None);
    }

    #[test]
    fn one_device_is_counted_separately_for_each_account() {
        let device = Some(DeviceId(Uuid::from_u128(1)));
        let ada = keys().login(address(), "ada@example.com", device);
        let bob = keys().login(address(), "bob@example.com", device);
        assert_ne!(ada.device_account, bob.device_account);
    }

    #[test]
    fn a_pair_is_the_same_only_for_the_same_name_and_password() {
        let pair = |name: &str, password: &str| keys().pair(name, &SecretString::from(password));
        assert_eq!(pair("ada", "secret"), pair("ada", "secret"));
        assert_eq!(pair("ada", "secret").account, pair("ada", "other").account);
        assert_ne!(pair("ada", "secret").password, pair("ada", "other").password);
        assert_ne!(pair("ada", "secret").password, pair("adas", "ecret").password);
    }

    #[test]
    fn every_limit_has_its_own_name_and_permits_something() {
        let mut limits = Limits::default();
        let all: Vec<_> = limits.each_mut().map(|limit| *limit).collect();
        let names: std::collections::HashSet<_> = all.iter().map(|limit| limit.name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|limit| limit.burst > 0 && !limit.period.is_zero()));
    }

    #[test]
    fn a_rate_is_a_count_and_seconds() {
        assert_eq!("30/60".parse(), Ok(Rate { burst: 30, period: Duration::from_secs(60) }));
        for wrong in ["", "30", "30/0", "0/60", "-1/60", "30/60/2", "30/1m", "/"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
