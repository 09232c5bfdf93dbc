//! The database: every SQL statement of the server is in this directory, and nothing else is.
//!
//! Called by services. A method is one transaction or one statement; its arguments carry the time, and whatever must
//! happen once (a rotation, a ticket, a revocation) is decided by one conditional statement, never by reading first.
//! Connections live on a runtime of their own: a method may be awaited from any executor. No rule about who may do what
//! is made here.

mod abuse;
mod accounts;
mod api_keys;
mod audit;
mod error;
mod factors;
mod journal;
mod migrate;
mod pool;
mod revocation;
mod row_mapping;
mod sessions;
mod settings;
mod tls;
mod url;

pub use abuse::{attempts::Attempt, bans::Ban};
pub use accounts::{
    devices::{Device, DeviceChange, DeviceSeen},
    last_seen::Touch,
    user::User,
    users::{Candidate, NewUser, UserFilter},
};
pub use api_keys::{ApiKey, KEY_NAME_TAKEN, NewApiKey};
pub use error::{Lapse, StoreError};
pub use factors::{
    challenges::{Answerer, Attempted, Challenge},
    passkeys::{PasskeyOwner, StoredPasskey},
    second_factors::{FACTOR_GONE, FactorChange, Factors, LAST_FACTOR, NewPasskey, PASSKEY_KNOWN, Proof},
    totp::StoredTotp,
};
pub use journal::{Kept, NotAppended};
pub use pool::Store;
pub use revocation::{
    denials::{HeardDenial, NewDenial},
    listener::{Heard, RevocationListener, Watermark},
    order::{Authority, Change, Committed, Ended, Order, Target},
};
pub use sessions::{
    external::{ExternalFilter, ExternalSession},
    open::{OpenSession, Opened},
    privilege::{Granted, Privilege},
    read::SessionFilter,
    session::{DeviceShown, Revoked, Session, SessionWithUser},
    tickets::Ticket,
};
pub use settings::{DatabaseSettings, Roots, TlsMode};
pub use url::DatabaseUrlError;
