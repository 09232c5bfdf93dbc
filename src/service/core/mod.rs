//! The parts that use cases share: the clock, the audit trail, limits and bans, the password hasher, failures.
//!
//! `core` uses no other module of this crate. Every other module may use `core`.

pub(crate) mod account_fields;
pub(crate) mod appended_file;
pub(crate) mod audit;
pub(crate) mod bans;
pub(crate) mod caller;
pub(crate) mod certificate_expiry;
pub(crate) mod clock;
pub(crate) mod cursor;
pub(crate) mod database_role;
pub(crate) mod failure;
pub mod geo;
pub(crate) mod keys;
pub(crate) mod lasting_keys;
pub(crate) mod node_info;
pub(crate) mod page;
pub(crate) mod password_hasher;
pub(crate) mod privilege;
pub(crate) mod proxy_notices;
pub(crate) mod public_addresses;
pub(crate) mod random;
pub(crate) mod request_error;
pub(crate) mod request_meta;
pub(crate) mod subject;
pub(crate) mod throttle;

use std::{sync::Arc, time::Duration};

use actors::Realtime;
use audit::AuditTrail;
use bans::Bans;
use clock::Clock;
use geo::Geo;
use keys::LiveKeys;
use node_info::NodeStatistics;
use password_hasher::PasswordHasher;
use privilege::PrivilegeCheck;
use store::Store;
use throttle::Throttle;
use uuid::Uuid;

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
    pub(crate) keys: LiveKeys,
    pub(crate) geo: Geo,
    /// Measures this process, and has its id.
    pub(crate) node: Arc<NodeStatistics>,
}

/// The settings of [`Core`].
pub(crate) struct CoreSettings {
    /// The highest number of password hashes that may wait.
    pub(crate) password_queue: usize,
    /// How long an address is banned for credential stuffing.
    pub(crate) stuffing_ban: Duration,
    /// The databases with the places of addresses.
    pub(crate) geo: Geo,
}

impl Core {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        keys: LiveKeys,
        settings: CoreSettings,
    ) -> Self {
        let audit = AuditTrail::new(realtime.clone(), clock.clone());
        let bans =
            Bans::new(store.clone(), realtime.clone(), clock.clone(), audit.clone(), settings.stuffing_ban);
        let throttle = Throttle::new(realtime.clone(), clock.clone(), bans.clone(), keys.clone());
        Self {
            privilege: PrivilegeCheck::new(store.clone(), clock.clone()),
            hasher: PasswordHasher::new(store.runtime().clone(), settings.password_queue),
            store,
            realtime,
            clock,
            audit,
            bans,
            throttle,
            keys,
            geo: settings.geo,
            node: Arc::new(NodeStatistics::new(Uuid::new_v4())),
        }
    }
}
