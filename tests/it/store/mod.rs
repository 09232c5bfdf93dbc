//! Tests of the store with a real PostgreSQL, one fact per test.
//!
//! Each test gets its own migrated database from the harness.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod aged;
mod attempts;
mod audit;
mod authority;
mod certificate_lock;
mod everyone;
mod external;
mod journal;
mod opening;
mod outage;
mod pool;
mod proof;
mod refresh;
mod revoking;
mod schema;
mod watermark;

use std::{future::Future, net::IpAddr, time::Duration};

use domain::{
    account::{
        email::Email,
        role::{Role, Status},
    },
    risk::Place,
    session::SignInMethod,
};
use logic::journal::Range;
use protocol::{
    audit::{AuditEvent, Outcome},
    close::Cause,
    id::{DeviceId, SessionId},
};
use store::{
    DatabaseSettings, DeviceSeen, NewUser, OpenOutcome, OpenSession, RevocationRequest, SERVER_ROLE, Session,
    Store, Target, User,
};
use time::OffsetDateTime;

/// The range of all stored publications of a channel.
const ALL: Range = Range {
    after: 0,
    before: u64::MAX,
    limit: 1_000,
    bytes: usize::MAX,
    reverse: false,
    size: 1_000,
    younger_than_ms: 0,
};

/// A database, and its store with the role of the server. The settings are those of the owner of the tables.
struct Db {
    settings: DatabaseSettings,
    store: Store,
}

/// Runs a test with a fresh database.
fn with_db<F: Future<Output = ()>>(fact: impl FnOnce(Db) -> F) {
    let settings = crate::harness::fresh_database();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::connect(&settings.clone().as_role(SERVER_ROLE)).unwrap();
        fact(Db { settings, store }).await;
    });
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn event(name: &str) -> AuditEvent {
    AuditEvent::new(name, Outcome::Success, now().unix_timestamp() * 1000)
}

fn address() -> IpAddr {
    IpAddr::from([192, 0, 2, 7])
}

fn device() -> DeviceSeen {
    DeviceSeen {
        id: DeviceId::random(),
        fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
        fingerprint_version: 2,
        user_agent: Some("test".to_owned()),
        address: address(),
        place: Place::default(),
    }
}

impl Db {
    /// A store of the owner of the tables.
    fn owner(&self) -> Store {
        Store::connect(&self.settings).unwrap()
    }

    /// An active user of this name.
    async fn user(&self, name: &str) -> User {
        let new = NewUser {
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            display_name: None,
            password_hash: "$argon2id$none".to_owned().into(),
            role: Role::User,
            status: Status::Active,
            device: None,
            language: None,
            now: now(),
        };
        self.store.insert_user(new, event("user.registered")).await.unwrap()
    }

    /// A sign-in of this user after the check of the password.
    fn sign_in(user: &User) -> OpenSession {
        OpenSession {
            id: SessionId::random(),
            user: user.id,
            revocation_epoch: user.revocation_epoch,
            revoked_all: 0,
            device: device(),
            method: SignInMethod::Password,
            expires_at: now() + Duration::from_secs(30 * 86_400),
            refresh_expires_at: now() + Duration::from_secs(7 * 86_400),
            privileged_until: now() + Duration::from_secs(600),
            challenge: None,
            proof: None,
            trust: None,
            attempt: None,
            per_user_limit: 20,
            device_limit: 50,
            now: now(),
        }
    }

    async fn open(&self, open: OpenSession) -> Session {
        match self.store.open_session(open, event("session.opened")).await.unwrap() {
            OpenOutcome::Session(session, _) => *session,
            OpenOutcome::Superseded | OpenOutcome::Spent => {
                panic!("the sign-in was superseded, or its proof is spent")
            }
        }
    }

    async fn revoke(&self, target: Target, cause: Cause) -> store::CommittedRevocation {
        self.store.commit(RevocationRequest::new(target, cause, now())).await.unwrap()
    }

    /// A connection outside the pool, for reading and changing rows.
    async fn raw(&self) -> tokio_postgres::Client {
        let (client, connection) = self.settings.config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn count(&self, sql: &str) -> i64 {
        self.raw().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}
