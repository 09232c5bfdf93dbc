//! The use cases of the server, for REST, sockets, operators and the command line.
//!
//! [`Services`] has one struct per capability. Each capability has only the parts that it uses. This crate does not know HTTP,
//! WebSockets or SQL. Everything that ends trust goes through [`Revocation`]. If a question cannot be answered now, the answer
//! is neither yes nor no, but [`Failure::Unavailable`] or [`Refusal::Unavailable`].
//!
//! Dependencies point one way (`a ← b`: `b` uses `a`): `core ← { audit_log, events, mail } ← access ← revocation ← authenticators ← { sign_in,
//! account, operators ← { event_streams, drill }, realtime } ← upkeep`; `import` and `restoration` use only `core`.

mod access;
mod account;
mod audit_log;
mod authenticators;
mod core;
mod drill;
mod event_streams;
mod events;
mod import;
mod mail;
mod operators;
mod realtime;
mod restoration;
mod revocation;
mod settings;
mod sign_in;
mod upkeep;

use std::sync::Arc;

use actors::Realtime;
use store::Store;
use uuid::Uuid;

pub use crate::core::{
    bans::Bans,
    caller::Caller,
    certificate_expiry::{CertificateExpiry, ExpiryNotice, OrderState},
    clock::Clock,
    database_role::DatabaseRole,
    failure::Failure,
    geo,
    keys::{Keys, LiveKeys},
    lasting_keys::{LastingKeysError, lasting_keys_or_derived},
    node_info::{NodeInfo, ProcessUsage},
    page::{Page, PageRequest},
    password_hasher::PasswordHasher,
    proxy_notices::{ProxyNotice, ProxyNotices},
    request_meta::RequestMeta,
    throttle::Throttle,
};
pub use crate::mail::{Mails, settings::MailSettings, viewer::ShownMail};
pub use access::{
    Access,
    api_keys::{ApiCaller, ApiKeys},
    feed_state::CURRENT_FOR,
    issue_tokens::SessionTokens,
    issuers::Issuers,
    listed_device::ListedDevice,
    listed_session::ListedSession,
    person_export::PersonExport,
    refusal::Refusal,
    tickets::{Ticket, Tickets},
    verifier::Verifier,
};
pub use account::{
    Account,
    credential_change::CredentialChange,
    devices::DeviceUpdate,
    factors::{EnrolledFactors, TotpSetup},
    passkeys::ListedPasskey,
    step_up::{StepUpProof, StepUpResult},
};
pub use audit_log::{
    anchor::AnchorPlace,
    error::AuditLogError,
    log::AuditLog,
    object_anchor::ObjectAnchor,
    object_store_settings::ObjectStoreSettings,
    proofs::{ConsistencyProof, EntryName, InclusionProof},
    reading::ReadEntry,
    receipts::FoundReceipt,
    settings::AuditLogSettings,
    verify::{AcceptedLosses, LostEntries, VerifiedLog, VerifyError, VerifyOptions},
};
pub use authenticators::{
    passkey_ceremony::PasskeyCeremony, relying_party::RelyingParty, verify_code::CodeProof,
};
pub use domain::drill::DrillReport;
pub use drill::{
    Drills,
    doors::{CanaryTokens, DoorClosed, DoorFuture, HeldDoors, NodeDoors},
    settings::DrillSettings,
};
pub use event_streams::{
    MOST_POLLED, Poll, Polled, StreamCaller, StreamFields, Streams, supported as supported_security_events,
};
pub use events::settings::EventSettings;
pub use import::{Count, Finding, Import, ImportError, ImportObserver, ImportOptions, ImportSummary};
pub use logic::denials::Denied;
pub use operators::{
    Operators,
    account_changes::generated_password,
    attempts::{AttemptQuery, WavePage, WaveQuery},
    audit_trail::{AuditReader, EntryStream, ExportForm},
    channels::{ErasedMessages, Subscribers},
    connection_query::{ConnectionOrder, ConnectionQuery, LiveFigure},
    connections::{ConnectionPage, Connections, LocatedConnection},
    idempotency::{Created, CreatedOnce, Idempotency, RequestKey},
    listings::{AnySession, SessionPage},
    mails::MailQuery,
    node::{NodeFigures, OperatorNode},
    revocations::{RevocationPage, RevocationQuery},
    session_page::{SessionFilter, SessionQuery},
    settings::{EffectiveSetting, OperatorSettings},
    statistics::{StatisticsAnswer, StatisticsSpan},
    users::{UserChange, UserDetail, UserListing, UserQuery, UserToCreate},
    webhooks::{DeliveryPage, WebhookFields},
};
pub use realtime::{
    api::{Api, ServerApi},
    channel_guide::{ChannelGuide, ChannelTerms, party_of},
    emulated_streams::{EmulatedStreams, StreamDigest},
    external_sessions::{ExternalSessionGuard, ExternalSessions},
};
pub use restoration::{KeptAfterRestore, Restoration};
pub use revocation::{
    Revocation,
    denials::{DenialTerms, Denials, DisconnectCount},
    erasure_requests::RequestedErasure,
    revoke::{RevocationResult, Revoker},
};
pub use settings::{OnStale, ServiceSettings};
pub use sign_in::{
    SignIn,
    passkey::{PasskeyAnswer, PasskeyPurpose},
    password::SignInStep,
    register::RegisteredAccount,
    second_factor::{FactorAnswer, FactorChallenge},
    sign_out::SignOutScope,
};
pub use store::{
    ApiKey, Attempt, Ban, Change, Delivery, Device, DurableChannelRow, Erasure, EventReceiver,
    ExternalFilter, ExternalSession, Factors, Left, ListedMail, ListedRevocation, LogFilter, MailState,
    NodeProgress, RevocationProgress, RevocationRequest, Session, StatisticsPoint, Target, User, UserCounts,
    UserOrder, Wave, WaveAccount,
};
pub use upkeep::Upkeep;

