//! The actions of an operator on the command line, called in this process, and one run of the periodic jobs.
//!
//! Only this file of the tests calls the services of the server directly, so a change of a service affects only this
//! file. Starting the `portcullis` command for each of these calls would take longer than the tests; `cli.rs` tests
//! the command itself.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use actors::runtime::ServerPublication;
use domain::{
    account::role::{Role, Status},
    tokens::api_key::ApiScopes,
};
use protocol::{
    Payload,
    audit::{AuditEvent, Outcome},
    channel_name::ChannelName,
    id::{SessionId, Subject, UserId},
};
use secrecy::{ExposeSecret as _, SecretString};
use service::{
    ApiKey, Ban, DenialTerms, DisconnectCount, ExternalFilter, ExternalSession, Failure, RevocationResult,
    Target, User,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{App, DatabaseProxy, eventually};

/// The terms of a denial; without `expires_at` it has no end.
fn denial_terms(expires_at: Option<OffsetDateTime>) -> DenialTerms {
    let event = AuditEvent::new("", Outcome::Success, 1_800_000_000_000);
    DenialTerms { expires_at, reason: "a test".to_owned(), event }
}

impl App {
    /// The server's wall clock.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.services().clock.now()
    }

    /// Moves the server's wall clock.
    pub(crate) fn advance(&self, by: Duration) {
        self.services().clock.advance(by);
    }

    /// Whether this node is current, that is, has read every committed revocation. Otherwise it does not use its
    /// session cache.
    pub(crate) fn is_current(&self) -> bool {
        self.services().revocation.is_current()
    }

    /// Whether deliveries of this node wait.
    pub(crate) fn holds_deliveries(&self) -> bool {
        self.realtime().holds_deliveries()
    }

    /// Cuts the link to the database, and returns once deliveries of this node wait because of that. A look at the
    /// revocations that began before the cut may still succeed, and counts for a second from its beginning.
    pub(crate) async fn lose_database(&self, proxy: &DatabaseProxy) {
        proxy.cut();
        let cut = Instant::now();
        let last_look_is_old = || cut.elapsed() > Duration::from_millis(1_500);
        eventually("deliveries are held back", async || last_look_is_old() && self.holds_deliveries()).await;
    }

    /// Publishes past the server API, as publications arrive that this node has already accepted.
    pub(crate) async fn publish(&self, channel: &str, data: serde_json::Value) {
        let publication = ServerPublication {
            data: Payload::parse(&data.to_string()).expect("a payload"),
            tags: Vec::new(),
            skip_history: false,
            idempotency_key: None,
            version: None,
        };
        let channel = ChannelName::parse(channel).expect("a channel");
        self.realtime().publish_as_server(channel, publication).await.expect("a publication");
    }

    /// How many subscribers a channel shows.
    pub(crate) async fn members_of(&self, channel: &str) -> usize {
        let channel = ChannelName::parse(channel).expect("a channel");
        self.realtime().presence_of(channel).await.expect("subscribers").len()
    }

    /// Whether a connection of this session still takes messages.
    pub(crate) async fn delivers_to(&self, session: SessionId) -> bool {
        !self.realtime().describe(session).await.is_empty()
    }

    /// Runs every periodic job once.
    pub(crate) async fn sweep(&self) {
        self.try_sweep().await.expect("a sweep");
    }

    /// As [`Self::sweep`], but returns the error of a failed job.
    pub(crate) async fn try_sweep(&self) -> Result<(), Failure> {
        self.services().upkeep.run_once().await
    }

    /// Revokes the sessions of this target, as `portcullis session revoke` does.
    pub(crate) async fn revoke(&self, target: Target) -> RevocationResult {
        self.services().operators.local_admin.revoke(target, "a test".to_owned()).await.expect("a revocation")
    }

    /// Connections of outside issuers' users, newest first.
    pub(crate) async fn external_sessions(&self, filter: ExternalFilter) -> Vec<ExternalSession> {
        self.services().operators.listings.external_sessions(filter).await.expect("sessions")
    }

    /// Creates a user of a development server.
    pub(crate) async fn seed_user(&self, email: &str, password: &str, role: Role) -> User {
        let seeded =
            self.services().operators.local_admin.seed_user(email, &SecretString::from(password), role).await;
        seeded.expect("a user")
    }

    pub(crate) async fn set_role(&self, user: UserId, role: Role) {
        self.services().operators.local_admin.set_role(user, role).await.expect("the role is set");
    }

    pub(crate) async fn set_status(&self, user: UserId, status: Status) {
        self.services().operators.local_admin.set_status(user, status).await.expect("the status is set");
    }

    pub(crate) async fn reset_password(&self, user: UserId, password: &str) {
        self.services()
            .operators
            .local_admin
            .reset_password(user, SecretString::from(password))
            .await
            .expect("it is reset");
    }

    /// Gives their keys to accounts without one, as `portcullis migrate` does. Returns the accounts that have none.
    pub(crate) async fn assign_account_keys(&self) -> Vec<i64> {
        let without = self.store().assign_account_keys().await.expect("the keys");
        without.into_iter().map(|account| account.user.0).collect()
    }

    /// Removes every second factor of a user.
    pub(crate) async fn reset_factors(&self, user: UserId) {
        self.services().operators.local_admin.reset_factors(user).await.expect("they are reset");
    }
}

