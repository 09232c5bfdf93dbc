//! The use cases: what the server does, said once, for REST, sockets, operators and the command line.
//!
//! Doors call the methods of [`Services`] and the one [`Verifier`]; nothing here knows of HTTP, of WebSockets or of SQL.
//! Whatever ends trust goes through [`Services::revoke`]. Nothing turns "cannot tell" into yes or no: an answer that
//! could not be had is [`Failure::Unavailable`] or [`Refusal::Unavailable`].

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

use std::{
    collections::HashSet,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use actors::Realtime;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

pub use crate::core::clock::Clock;
pub use crate::core::failure::{Failure, Meta, Refusal};
pub use crate::core::hasher::Hasher;
pub use access::api_keys::ApiCaller;
pub use access::cached_session::Caller;
pub use access::issue_tokens::SignedIn;
pub use access::issuers::Issuers;
pub use access::tickets::Ticket;
pub use access::verifier::Verifier;
pub use account::devices::{DeviceListed, DeviceWish};
pub use account::factors::{Held, TotpSetup};
pub use account::passkeys::PasskeyListed;
pub use account::sessions::Listed;
pub use account::step_up::{StepUpProof, SteppedUp};
pub use authenticators::passkey_ceremony::Ceremony;
pub use authenticators::relying_party::RelyingParty;
pub use authenticators::verify_code::CodeProof;
pub use logic::denials::Denied;
pub use operators::listings::{Overseen, OverseenPage};
pub use operators::revoke::{Page, SessionFilter};
pub use realtime::api::Api;
pub use realtime::emulated_streams::{StreamDigest, StreamSecrets};
pub use realtime::external_sessions::OutsideRow;
pub use realtime::node_info::{NodeInfo, Process};
pub use revocation::denials::{DenialTerms, Severed};
pub use revocation::revoke::Revoked;
pub use settings::{Keys, ServiceSettings};
pub use sign_in::attempts::AttemptsPage;
pub use sign_in::geo;
pub use sign_in::passkey::{PasskeyAnswer, PasskeyFor};
pub use sign_in::password::SignIn;
pub use sign_in::register::Registered;
pub use sign_in::second_factor::{Asked, FactorAnswer};
pub use sign_in::sign_out::SignOutScope;

use crate::core::bans;
use access::{api_keys, verifier};
use domain::{
    abuse::throttle::{Limits, ThrottleKeys},
    client::device::DeviceCookies,
    factors::{backup_code::BackupCodeKeys, passkey::Decoys, totp::TotpSealer},
    tokens::{access_token::AccessKeys, csrf::CsrfKeys, refresh_token::RefreshKeys},
};
use realtime::external_sessions::{self as outside, Gone};
use realtime::node_info as node;
use sign_in::answer_timing::Tails;
use store::Store;
pub use store::{
    ApiKey, Attempt, Ban, Change, Device, ExternalFilter, ExternalSession, RevocationRequest, Session,
    Target, User,
};
use upkeep::revocation_feed::{self as feed, Feed};
use upkeep::{channel_retention as retention, expiry as sweep};

/// Every use case, behind one handle. Clones are the same services.
#[derive(Clone)]
pub struct Services(Arc<Parts>);

/// What the use cases work with; doors may use the keys, the clock and the verifier as they are.
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// The one judge of credentials.
    pub verifier: Verifier,
    /// The judge of tokens of outside issuers.
    pub issuers: Issuers,
    /// Access tokens.
    pub access_keys: Arc<AccessKeys>,
    /// Refresh tokens.
    pub refresh_keys: RefreshKeys,
    /// CSRF tokens.
    pub csrf_keys: CsrfKeys,
    /// Device and pre-session cookies.
    pub device_cookies: DeviceCookies,
    /// How often what may be tried.
    pub limits: Limits,
    throttle_keys: ThrottleKeys,
    totp_sealer: TotpSealer,
    backup_code_keys: BackupCodeKeys,
    passkey_decoys: Decoys,
    relying_party: RelyingParty,
    settings: ServiceSettings,
    store: Store,
    realtime: Realtime,
    hasher: Hasher,
    tails: Mutex<Tails>,
    api_key_uses: api_keys::Uses,
    /// Denials that are being written here, by their marks.
    denying: Mutex<HashSet<Uuid>>,
    feed: Arc<Feed>,
    /// This process, in rows that belong to one.
    node: Uuid,
    started: Instant,
    measured: node::Measured,
    gone: Arc<Gone>,
    /// Emulated streams that are open here, by their secrets.
    pub streams: Arc<StreamSecrets>,
    signs: outside::Signs,
    closing: AtomicBool,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Deref for Services {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Services {
    /// Puts the use cases together. Nothing runs yet.
    #[must_use]
    pub fn new(
        settings: ServiceSettings,
        store: Store,
        realtime: Realtime,
        keys: Keys,
        clock: Clock,
    ) -> Self {
        let access_keys = Arc::new(keys.access);
        let feed = Arc::new(Feed::default());
        let verifier = Verifier::new(verifier::Sources {
            store: store.clone(),
            realtime: realtime.clone(),
            keys: Arc::clone(&access_keys),
            feed: Arc::clone(&feed),
            clock: clock.clone(),
            limits: settings.sessions,
        });
        let issuers =
            Issuers::new(settings.issuers.clone(), access_keys.issuer(), clock.clone(), store.runtime());
        let hasher = Hasher::new(store.runtime().clone(), settings.password_queue);
        Self(Arc::new(Parts {
            clock,
            verifier,
            issuers,
            access_keys,
            refresh_keys: keys.refresh,
            csrf_keys: keys.csrf,
            device_cookies: keys.cookies,
            limits: settings.limits.clone(),
            throttle_keys: keys.throttle,
            totp_sealer: keys.totp,
            backup_code_keys: keys.backup_codes,
            passkey_decoys: keys.decoys,
            relying_party: settings.relying_party.clone(),
            settings,
            store,
            realtime,
            hasher,
            tails: Mutex::default(),
            api_key_uses: api_keys::Uses::default(),
            denying: Mutex::default(),
            feed,
            node: Uuid::new_v4(),
            started: Instant::now(),
            measured: node::Measured::default(),
            gone: Arc::default(),
            streams: Arc::default(),
            signs: outside::Signs::default(),
            closing: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            tasks: Mutex::new(Vec::new()),
        }))
    }

    /// Starts what runs by itself, on the database's runtime. Until the feed has heard from the database once, nothing verifies.
    pub fn start(&self) {
        let (runtime, parts) = (self.store.runtime().clone(), || Arc::downgrade(&self.0));
        let feed = runtime.spawn(feed::run(parts(), self.stop.subscribe()));
        let sweep = runtime.spawn(sweep::run(parts(), self.stop.subscribe()));
        let retention = runtime.spawn(retention::run(parts(), self.stop.subscribe()));
        let bans = runtime.spawn(bans::run(parts(), self.stop.subscribe()));
        let gone = runtime.spawn(outside::run(parts(), Arc::clone(&self.gone), self.stop.subscribe()));
        self.tasks.lock().extend([feed, sweep, bans, gone, retention]);
    }

    /// Stops what [`Services::start`] started, and waits until it has.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            // A task that panicked is over, too.
            let _ = task.await;
        }
    }

    /// From here on [`Services::ready`] says no.
    pub fn stop_accepting(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether this node should be sent requests: it is not stopping, it hears of revocations, and the database takes
    /// writes. Answers within a second.
    ///
    /// # Errors
    /// `Unavailable` otherwise.
    pub async fn ready(&self) -> Result<(), Failure> {
        if self.closing.load(Ordering::Acquire) || !self.feed.is_current() {
            return Err(Failure::unavailable());
        }
        Ok(self.store.ping().await?)
    }

    /// For use cases that begin with a write, which may take longer than people wait: whether it is worth beginning.
    async fn reachable(&self) -> Result<(), Failure> {
        if self.feed.is_current() { Ok(()) } else { Ok(self.store.ping().await?) }
    }

    /// Whether this node can be sure that it has heard of every revocation.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.feed.is_current()
    }

    /// The one judge of credentials.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
