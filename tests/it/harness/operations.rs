//! The acts of a test on a server without a client. They are the actions of operators and of callers of the server API in this
//! process, moves of the clock, and the jobs of expiry and retention.
//!
//! Tests call the services of the server only through the harness, nearly always through this file. So a change of a service
//! affects few places. Starting the `portcullis` command for each call would take longer than the tests themselves. `cli.rs`
//! tests the command.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use actors::runtime::ServerPublication;
use domain::{
    account::{
        erasure::MessagesOfErased,
        role::{Role, Status},
    },
    tokens::api_key::ApiScopes,
};
use portcullis::config::{Secrets, Variables, audit_log_settings};
use protocol::{
    Payload,
    audit::{AuditEvent, Outcome},
    channel_name::ChannelName,
    id::{RevocationId, SessionId, Subject, UserId},
};
use secrecy::{ExposeSecret as _, SecretString};
use service::{
    ApiKey, AuditLog, AuditLogError, Ban, DenialTerms, DisconnectCount, ExternalFilter, ExternalSession,
    Failure, PersonExport, RequestMeta, RevocationResult, Target, User, VerifiedLog, VerifyError,
    VerifyOptions,
};
use store::{Erased, MonthDrop, RoleStanding, SERVER_ROLE, Store};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{App, DatabaseProxy, Session, app::secrets, eventually, secret_watch};

/// The terms of a denial. Without `expires_at`, they name no end.
fn denial_terms(expires_at: Option<OffsetDateTime>) -> DenialTerms {
    let event = AuditEvent::new("", Outcome::Success, 1_800_000_000_000);
    DenialTerms { expires_at, reason: "a test".to_owned(), event }
}

