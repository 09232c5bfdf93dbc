//! The use cases of the server, for REST, sockets, operators and the command line.
//!
//! [`Services`] holds one struct per capability; each capability holds only the parts that it uses. This crate does not know
//! HTTP, WebSockets or SQL. Everything that ends trust goes through [`Revocation`]. A question that cannot be answered now
//! is never answered with yes or no: the answer is [`Failure::Unavailable`] or [`Refusal::Unavailable`].
//!
//! Dependencies point one way: `core ← access ← revocation ← authenticators ← { sign_in, account, operators, realtime } ←
//! upkeep`.

mod access;
mod account;
mod authenticators;
mod core;
mod operators;
mod realtime;
mod revocation;
mod settings;
mod sign_in;
mod upkeep;

use std::sync::Arc;

use actors::Realtime;
use domain::abuse::throttle::ThrottleKeys;
use store::Store;
use uuid::Uuid;

pub use crate::core::{
    bans::Bans,
    caller::Caller,
    clock::Clock,
    failure::Failure,
    password_hasher::PasswordHasher,
    proxy_notices::{ProxyNotice, ProxyNotices},
    request_meta::RequestMeta,
    throttle::Throttle,
};
pub use access::{
    Access,
    api_keys::{ApiCaller, ApiKeys},
    credential_keys::CredentialKeys,
    issue_tokens::SessionTokens,
    issuers::Issuers,
    listed_session::ListedSession,
    refusal::Refusal,
    tickets::{Ticket, Tickets},
    verifier::Verifier,
};
pub use account::{
    Account,
    credential_change::CredentialChange,
    devices::{DevicePage, DeviceUpdate, ListedDevice},
    factors::{EnrolledFactors, TotpSetup},
    passkeys::ListedPasskey,
    step_up::{StepUpProof, StepUpResult},
};
pub use authenticators::{
    passkey_ceremony::PasskeyCeremony, relying_party::RelyingParty, verify_code::CodeProof,
};
pub use logic::denials::Denied;
pub use operators::{
    Operators,
    listings::{AnySession, AnySessionPage, SessionPage},
    session_page::SessionFilter,
};
pub use realtime::{
    api::{Api, ServerApi},
    emulated_streams::{EmulatedStreams, StreamDigest},
    external_sessions::{ExternalSessionGuard, ExternalSessions},
    node_info::{NodeInfo, ProcessUsage},
};
pub use revocation::{
    Revocation,
    denials::{DenialTerms, Denials, DisconnectCount},
    revoke::{RevocationResult, Revoker},
};
pub use settings::{Keys, OnStale, ServiceSettings};
pub use sign_in::{
    SignIn,
    attempts::AttemptsPage,
    geo,
    passkey::{PasskeyAnswer, PasskeyPurpose},
    password::SignInStep,
    register::RegisteredAccount,
    second_factor::{FactorAnswer, FactorChallenge},
    sign_out::SignOutScope,
};
pub use store::{
    ApiKey, Attempt, Ban, Change, Device, ExternalFilter, ExternalSession, RevocationRequest, Session,
    Target, User,
};
pub use upkeep::Upkeep;

use crate::{
    access::AccessSettings,
    authenticators::Authenticators,
    core::{Core, CoreSettings},
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
    /// Signs that the proxies and their setting do not fit together.
    pub proxy_notices: ProxyNotices,
    /// Verifying and issuing credentials.
    pub access: Arc<Access>,
    /// Revokes sessions, and denies users and tokens.
    pub revocation: Arc<Revocation>,
    /// Registers accounts, signs users in and out, refreshes tokens.
    pub sign_in: Arc<SignIn>,
    /// What users do with their own accounts.
    pub account: Arc<Account>,
    /// What operators do with the accounts of others.
    pub operators: Arc<Operators>,
    /// The server API, node information, and the sessions of external issuers.
    pub server_api: Arc<ServerApi>,
    /// Background jobs and readiness.
    pub upkeep: Arc<Upkeep>,
}

impl Services {
    /// Wires the capabilities together. Nothing runs until [`Upkeep::start`].
    #[must_use]
    pub fn new(
        settings: ServiceSettings,
        store: Store,
        realtime: Realtime,
        keys: Keys,
        clock: Clock,
    ) -> Self {
        let core = core(&settings, store, realtime, clock.clone(), keys.throttle);
        let sessions = settings.sessions;
        let credentials = CredentialKeys {
            access: keys.access,
            refresh: keys.refresh,
            csrf: keys.csrf,
            cookies: keys.cookies,
        };
        let (issuers, issuer_tokens, api_key) = (settings.issuers, settings.issuer_tokens, settings.api_key);
        let access =
            AccessSettings { keys: credentials, idle: sessions.idle, issuers, issuer_tokens, api_key };
        let access = Access::new(&core, access);
        let revocation = Arc::new(Revocation::new(&core, &access));
        let authenticators =
            Authenticators::new(&core, &revocation, keys.totp, keys.backup_codes, settings.relying_party);
        let sign_in = SignInSettings {
            decoys: keys.decoys,
            geo: settings.geo,
            thresholds: settings.risk,
            sessions,
            registration: RegistrationRules {
                open: settings.registration_open,
                verify_email: settings.require_email_verification,
            },
        };
        let foundation = Foundation {
            core: &core,
            access: &access,
            revocation: &revocation,
            authenticators: &authenticators,
        };
        let sign_in = SignIn::new(foundation, sign_in);
        let account = Account::new(&core, &access, &revocation, &authenticators, sessions);
        let operators = Operators::new(&core, &access, &revocation, settings.development);
        let node = Uuid::new_v4();
        let external = ExternalSessions::new(core.store.clone(), core.realtime.clone(), clock.clone(), node);
        let server_api = ServerApi::new(&core, &revocation, external.clone(), settings.on_stale);
        let kept = UpkeepSettings {
            attempts: settings.attempts_kept,
            rows: settings.kept,
            on_stale: settings.on_stale,
        };
        let upkeep = Upkeep::new(&core, &access, Arc::clone(&revocation), external, sessions, kept);
        Self {
            proxy_notices: ProxyNotices::new(clock.clone()),
            clock,
            throttle: core.throttle,
            access: Arc::new(access),
            revocation,
            sign_in: Arc::new(sign_in),
            account: Arc::new(account),
            operators: Arc::new(operators),
            server_api: Arc::new(server_api),
            upkeep: Arc::new(upkeep),
        }
    }
}

fn core(
    settings: &ServiceSettings,
    store: Store,
    realtime: Realtime,
    clock: Clock,
    throttle_keys: ThrottleKeys,
) -> Core {
    let settings = CoreSettings {
        password_queue: settings.password_queue,
        stuffing_ban: settings.ban,
        limits: settings.limits.clone(),
        address_factor: settings.address_limit_factor,
        throttle_keys,
    };
    Core::new(store, realtime, clock, settings)
}
