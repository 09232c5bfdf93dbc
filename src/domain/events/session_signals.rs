//! The security events (CAEP 1.0 and RISC 1.0) of an audit event.
//!
//! Every revocation writes its cause into its audit event, so [`of_cause`] maps every end of trust. The compiler refuses a new
//! cause that is not mapped there. Other events are mapped by their names, in [`of_name`].

use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{SessionId, UserId},
};
use serde_json::{Map, Value, json};

use super::outgoing::SignalSubject;

macro_rules! signal_kinds {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        /// The type of a security event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum SignalKind { $($(#[$doc])* $name,)* }

        impl SignalKind {
            /// Every type that a stream may ask for.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The URI of the type.
            #[must_use]
            pub fn uri(self) -> &'static str {
                match self { $(Self::$name => $uri,)* }
            }
        }
    };
}

signal_kinds! {
    /// Sessions have ended (CAEP 1.0, 3.1).
    SessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    /// The role of a user, which tokens name, has changed (CAEP 1.0, 3.2).
    TokenClaimsChange = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";
    /// A credential was made, changed or removed (CAEP 1.0, 3.3).
    CredentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
    /// A session has given a further proof of presence, or is trusted less (CAEP 1.0, 3.4).
    AssuranceLevelChange = "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change";
    /// An account was disabled (RISC 1.0, 2.3).
    AccountDisabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
    /// A disabled account works again (RISC 1.0, 2.4).
    AccountEnabled = "https://schemas.openid.net/secevent/risc/event-type/account-enabled";
    /// An account was erased (RISC 1.0, 2.2).
    AccountPurged = "https://schemas.openid.net/secevent/risc/event-type/account-purged";
    /// A credential of a user was probably copied (RISC 1.0, 2.7).
    CredentialCompromise = "https://schemas.openid.net/secevent/risc/event-type/credential-compromise";
}

/// The event that lets the receiver of a stream verify the stream (SSF 1.0, 8.1.4).
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// The longest list of ended sessions in the detail of an audit event. If more sessions have ended, the events name the user as a
/// whole. A receiver may then end too many sessions, but never too few.
pub const NAMED_SESSIONS: usize = 100;
/// The key of that list in the detail of an audit event.
pub const ENDED_SESSIONS: &str = "ended_sessions";

/// A security event that is not bound to a receiver yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The type.
    pub kind: SignalKind,
    /// What it is about.
    pub about: SignalSubject,
    /// The members of the event.
    pub claims: Map<String, Value>,
}

/// The security events of an audit event.
#[must_use]
pub fn signals(event: &AuditEvent) -> Vec<Signal> {
    let revoked = event.detail.contains_key("revocation");
    let cause = event.detail.get("cause").and_then(Value::as_str).and_then(|word| word.parse().ok());
    match cause {
        Some(cause) if revoked => of_cause(event, cause),
        _ if event.outcome == Outcome::Success => of_name(event),
        _ => Vec::new(),
    }
}

/// The security events of a revocation with this cause. The events about ended sessions come last, so that a receiver learns the
/// reason first.
fn of_cause(event: &AuditEvent, cause: Cause) -> Vec<Signal> {
    let ended = |entity| ended(event, entity);
    let user = event.user;
    let before = match cause {
        Cause::Revoked if event.detail.get("password_locked") == Some(&json!(true)) => {
            credential(event, "password", "revoke")
        }
        Cause::Revoked | Cause::RefreshReused | Cause::DeviceRemoved => Vec::new(),
        Cause::SignedOut | Cause::SessionExpired | Cause::SessionLimit => Vec::new(),
        Cause::PasswordChanged => credential(event, "password", "update"),
        Cause::AccountDisabled => {
            user.map(|user| account(event, SignalKind::AccountDisabled, user)).into_iter().collect()
        }
        Cause::RoleChanged => role(event),
        Cause::FactorChanged => {
            let (credential_type, change) = factor_change(&event.event);
            credential(event, credential_type, change)
        }
        Cause::CredentialCloned => cloned(event),
        Cause::Drill => Vec::new(),
    };
    let after = match cause {
        Cause::Revoked | Cause::AccountDisabled => ended(initiator(event)),
        Cause::SignedOut | Cause::PasswordChanged | Cause::DeviceRemoved | Cause::FactorChanged => {
            ended(initiator(event))
        }
        Cause::RefreshReused | Cause::SessionExpired | Cause::SessionLimit | Cause::CredentialCloned => {
            ended("policy")
        }
        // The sessions continue.
        Cause::RoleChanged => Vec::new(),
        // Other systems do not know the canary account.
        Cause::Drill => Vec::new(),
    };
    before.into_iter().chain(after).collect()
}

