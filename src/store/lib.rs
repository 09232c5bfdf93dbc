//! The database: every SQL statement of the server is in this directory, and nothing else is.
//!
//! Called by services. A method is one transaction or one statement; its arguments carry the time, and whatever must
//! happen once (a rotation, a ticket, a revocation) is decided by one conditional statement, never by reading first.
//! Connections live on a runtime of their own: a method may be awaited from any executor. No rule about who may do what
//! is made here.

mod api_keys;
mod attempt_months;
mod attempts;
mod audit;
mod authority;
mod bans;
mod challenges;
mod changes;
mod denials;
mod devices;
mod devices_of;
mod error;
mod expired;
mod external_sessions;
mod factors;
mod journal;
mod listen;
mod migrate;
mod opening;
mod order;
mod passkeys;
mod pool;
mod revocations;
mod rows;
mod sessions;
mod settings;
mod tickets;
mod tls;
mod totp;
mod touches;
mod url;
mod users;

pub use api_keys::{ApiKey, KEY_NAME_TAKEN, NewApiKey};
pub use attempts::Attempt;
pub use authority::Authority;
pub use bans::Ban;
pub use challenges::{Answerer, Attempted, Challenge};
pub use denials::{HeardDenial, NewDenial};
pub use devices::DeviceSeen;
pub use devices_of::{Device, DeviceChange};
pub use error::{Lapse, StoreError};
pub use external_sessions::{ExternalFilter, ExternalSession};
pub use factors::{FACTOR_GONE, FactorChange, Factors, LAST_FACTOR, NewPasskey, PASSKEY_KNOWN, Proof};
pub use journal::{Kept, NotAppended};
pub use listen::{Heard, RevocationListener, Watermark};
pub use opening::{OpenSession, Opened};
pub use order::{Change, Committed, Ended, Order, Target};
pub use passkeys::{PasskeyOwner, StoredPasskey};
pub use pool::Store;
pub use rows::{DeviceShown, LiveSession, Revoked, Session, User};
pub use sessions::{Granted, Privilege, SessionFilter};
pub use settings::{DatabaseSettings, Roots, TlsMode};
pub use tickets::Ticket;
pub use totp::StoredTotp;
pub use touches::Touch;
pub use url::DatabaseUrlError;
pub use users::{Candidate, NewUser, UserFilter};
