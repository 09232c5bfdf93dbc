//! The use cases of the server, for REST, sockets, operators and the command line.
//!
//! [`Services`] holds one struct per capability; each holds only what it uses. Nothing here knows of HTTP, WebSockets or SQL.
//! Everything that ends trust goes through [`Revocation`]. An answer that cannot be determined is never turned into yes or no:
//! it is [`Failure::Unavailable`] or [`Refusal::Unavailable`].
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
use store::Store;
use uuid::Uuid;

pub use crate::core::{
    bans::Bans, caller::Caller, clock::Clock, failure::Failure, password_hasher::PasswordHasher,
    request_meta::RequestMeta, throttle::Throttle,
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
    devices::{DeviceUpdate, ListedDevice},
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
pub use settings::{Keys, ServiceSettings};
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
    access::AccessParts,
    account::AccountParts,
    authenticators::Authenticators,
    core::{audit::AuditTrail, privilege::PrivilegeCheck},
    operators::OperatorsParts,
    sign_in::{SignInParts, register::RegistrationRules},
    upkeep::UpkeepParts,
};

/// The capabilities of the server, wired together. Clones are cheap and are the same capabilities.
#[derive(Clone)]
pub struct Services {
    /// The clock.
    pub clock: Clock,
    /// Limits on requests.
    pub throttle: Throttle,
    /// Verifying and issuing credentials.
    pub access: Arc<Access>,
    /// Revoking sessions, and denying users and tokens.
    pub revocation: Arc<Revocation>,
    /// Registering, signing in and out, refreshing.
    pub sign_in: Arc<SignIn>,
    /// What users do with their own account.
    pub account: Arc<Account>,
    /// What operators do with the accounts of others.
    pub operators: Arc<Operators>,
    /// The server API, and what belongs to connections.
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
        let audit = AuditTrail::new(realtime.clone(), clock.clone());
        let privilege = PrivilegeCheck::new(store.clone(), clock.clone());
        let hasher = PasswordHasher::new(store.runtime().clone(), settings.password_queue);
        let bans = Bans::new(store.clone(), realtime.clone(), clock.clone(), audit.clone(), settings.ban);
        let throttle = Throttle::new(
            realtime.clone(),
            clock.clone(),
            bans.clone(),
            settings.limits,
            settings.address_limit_factor,
            keys.throttle,
        );
        let access = Arc::new(Access::new(AccessParts {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            throttle: throttle.clone(),
            feed: Arc::default(),
            keys: Arc::new(CredentialKeys {
                access: keys.access,
                refresh: keys.refresh,
                csrf: keys.csrf,
                cookies: keys.cookies,
            }),
            sessions: settings.sessions,
            issuers: settings.issuers,
            api_key: settings.api_key,
        }));
        let revocation = Arc::new(Revocation::new(
            store.clone(),
            realtime.clone(),
            clock.clone(),
            privilege.clone(),
            &access,
        ));
        let authenticators = Authenticators::new(
            store.clone(),
            clock.clone(),
            audit.clone(),
            revocation.revoker.clone(),
            (keys.totp, keys.backup_codes),
            settings.relying_party,
        );
        let sign_in = SignIn::new(SignInParts {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            throttle: throttle.clone(),
            hasher: hasher.clone(),
            access: &access,
            revocation: &revocation,
            authenticators: authenticators.clone(),
            decoys: keys.decoys,
            geo: settings.geo,
            thresholds: settings.risk,
            sessions: settings.sessions,
            registration: RegistrationRules {
                open: settings.registration_open,
                verify_email: settings.require_email_verification,
            },
        });
        let account = Account::new(AccountParts {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            throttle: throttle.clone(),
            hasher: hasher.clone(),
            privilege: privilege.clone(),
            access: &access,
            revocation: &revocation,
            authenticators,
            limits: settings.sessions,
        });
        let operators = Operators::new(OperatorsParts {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            hasher,
            privilege,
            bans: bans.clone(),
            access: &access,
            revocation: &revocation,
            development: settings.development,
        });
        let external_sessions =
            ExternalSessions::new(store.clone(), realtime.clone(), clock.clone(), Uuid::new_v4());
        let server_api = ServerApi::new(
            realtime.clone(),
            clock.clone(),
            audit.clone(),
            revocation.denials.clone(),
            external_sessions.clone(),
        );
        let upkeep = Upkeep::new(UpkeepParts {
            store,
            realtime,
            clock: clock.clone(),
            audit,
            bans,
            access: Arc::clone(&access),
            revocation: Arc::clone(&revocation),
            external_sessions,
            sessions: settings.sessions,
            attempts_kept: settings.attempts_kept,
        });
        Self {
            clock,
            throttle,
            access,
            revocation,
            sign_in: Arc::new(sign_in),
            account: Arc::new(account),
            operators: Arc::new(operators),
            server_api: Arc::new(server_api),
            upkeep: Arc::new(upkeep),
        }
    }
}