impl App {
    /// The server's wall clock.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.services().clock.now()
    }

    /// Moves the server's wall clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.services().clock.advance(by);
    }

    /// Whether this node is current: its last look that counts began less than a second ago. A node that is not current does
    /// not use its session cache.
    pub(crate) fn is_current(&self) -> bool {
        self.services().revocation.is_current()
    }

    /// Whether the deliveries of this node wait behind its gate.
    pub(crate) fn holds_deliveries(&self) -> bool {
        self.realtime().holds_deliveries()
    }

    /// Cuts the link to the database, and returns when the deliveries of this node wait because of the cut. This takes at least
    /// 1.5 seconds: a look at the revocations from before the cut may still succeed, and counts for a second from its
    /// beginning.
    pub(crate) async fn lose_database(&self, proxy: &DatabaseProxy) {
        proxy.cut();
        let cut = Instant::now();
        let last_look_is_old = || cut.elapsed() > Duration::from_millis(1_500);
        eventually("deliveries are held back", async || last_look_is_old() && self.holds_deliveries()).await;
    }

    /// Publishes without the server API, which refuses publications during an outage. The publication is like one that this
    /// node accepted before the outage.
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

    /// The number of subscribers in the presence of a channel.
    pub(crate) async fn members_of(&self, channel: &str) -> usize {
        let channel = ChannelName::parse(channel).expect("a channel");
        self.realtime().presence_of(channel).await.expect("subscribers").len()
    }

    /// Whether this session still has a connection on this node.
    pub(crate) async fn delivers_to(&self, session: SessionId) -> bool {
        !self.realtime().describe(session).await.is_empty()
    }

    /// Runs the jobs of expiry and retention once: they mark the rows of revoked sessions as ended, end expired sessions, and
    /// delete what is no longer kept.
    pub(crate) async fn sweep(&self) {
        self.try_sweep().await.expect("a sweep");
    }

    /// As [`Self::sweep`], but returns the error of a failed job.
    pub(crate) async fn try_sweep(&self) -> Result<(), Failure> {
        self.services().upkeep.run_once().await
    }

    /// Writes the statistics of the server, as its job does every few seconds, and adds up the hours that have ended.
    pub(crate) async fn write_statistics(&self) {
        self.services().upkeep.write_statistics().await.expect("the statistics are written");
    }

    /// Moves the events that wait into the audit log, and carries its checkpoint to the anchor. Needs the setting `sequencing`.
    pub(crate) async fn sequence(&self) {
        self.try_sequence().await.expect("the events enter the log");
    }

    /// As [`Self::sequence`], but returns the error.
    pub(crate) async fn try_sequence(&self) -> Result<(), AuditLogError> {
        let log = &self.services().audit_log;
        loop {
            log.sequence().await?;
            // The job of the server may be at work, so this call may have done nothing.
            if self.count("SELECT count(*) FROM audit_events").await == 0 {
                return log.anchor_checkpoint().await;
            }
        }
    }

    /// As [`Self::sequence`], with the role of the server, for a server without the setting `sequencing`: its jobs leave the
    /// log as the test makes it.
    pub(crate) async fn sequence_alone(&self) {
        let settings = audit_log_settings(&Variables::default()).expect("settings");
        let store = Store::connect(&self.database().clone().as_role(SERVER_ROLE)).expect("a store");
        let keys = secrets().data_encryption;
        let log = AuditLog::new(store, self.services().clock.clone(), settings, move || keys.clone());
        log.sequence().await.expect("the events enter the log");
    }

    /// Writes the receipts of the revocations that are complete, as the job of a server that writes receipts does. Returns how many
    /// revocations have waited for a node for long.
    pub(crate) async fn complete_revocations(&self) -> usize {
        self.store().complete_revocations(RevocationId(0), self.now()).await.expect("a pass").waiting
    }

    /// Makes the server begin nothing more, as at the beginning of a shutdown.
    pub(crate) fn stop_accepting(&self) {
        self.services().upkeep.stop_accepting();
    }

    /// Stops the jobs of the server, as at the end of a shutdown.
    pub(crate) async fn stop_jobs(&self) {
        self.services().upkeep.stop().await;
    }

    /// Verifies the audit log.
    pub(crate) async fn verify_log(&self, options: &VerifyOptions) -> Result<VerifiedLog, VerifyError> {
        self.services().audit_log.verify(options, &|_, _| ()).await
    }

    /// The audit log.
    pub(crate) fn audit_log(&self) -> &AuditLog {
        &self.services().audit_log
    }

    /// What the database role of the server may do.
    pub(crate) async fn role_standing(&self) -> RoleStanding {
        let database = self.database().clone().as_role(SERVER_ROLE);
        Store::connect(&database).expect("a store").role_standing().await.expect("the standing")
    }

    /// Destroys the keys of the personal fields of this user in the audit log.
    pub(crate) async fn destroy_audit_keys(&self, user: i64) -> bool {
        // The keys of an account are destroyed only while it is erased.
        let begun = "INSERT INTO erasures (user_id, account_created_at, state, requested_by, status_before, requested_at, due_at, begun_at)
                     VALUES ($1, now(), 'erasing', 'user', 'active', now(), now(), now()) ON CONFLICT DO NOTHING";
        self.rows().await.execute(begun, &[&user]).await.expect("an erasure");
        self.store().destroy_audit_keys(UserId(user), self.now()).await.expect("keys")
    }

    /// Drops the oldest month of the audit log, if it ended this long ago by the clock of the server. The clock of the database,
    /// which a test does not move, never keeps it.
    pub(crate) async fn drop_audit_month(&self, kept: Duration) -> bool {
        let none = "UPDATE audit_log_head SET kept_days = -10000";
        self.rows().await.batch_execute(none).await.expect("the head");
        let event = AuditEvent::new("audit.month_dropped", Outcome::Success, 0);
        matches!(self.try_drop_audit_month(kept, event).await, MonthDrop::Dropped(_))
    }

    /// Drops the oldest month of the audit log, if it ended this long ago and the database does not keep it longer.
    pub(crate) async fn try_drop_audit_month(&self, kept: Duration, event: AuditEvent) -> MonthDrop {
        self.store().drop_audit_month(self.now() - kept, event).await.expect("a month")
    }

    /// Replaces the keys of the server by those of these secrets, as a server does that reads its settings again.
    pub(crate) async fn replace_keys(&self, secrets: &Secrets) {
        portcullis::app::replace_keys(self.services(), secrets).await.expect("the keys are replaced");
    }

    /// Revokes the sessions of this target, as `portcullis session revoke` does.
    pub(crate) async fn revoke(&self, target: Target) -> RevocationResult {
        self.services().operators.local_admin.revoke(target, "a test".to_owned()).await.expect("a revocation")
    }

    /// Begins an export of everything about the user of this session. The test takes the pieces.
    pub(crate) async fn begin_export(&self, session: &Session) -> PersonExport {
        let caller = self.services().access.verifier.verify(&session.access).await.expect("a caller");
        let meta = RequestMeta {
            request_id: Uuid::new_v4().to_string(),
            address: IpAddr::from([127, 0, 0, 1]),
            user_agent: None,
            fingerprint: String::new(),
            device: None,
            browser: false,
            certificate: None,
        };
        self.services().account.personal_data.export(&caller, &meta).await.expect("an export")
    }

    /// Ends an erasure that has begun, as its job does.
    pub(crate) async fn finish_erasure(&self, user: i64) -> Erased {
        let event = AuditEvent::new("erasure.completed", Outcome::Success, 0);
        let finished =
            self.store().finish_erasure(UserId(user), MessagesOfErased::Erase, self.now(), event).await;
        finished.expect("the erasure ends")
    }

    /// The external sessions that the filter selects, the newest first.
    pub(crate) async fn external_sessions(&self, filter: ExternalFilter) -> Vec<ExternalSession> {
        self.services().operators.listings.external_sessions(filter).await.expect("sessions")
    }

    /// Creates a user in the same way as `portcullis dev` creates its demonstration users.
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

    pub(crate) async fn set_email(&self, user: UserId, email: &str) {
        self.services().operators.local_admin.set_email(user, email).await.expect("the address is set");
    }

    pub(crate) async fn reset_password(&self, user: UserId, password: &str) {
        self.services()
            .operators
            .local_admin
            .reset_password(user, SecretString::from(password))
            .await
            .expect("the password is reset");
    }

    /// Gives a key to each account without one, as `portcullis migrate` does. Returns the ids of the accounts that got no key.
    pub(crate) async fn assign_account_keys(&self) -> Vec<i64> {
        let without = self.store().assign_account_keys().await.expect("the keys");
        without.into_iter().map(|account| account.user.0).collect()
    }

    /// Removes every second factor of a user.
    pub(crate) async fn reset_factors(&self, user: UserId) {
        self.services().operators.local_admin.reset_factors(user).await.expect("the factors are removed");
    }
}

/// API keys.
impl App {
    /// A key with these scopes.
    pub(crate) async fn api_key(&self, name: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope"));
        let made = self.create_api_key(name, ApiScopes::joined(scopes), None).await;
        let key = made.expect("a key").0.expose_secret().to_owned();
        secret_watch::note("key of the server API", &key);
        key
    }

    pub(crate) async fn create_api_key(
        &self,
        name: &str,
        scopes: ApiScopes,
        lifetime: Option<Duration>,
    ) -> Result<(SecretString, ApiKey), Failure> {
        self.services().access.api_keys.create(name, scopes, lifetime).await
    }

    /// Revokes the API key with this id or name. Returns its id, or `None` if there is no such key.
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

    /// Lifts the ban of an address. Returns whether there was one.
    pub(crate) async fn lift_ban(&self, address: &str) -> bool {
        self.services().operators.bans.lift(ip(address)).await.expect("an answer")
    }

    /// The bans that have not ended.
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
