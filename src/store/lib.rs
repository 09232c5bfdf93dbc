//! The database: this directory contains every SQL statement of the server.
//!
//! Called by services. A method is one transaction or one statement. The time is an argument. One conditional statement
//! decides an operation that may happen only once (a rotation, a ticket, a revocation); no method reads first and then
//! writes without a lock. Connections belong to a separate runtime, so a method may be awaited on any executor. The
//! store does not check permissions.

mod abuse;
mod accounts;
mod api_keys;
mod audit;
mod database_url;
mod error;
mod factors;
mod journal;
mod migrate;
mod pool;
mod retention;
mod revocation;
mod row_mapping;
mod schema_lock;
mod service_time;
mod sessions;
mod settings;
mod tls;
mod tls_mode;

pub use abuse::{attempts::Attempt, bans::Ban};
pub use accounts::{
    account_keys::AccountWithoutKey,
    devices::{Device, DeviceChange, DeviceSeen},
    last_seen::LastSeen,
    user::User,
    users::{ADDRESS_TAKEN, NewUser, SignInCandidate, UserFilter},
};
pub use api_keys::{ApiKey, KEY_NAME_TAKEN, NewApiKey};
pub use database_url::DatabaseUrlError;
pub use error::{Lapse, StoreError};
pub use factors::{
    challenges::{Challenge, ChallengeAttempt, ChallengeOwner},
    failures::FactorAttempt,
    passkeys::{PasskeyOwner, StoredPasskey},
    second_factors::{FACTOR_GONE, FactorChange, Factors, LAST_FACTOR, NewPasskey, PASSKEY_KNOWN, Proof},
    totp::StoredTotp,
};
pub use journal::{AppendError, ChannelRetention};
pub use migrate::Migrated;
pub use pool::Store;
pub use retention::Aged;
pub use revocation::{
    denials::{HeardDenial, NewDenial},
    listener::{Backlog, HeardRevocation, PAGE as FEED_PAGE, RevocationListener, Watermark},
    order::{ActingSession, Change, CommittedRevocation, Ended, EndedSession, RevocationRequest, Target},
};
pub use service_time::ServiceTime;
pub use sessions::{
    expired::EXPIRED_BATCH,
    external::{ExternalFilter, ExternalSession, TOUCHED_AT_ONCE},
    open::{OpenOutcome, OpenSession},
    privilege::{Privilege, PrivilegeOutcome},
    read::SessionFilter,
    session::{DeviceSummary, Revoked, Session, SessionWithUser},
    tickets::Ticket,
};
pub use settings::{DatabaseParts, DatabaseSettings};
pub use tls_mode::{Roots, TlsMode};