use crate::{
    access::AccessSettings,
    authenticators::Authenticators,
    core::{Core, CoreSettings},
    events::Events,
    sign_in::{Foundation, SignInSettings, register::RegistrationRules},
    upkeep::UpkeepSettings,
};

/// The capabilities of the server, wired together. Clones are cheap and share the same capabilities.
#[derive(Clone)]
pub struct Services {
    /// The clock.
    pub clock: Clock,
    /// Limits on requests.
    pub throttle: Throttle,
    /// Notes requests that reveal a wrong value of `TRUSTED_PROXIES`.
    pub proxy_notices: ProxyNotices,
    /// Knows when the certificate of the TLS port ends.
    pub certificate_expiry: CertificateExpiry,
    /// Knows whether the role of the server in its database can change the audit log.
    pub database_role: DatabaseRole,
    /// Verifies and issues credentials.
    pub access: Arc<Access>,
    /// Revokes sessions, and denies users and tokens.
    pub revocation: Arc<Revocation>,
    /// Registers accounts, signs users in and out, refreshes tokens.
    pub sign_in: Arc<SignIn>,
    /// What users do with their own accounts.
    pub account: Arc<Account>,
    /// What operators do with the accounts of others.
    pub operators: Arc<Operators>,
    /// Streams of Security Event Tokens, as their receivers manage them.
    pub event_streams: Arc<Streams>,
    /// Mails to users.
    pub mails: Arc<Mails>,
    /// Drills of the revocations.
    pub drills: Drills,
    /// The server API, figures of this node, external sessions and emulated streams.
    pub server_api: Arc<ServerApi>,
    /// What channels offer to users.
    pub channels: Arc<ChannelGuide>,
    /// The audit log: its checkpoints, its proofs and its entries.
    pub audit_log: Arc<AuditLog>,
    /// Background jobs and readiness.
    pub upkeep: Arc<Upkeep>,
}

impl Services {
    /// Wires the capabilities together. No background job runs before [`Upkeep::start`].
    #[must_use]
    pub fn new(
        settings: ServiceSettings,
        store: Store,
        realtime: Realtime,
        keys: Keys,
        clock: Clock,
    ) -> Self {
        let core = core(&settings, store, realtime, clock.clone(), keys);
        let kept = upkeep_settings(&settings, core.node.id());
        let sessions = settings.sessions;
        let (issuer_tokens, api_key) = (settings.issuer_tokens, settings.api_key);
        let audit_log = Arc::new(AuditLog::of(&core, settings.audit_log));
        let current_for = settings.current_for;
        let access = AccessSettings { idle: sessions.idle, issuer_tokens, current_for, api_key };
        let access = Access::new(&core, access);
        let node = core.node.id();
        let revocation = Arc::new(Revocation::new(&core, &access, node, settings.erasure.clone()));
        let authenticators = Authenticators::new(&core, &revocation, settings.relying_party);
        let registration = RegistrationRules {
            open: settings.registration_open,
            verify_email: settings.require_email_verification,
        };
        let sign_in = SignInSettings { thresholds: settings.risk, sessions, registration };
        let foundation = Foundation::of(&core, &access, &revocation, &authenticators);
        let mails = Arc::new(Mails::new(&core, &settings.mail));
        let sign_in = SignIn::new(foundation, &mails, sign_in);
        let log = (Arc::clone(&audit_log), &*mails);
        let account = Account::new(&core, &access, &revocation, &authenticators, log, sessions);
        let events = Events::new(&core, settings.events);
        let log = Arc::clone(&audit_log);
        let operators = Operators::new(&core, &access, &revocation, log, &events, settings.development);
        let event_streams = Streams::new(&core, &events);
        let external = ExternalSessions::new(core.store.clone(), core.realtime.clone(), clock.clone(), node);
        let channels = Arc::new(ChannelGuide::new(core.realtime.clone()));
        let server_api = ServerApi::new(&core, &revocation, external.clone(), settings.on_stale);
        let drills = Drills::new(&core, &access, &revocation, node);
        let upkeep = Upkeep::new(
            &core,
            &access,
            Arc::clone(&revocation),
            (external, events.delivery, Arc::clone(&mails.delivery), drills.clone()),
            Arc::clone(&audit_log),
            sessions,
            kept,
        );
        Self {
            proxy_notices: ProxyNotices::new(clock.clone()),
            certificate_expiry: CertificateExpiry::new(clock.clone()),
            database_role: DatabaseRole::default(),
            clock,
            throttle: core.throttle,
            access: Arc::new(access),
            revocation,
            sign_in: Arc::new(sign_in),
            account: Arc::new(account),
            operators: Arc::new(operators),
            event_streams: Arc::new(event_streams),
            mails,
            drills,
            server_api: Arc::new(server_api),
            channels,
            audit_log,
            upkeep: Arc::new(upkeep),
        }
    }
}

fn upkeep_settings(settings: &ServiceSettings, node: Uuid) -> UpkeepSettings {
    UpkeepSettings {
        attempts: settings.attempts_kept,
        rows: settings.kept,
        node,
        on_stale: settings.on_stale,
        erasure: settings.erasure.clone(),
        drill_interval: settings.drill.interval,
    }
}

fn core(settings: &ServiceSettings, store: Store, realtime: Realtime, clock: Clock, keys: Keys) -> Core {
    let settings = CoreSettings {
        password_queue: settings.password_queue,
        stuffing_ban: settings.ban,
        geo: settings.geo.clone(),
    };
    Core::new(store, realtime, clock, LiveKeys::new(keys), settings)
}
