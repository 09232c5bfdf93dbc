//! The database: this folder contains all SQL statements of the server, except the migrations and the statement that creates
//! the database of a private server.
//!
//! Called by services, by the ports of the actors (in `app`), and by the command line. Most methods are one transaction or one
//! statement. The caller passes the time. Some operations may happen only once: a rotation, the use of a ticket, a revocation.
//! One conditional statement decides whether they happen. Between a read and a write that depends on it, there is always a lock
//! or a condition. Connections belong to a separate runtime, so a method may be awaited on any executor. The store checks no
//! permissions, with one exception: a change on behalf of a session is written only if that session may still make it.

mod abuse;
mod accounts;
mod api_keys;
mod audit;
mod audit_log;
mod certificate_lock;
mod connection;
mod database_url;
mod drills;
mod error;
mod events;
mod factors;
mod idempotency;
mod import;
mod in_service;
mod journal;
mod mail;
mod migrate;
mod nodes;
mod personal_data;
mod pool;
mod restoration;
mod retention;
mod revocation;
mod roles;
mod row_mapping;
mod schema_lock;
mod sealed;
mod service_time;
mod session_target;
mod sessions;
mod settings;
mod statistics;
mod tls;
mod tls_mode;

pub use abuse::{
    attempt_search::AttemptFilter,
    attempts::Attempt,
    bans::{Ban, BanFilter},
    stuffing_wave::{Wave, WaveAccount, WaveSearch},
};
pub use accounts::{
    account_keys::AccountWithoutKey,
    administrators::LAST_ADMIN,
    devices::{Device, DeviceChange, DeviceSeen},
    last_seen::LastSeen,
    user::User,
    user_search::{FoundUser, UserCounts, UserOrder, UserSearch},
    users::{ADDRESS_TAKEN, NewUser, SignInCandidate, UserFilter},
};
pub use api_keys::{ApiKey, KEY_NAME_TAKEN, NewApiKey};
pub use audit_log::{
    checkpoints::{LogRestore, StoredCheckpoint},
    entries::LogFilter,
    entry_row::LoggedEntry,
    head::LogHead,
    months::MonthDrop,
    sequence::{SequenceOrder, Sequenced},
};
pub use certificate_lock::CertificateLock;
pub use database_url::{DatabaseParts, DatabaseUrlError};
pub use drills::{CanaryAccount, CanaryClaim, NewDrill, OfferedCanary, RequestedDrill};
pub use error::{Lapse, StoreError};
pub use events::{
    deliveries::{Delivery, DeliveryFilter, DeliveryState, QueueFigures},
    dispatch::{Attempt as DeliveryAttempt, Claimed, DeliveryBounds, Heads, Settlement},
    receivers::{AddedReceiver, EventReceiver, MOST_RECEIVERS, ReceiverFilter, ReceiverKind, ReceiverStatus},
    single_event::SentToOne,
};
pub use factors::{
    challenges::{Challenge, ChallengeAttempt, ChallengeOwner},
    failures::FactorAttempt,
    passkeys::{PasskeyOwner, StoredPasskey},
    second_factors::{FACTOR_GONE, FactorChange, Factors, LAST_FACTOR, NewPasskey, PASSKEY_KNOWN, Proof},
    totp::StoredTotp,
};
pub use idempotency::{KeyClaim, KeyedRequest};
pub use import::{
    source::{ImportSource, SourceColumn, SourceTable, SourceValues},
    target::ImportTaken,
};
pub use journal::{
    AppendError, ChannelRetention, DurableChannelRow, ERASED_CHANNELS, ErasedChannels, ErasureOrder,
};
pub use mail::{
    dispatch::{MailAttempt, MailFigures, MailSettlement, OutgoingMail},
    links::LINK_SPENT,
    listed::{ListedMail, MailFilter, MailState},
};
pub use migrate::{MigrateOrder, Migrated};
pub use personal_data::{
    ERASURE_REQUESTED, Effect, Erased, ErasedBatch, Erasure, ErasureFilter, ErasureTombstone, ExportPage,
    Exported, ExportedTable, LOG_MEMBER, NewErasure, PersonalTable, TABLES as PERSONAL_TABLES, Withheld,
    exported_tables,
};
pub use pool::{PoolUse, Store};
pub use restoration::{
    finish::{FinishRestore, FinishedRestore},
    lost_events::LostEvent,
    origin::Unfinished,
};
pub use retention::Aged;
pub use revocation::{
    completion::Completed,
    denials::{HeardDenial, NewDenial},
    heard::HeardRevocation,
    listed::{ListedRevocation, RevocationFilter, RevocationProgress},
    listener::{Backlog, PAGE as FEED_PAGE, RevocationListener, Watermark},
    order::{
        ActingSession, Change, CommittedRevocation, Ended, EndedSession, Left, RevocationRequest,
        SESSIONS_AT_ONCE, Target,
    },
    progress::NodeProgress,
    receipts::{ReceiptStatus, StoredReceipt},
};
pub use roles::{
    rights::{
        FUNCTIONS as OWNER_FUNCTIONS, PARTITIONS as SERVER_PARTITIONS, PLAIN_FUNCTIONS, Rights, SERVER_ROLE,
        TABLES as SERVER_TABLES,
    },
    standing::{RoleStanding, TableOwner},
};
pub use sealed::{SealedCount, SealedKind};
pub use service_time::ServiceTime;
pub use session_target::SessionTarget;
pub use sessions::{
    expired::EXPIRED_BATCH,
    external::{ExternalFilter, ExternalSession, TOUCHED_AT_ONCE},
    open::{OpenOutcome, OpenSession},
    privilege::{Privilege, PrivilegeOutcome},
    read::SessionFilter,
    search::{Examined, SessionPlace, SessionSearch},
    session::{DeviceSummary, Revoked, Session, SessionWithUser},
    tickets::Ticket,
};
pub use settings::DatabaseSettings;
pub use statistics::{StatisticsPoint, StatisticsQuery};
pub use tls_mode::{ClientIdentity, Roots, TlsMode};