/// API keys.
impl App {
    /// A key with these scopes.
    pub(crate) async fn api_key(&self, name: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope"));
        let made = self.create_api_key(name, ApiScopes::joined(scopes), None).await;
        made.expect("a key").0.expose_secret().to_owned()
    }

    pub(crate) async fn create_api_key(
        &self,
        name: &str,
        scopes: ApiScopes,
        lifetime: Option<Duration>,
    ) -> Result<(SecretString, ApiKey), Failure> {
        self.services().access.api_keys.create(name, scopes, lifetime).await
    }

    /// Revokes the key of this id or name; `None` if there is none.
    pub(crate) async fn revoke_api_key(&self, key: &str) -> Option<Uuid> {
        self.services().access.api_keys.revoke(key).await.expect("an answer")
    }
}

/// Bans of addresses.
impl App {
    pub(crate) async fn ban_address(&self, address: &str, period: Duration) -> Ban {
        let banned = self.services().operators.bans.ban_address(ip(address), period, String::new()).await;
        banned.expect("a ban")
    }

    /// Whether there was a ban to lift.
    pub(crate) async fn lift_ban(&self, address: &str) -> bool {
        self.services().operators.bans.lift(ip(address)).await.expect("an answer")
    }

    /// The bans in force.
    pub(crate) async fn bans(&self) -> Vec<Ban> {
        self.services().operators.bans.list().await.expect("the bans")
    }
}

fn ip(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

/// Denials of users and tokens.
impl App {
    /// Blocks a user.
    pub(crate) async fn block(&self, subject: &Subject) -> DisconnectCount {
        self.services()
            .revocation
            .denials
            .block_user(subject.clone(), denial_terms(None))
            .await
            .expect("the user is blocked")
    }

    /// Blocks a user for this long.
    pub(crate) async fn block_for(&self, subject: &Subject, period: Duration) -> DisconnectCount {
        let terms = denial_terms(Some(self.now() + period));
        self.services()
            .revocation
            .denials
            .block_user(subject.clone(), terms)
            .await
            .expect("the user is blocked")
    }

    /// Ends the block of a user.
    pub(crate) async fn unblock(&self, subject: &Subject) {
        let unblocked =
            self.services().revocation.denials.unblock_user(subject.clone(), denial_terms(None)).await;
        unblocked.expect("the user is unblocked");
    }

    /// Revokes a token.
    pub(crate) async fn revoke_token(&self, id: &str) -> DisconnectCount {
        self.services()
            .revocation
            .denials
            .revoke_token(id, denial_terms(None))
            .await
            .expect("the token is revoked")
    }

    /// Revokes a token for this long.
    pub(crate) async fn revoke_token_for(&self, id: &str, period: Duration) -> DisconnectCount {
        let terms = denial_terms(Some(self.now() + period));
        self.services().revocation.denials.revoke_token(id, terms).await.expect("the token is revoked")
    }

    /// Revokes every token of a user that was issued until now.
    pub(crate) async fn invalidate_tokens(&self, subject: &Subject) -> DisconnectCount {
        self.try_invalidate_tokens(subject, self.now()).await.expect("the tokens are invalidated")
    }

    /// Revokes every token of a user that was issued before this moment.
    pub(crate) async fn invalidate_tokens_before(
        &self,
        subject: &Subject,
        moment: OffsetDateTime,
    ) -> DisconnectCount {
        self.try_invalidate_tokens(subject, moment).await.expect("the tokens are invalidated")
    }

    /// Revokes the subscription tokens of a user for this channel that were issued before this moment.
    pub(crate) async fn invalidate_channel_tokens(
        &self,
        subject: &Subject,
        channel: &str,
        moment: OffsetDateTime,
    ) -> DisconnectCount {
        let channel = Some(ChannelName::parse(channel).expect("the name of a channel"));
        let terms = denial_terms(None);
        let done = self
            .services()
            .revocation
            .denials
            .invalidate_tokens(subject.clone(), moment, channel, terms)
            .await;
        done.expect("the tokens are invalidated")
    }

    /// Revokes every token of a user that was issued before this moment, or returns the error.
    pub(crate) async fn try_invalidate_tokens(
        &self,
        subject: &Subject,
        moment: OffsetDateTime,
    ) -> Result<DisconnectCount, Failure> {
        self.services()
            .revocation
            .denials
            .invalidate_tokens(subject.clone(), moment, None, denial_terms(None))
            .await
    }
}