/// Security events of acts that are no revocations.
fn of_name(event: &AuditEvent) -> Vec<Signal> {
    match event.event.as_str() {
        "session.stepped_up" => stepped_up(event),
        "user.status_changed" if event.detail.get("status") == Some(&json!("active")) => {
            event.user.map(|user| account(event, SignalKind::AccountEnabled, user)).into_iter().collect()
        }
        // The request had disabled the account. It may get another status back than `active`.
        "erasure.cancelled" if event.detail.get("status") == Some(&json!("active")) => {
            event.user.map(|user| account(event, SignalKind::AccountEnabled, user)).into_iter().collect()
        }
        "erasure.carried_out" => {
            event.user.map(|user| account(event, SignalKind::AccountPurged, user)).into_iter().collect()
        }
        // A denial ends no row of a session, but the server accepts no credential of the subject any more.
        "user.blocked" => denied(event),
        // A denial of subscriptions to one channel leaves the sessions as they are.
        "tokens.invalidated" if !event.detail.contains_key("channel") => denied(event),
        "token.revoked" => {
            let token = event.detail.get("token").and_then(Value::as_str);
            let about = token.map(|token| SignalSubject::Token(token.to_owned()));
            about.map(|about| signal(event, SignalKind::SessionRevoked, about, "admin")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn signal(event: &AuditEvent, kind: SignalKind, about: SignalSubject, entity: &str) -> Signal {
    let mut claims = Map::new();
    claims.insert("event_timestamp".to_owned(), (event.at_ms.div_euclid(1000)).into());
    claims.insert("initiating_entity".to_owned(), entity.into());
    let reason = event.detail.get("reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    if let Some(reason) = reason {
        claims.insert("reason_admin".to_owned(), json!({"en": reason}));
    }
    Signal { kind, about, claims }
}

/// Which kind of party has started the change.
fn initiator(event: &AuditEvent) -> &'static str {
    match (event.actor, event.user) {
        (Some(actor), Some(user)) if actor == user => "user",
        (None, _) if event.api_key.is_none() && !event.detail.contains_key("by") => "policy",
        _ => "admin",
    }
}

/// The events `session-revoked`: one for the whole target if all of its sessions ended, otherwise one for each ended session.
fn ended(event: &AuditEvent, entity: &str) -> Vec<Signal> {
    let scope = event.detail.get("scope").and_then(Value::as_str).unwrap_or_default();
    let listed = event.detail.get(ENDED_SESSIONS).and_then(Value::as_array);
    let whole = match (scope, event.user, event.session, event.device) {
        ("session", user, Some(session), _) => Some(SignalSubject::Session(user, session)),
        ("device", user, _, Some(device)) => Some(SignalSubject::Device(user, device)),
        ("subject", _, _, _) => event.subject.clone().map(SignalSubject::External),
        ("all", _, _, _) => Some(SignalSubject::Everyone),
        (_, Some(user), _, _) => Some(SignalSubject::User(user)),
        _ => None,
    };
    let subjects: Vec<_> = match listed {
        Some(listed) => listed.iter().filter_map(|id| session_of(id, event.user)).collect(),
        None => whole.into_iter().collect(),
    };
    subjects.into_iter().map(|about| signal(event, SignalKind::SessionRevoked, about, entity)).collect()
}

fn session_of(id: &Value, user: Option<UserId>) -> Option<SignalSubject> {
    let id = id.as_str()?.parse().ok()?;
    Some(SignalSubject::Session(user, SessionId(id)))
}

fn credential(event: &AuditEvent, credential_type: &str, change: &str) -> Vec<Signal> {
    let Some(user) = event.user else { return Vec::new() };
    let about = SignalSubject::User(user);
    let mut signal = signal(event, SignalKind::CredentialChange, about, initiator(event));
    signal.claims.insert("credential_type".to_owned(), credential_type.into());
    signal.claims.insert("change_type".to_owned(), change.into());
    vec![signal]
}

/// The credential type of CAEP 1.0, and the change, of an event about second factors. An event with an unknown name is reported
/// as a change of an app, so that no change is left out.
fn factor_change(name: &str) -> (&'static str, &'static str) {
    match name {
        "totp.confirmed" => ("app", "create"),
        "totp.removed" => ("app", "delete"),
        "passkey.added" => (PASSKEY, "create"),
        "passkey.removed" => (PASSKEY, "delete"),
        // CAEP 1.0 has no type for backup codes, and permits others.
        "backup_codes.replaced" => ("backup-codes", "update"),
        "factors.reset" => ("app", "revoke"),
        _ => ("app", "update"),
    }
}

/// Most passkeys are stored by the platform. The server does not know which passkeys are stored elsewhere.
const PASSKEY: &str = "fido2-platform";

fn cloned(event: &AuditEvent) -> Vec<Signal> {
    let Some(user) = event.user else { return Vec::new() };
    let mut compromise = signal(event, SignalKind::CredentialCompromise, SignalSubject::User(user), "policy");
    compromise.claims.insert("credential_type".to_owned(), PASSKEY.into());
    let mut change = credential(event, PASSKEY, "revoke");
    change.insert(0, compromise);
    change
}

fn account(event: &AuditEvent, kind: SignalKind, user: UserId) -> Signal {
    signal(event, kind, SignalSubject::User(user), initiator(event))
}

fn role(event: &AuditEvent) -> Vec<Signal> {
    let (Some(user), Some(role)) = (event.user, event.detail.get("role")) else { return Vec::new() };
    let mut signal = account(event, SignalKind::TokenClaimsChange, user);
    signal.claims.insert("claims".to_owned(), json!({"role": role}));
    vec![signal]
}

fn stepped_up(event: &AuditEvent) -> Vec<Signal> {
    let Some(session) = event.session else { return Vec::new() };
    let method = event.detail.get("method").and_then(Value::as_str).unwrap_or_default();
    let level = if method == "password" { "nist-aal1" } else { "nist-aal2" };
    let about = SignalSubject::Session(event.user, session);
    let mut signal = signal(event, SignalKind::AssuranceLevelChange, about, "user");
    signal.claims.insert("namespace".to_owned(), "NIST-AAL".into());
    signal.claims.insert("current_level".to_owned(), level.into());
    signal.claims.insert("change_direction".to_owned(), "increase".into());
    vec![signal]
}

fn denied(event: &AuditEvent) -> Vec<Signal> {
    let about = match (event.user, &event.subject) {
        (Some(user), _) => Some(SignalSubject::User(user)),
        (None, Some(subject)) => Some(SignalSubject::External(subject.clone())),
        (None, None) => None,
    };
    about.map(|about| signal(event, SignalKind::SessionRevoked, about, "admin")).into_iter().collect()
}
