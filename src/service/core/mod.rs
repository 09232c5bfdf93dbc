//! The parts that every use case needs: the clock, the audit trail, limits and bans, the password hasher, failures.
//!
//! `core` uses no other room of this crate. Every other room may use `core`.

pub(crate) mod account_fields;
pub(crate) mod audit;
pub(crate) mod bans;
pub(crate) mod caller;
pub(crate) mod clock;
pub(crate) mod cursor;
pub(crate) mod failure;
pub(crate) mod password_hasher;
pub(crate) mod privilege;
pub(crate) mod proxy_notices;
pub(crate) mod random;
pub(crate) mod request_meta;
pub(crate) mod subject;
pub(crate) mod throttle;

use std::time::Duration;

use actors::Realtime;
use audit::AuditTrail;
use bans::Bans;
use clock::Clock;
use domain::abuse::throttle::{Limits, ThrottleKeys};
use password_hasher::PasswordHasher;
use privilege::PrivilegeCheck;
use store::Store;
use throttle::Throttle;

/// The parts that capabilities are made from. Each capability keeps only the parts that it uses.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) realtime: Realtime,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditTrail,
    pub(crate) privilege: PrivilegeCheck,
    pub(crate) hasher: PasswordHasher,
    pub(crate) bans: Bans,
    pub(crate) throttle: Throttle,
}

/// The settings of [`Core`].
pub(crate) struct CoreSettings {
    /// The highest number of password hashes that may wait.
    pub(crate) password_queue: usize,
    /// How long an address is banned for credential stuffing.
    pub(crate) stuffing_ban: Duration,
    pub(crate) limits: Limits,
    /// Multiplies every limit per address.
    pub(crate) address_factor: u32,
    pub(crate) throttle_keys: ThrottleKeys,
}

impl Core {
    pub(crate) fn new(store: Store, realtime: Realtime, clock: Clock, settings: CoreSettings) -> Self {
        let audit = AuditTrail::new(realtime.clone(), clock.clone());
        let bans =
            Bans::new(store.clone(), realtime.clone(), clock.clone(), audit.clone(), settings.stuffing_ban);
        let throttle = Throttle::new(
            realtime.clone(),
            clock.clone(),
            bans.clone(),
            settings.limits,
            settings.address_factor,
            settings.throttle_keys,
        );
        Self {
            privilege: PrivilegeCheck::new(store.clone(), clock.clone()),
            hasher: PasswordHasher::new(store.runtime().clone(), settings.password_queue),
            store,
            realtime,
            clock,
            audit,
            bans,
            throttle,
        }
    }
}
