//! `/api/v1/admin/users`: accounts of all users.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use domain::account::role::{Role, Status};
use protocol::id::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Created, Services, UserChange, UserDetail, UserListing, UserOrder, UserQuery, UserToCreate};
use utoipa::{IntoParams, ToSchema};

use super::checked_text;
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        idempotency::{IdempotentBody, created},
        page::page_request,
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
    views::{revocation::RevocationView, user::UserView},
};

/// The search, the filters and the page of a list of users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// The number of an account.
    #[param(value_type = Option<i64>)]
    id: Option<UserId>,
    /// How the e-mail address begins.
    #[param(min_length = 1, max_length = 255)]
    email: Option<String>,
    /// How the display name begins.
    #[param(min_length = 1, max_length = 255)]
    name: Option<String>,
    #[param(inline)]
    role: Option<Role>,
    #[param(inline)]
    status: Option<Status>,
    /// The order; `-` means from the end. By default the newest come first.
    #[param(inline)]
    sort: Option<UserSort>,
    /// The number of entries.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The cursor from the answer with the previous page.
    cursor: Option<String>,
}

impl Shape for UsersQuery {
    const FIELDS: &'static str = "id, or email or name (how it begins), or sort (created, -created, email, -email, name, -name), role, status, \
         limit (1 to 200), cursor";
}

/// The order of a list of users; `-` means from the end.
#[derive(Clone, Copy, Deserialize, ToSchema)]
enum UserSort {
    #[serde(rename = "created")]
    Created,
    #[serde(rename = "-created")]
    NewestFirst,
    #[serde(rename = "email")]
    Email,
    #[serde(rename = "-email")]
    EmailFromTheEnd,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameFromTheEnd,
}

impl UsersQuery {
    /// The search or the order.
    ///
    /// # Errors
    /// 422 for more than one of `id`, `email`, `name` and `sort`, and for a text that is too long or has a NUL character.
    fn query(&self) -> Result<UserQuery, Problem> {
        let checked = |text: &String| checked_text(text.clone());
        match (&self.email, &self.name, self.sort) {
            (None, None, None) if let Some(id) = self.id => Ok(UserQuery::Id(id)),
            _ if self.id.is_some() => Err(contradicting()),
            (Some(email), None, None) => Ok(UserQuery::Email(checked(email)?)),
            (None, Some(name), None) => Ok(UserQuery::Name(checked(name)?)),
            (None, None, sort) => Ok(match sort.unwrap_or(UserSort::NewestFirst) {
                UserSort::Created => UserQuery::All(UserOrder::Id, false),
                UserSort::NewestFirst => UserQuery::All(UserOrder::Id, true),
                UserSort::Email => UserQuery::All(UserOrder::Email, false),
                UserSort::EmailFromTheEnd => UserQuery::All(UserOrder::Email, true),
                UserSort::Name => UserQuery::All(UserOrder::Name, false),
                UserSort::NameFromTheEnd => UserQuery::All(UserOrder::Name, true),
            }),
            _ => Err(contradicting()),
        }
    }
}

fn contradicting() -> Problem {
    let detail = "Name one of id, email, name and sort: a search is ordered by what it searches.";
    Problem::unprocessable("contradicting_filters", detail)
}

/// A page of users.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserPage {
    next_cursor: Option<String>,
    users: Vec<UserView>,
}

/// `GET /api/v1/admin/users`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<UsersQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = query.0.query()?;
    let UsersQuery { role, status, limit, cursor, .. } = query.0;
    let listing = UserListing { query: wanted, role, status, page: page_request(limit, cursor)? };
    let page = services.operators.users.list(&auth.caller, listing, &client.0).await?;
    let users = page.entries.iter().map(UserView::of).collect();
    Ok(HttpResponse::Ok().json(json!(UserPage { next_cursor: page.next, users })))
}

/// `GET /api/v1/admin/users/{id}`.
pub(crate) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let detail = services.operators.users.show(&auth.caller, user_id(&request)?, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(UserDetailView::of(&detail))))
}

/// The account to be created, and the reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub(crate) struct NewUserRequest {
    email: String,
    display_name: Option<String>,
    /// Only admins give another role than `user`, which is the default.
    #[serde(default = "ordinary")]
    role: Role,
    /// By default the password is generated.
    #[serde(default)]
    #[schema(inline)]
    password: PasswordChoice,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for NewUserRequest {
    const FIELDS: &'static str = "email, display_name (optional), role (user, auditor, operator or admin; user by default), \
         password (generated or none; generated by default), reason";
}

/// Whether a user gets a generated password or none.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PasswordChoice {
    #[default]
    Generated,
    None,
}

fn ordinary() -> Role {
    Role::User
}

/// A new user.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedUser)]
pub(crate) struct CreatedUserView<'p> {
    /// The generated password. It is in the first answer only; otherwise null.
    password: Option<&'p str>,
    user: UserView,
}

/// `POST /api/v1/admin/users`: 201. A generated password is in the first answer only.
pub(crate) async fn create(
    services: web::Data<Services>,
    sent: IdempotentBody<NewUserRequest>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let NewUserRequest { email, display_name, role, password, reason: why } = sent.body;
    let why = reason(&why)?;
    let with_password = password == PasswordChoice::Generated;
    let new = UserToCreate { email, display_name, role, with_password };
    let (caller, meta, operators) = (sent.caller.clone(), client.0.clone(), Arc::clone(&services.operators));
    // The future contains the hashing of a password and is large.
    let work = Box::pin(async move {
        let (user, password) = operators.users.create(&caller, new, why, &meta).await?;
        let password = password.as_ref().map(SecretString::expose_secret);
        let body = json!(CreatedUserView { password, user: UserView::of(&user) });
        Ok(Created { status: 201, body, secrets: &["password"] })
    });
    let answer = services.operators.idempotency.once(&sent.caller, sent.key, &client.0, work).await?;
    Ok(created(&answer))
}

/// A change of role or status, and the reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    role: Option<Role>,
    status: Option<Status>,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for UserPatch {
    const FIELDS: &'static str = "one of role (user, auditor, operator or admin) and status (pending, active, suspended or deactivated), and reason";
}

/// `PATCH /api/v1/admin/users/{id}`: changes the role or the status.
pub(crate) async fn change(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<UserPatch>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let UserPatch { role, status, reason: why } = sent.body;
    let change = match (role, status) {
        (Some(role), None) => UserChange::Role(role),
        (None, Some(status)) => UserChange::Status(status),
        _ => {
            let detail = "Change the role or the status, not both at once.";
            return Err(Problem::unprocessable("one_change_required", detail));
        }
    };
    let (id, why) = (user_id(&request)?, reason(&why)?);
    let (detail, revoked) = services.operators.users.change(&sent.caller, id, change, why, &client.0).await?;
    let (user, revocation) = (UserDetailView::of(&detail), RevocationView::of(&revoked));
    Ok(HttpResponse::Ok().json(json!(ChangedUserView { revocation, user })))
}

/// What the user gets instead of the password, and the reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordReset {
    /// By default the password is generated.
    #[serde(default)]
    #[schema(inline)]
    password: PasswordChoice,
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for PasswordReset {
    const FIELDS: &'static str = "password (generated or none; generated by default), reason";
}

/// The result of a password reset.
#[derive(Serialize, ToSchema)]
#[schema(as = ResetPassword)]
pub(crate) struct ResetPasswordView<'p> {
    /// The generated password. It is in the first answer only; otherwise null.
    password: Option<&'p str>,
    #[serde(flatten)]
    revoked: RevocationView,
}

/// `POST /api/v1/admin/users/{id}/password-reset`: ends the user's sessions. A generated password is in the first answer only.
pub(crate) async fn reset_password(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: IdempotentBody<PasswordReset>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (id, why) = (user_id(&request)?, reason(&sent.body.reason)?);
    let with_password = sent.body.password == PasswordChoice::Generated;
    let (caller, meta, operators) = (sent.caller.clone(), client.0.clone(), Arc::clone(&services.operators));
    // The future contains the hashing of a password and is large.
    let work = Box::pin(async move {
        let (revoked, password) =
            operators.users.reset_password(&caller, id, with_password, why, &meta).await?;
        let password = password.as_ref().map(SecretString::expose_secret);
        let body = json!(ResetPasswordView { password, revoked: RevocationView::of(&revoked) });
        Ok(Created { status: 200, body, secrets: &["password"] })
    });
    let answer = services.operators.idempotency.once(&sent.caller, sent.key, &client.0, work).await?;
    Ok(created(&answer))
}

/// Only the reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnlyReason {
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

impl Shape for OnlyReason {
    const FIELDS: &'static str = "reason";
}

/// `POST /api/v1/admin/users/{id}/factor-reset`: removes the second factors and ends the user's sessions.
pub(crate) async fn reset_factors(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<OnlyReason>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (id, why) = (user_id(&request)?, reason(&sent.body.reason)?);
    let revoked = services.operators.users.reset_factors(&sent.caller, id, why, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(RevocationView::of(&revoked))))
}

/// The user of the path.
///
/// # Errors
/// 404 for a text that is no number of an account.
pub(super) fn user_id(request: &HttpRequest) -> Result<UserId, Problem> {
    path_id::<i64>(request, "id").map(UserId)
}

/// An account with its factors, and with the numbers of its sessions and devices.
#[derive(Serialize, ToSchema)]
#[schema(as = UserDetail)]
pub(crate) struct UserDetailView {
    /// The number of devices.
    #[schema(minimum = 0)]
    devices: i64,
    #[schema(inline)]
    factors: FactorCounts,
    has_password: bool,
    /// The number of sessions that have not ended.
    #[schema(minimum = 0)]
    sessions: i64,
    #[serde(flatten)]
    user: UserView,
}

/// The factors of an account.
#[derive(Serialize, ToSchema)]
struct FactorCounts {
    /// The number of backup codes that are left.
    backup_codes: u32,
    passkeys: u32,
    suspended_passkeys: u32,
    /// Whether there is an authenticator app.
    totp: bool,
}

impl UserDetailView {
    fn of(detail: &UserDetail) -> Self {
        let UserDetail { user, factors, counts } = detail;
        Self {
            devices: counts.devices,
            factors: FactorCounts {
                backup_codes: factors.backup_codes,
                passkeys: factors.passkeys,
                suspended_passkeys: factors.suspended_passkeys,
                totp: factors.totp,
            },
            has_password: user.has_password(),
            sessions: counts.sessions,
            user: UserView::of(user),
        }
    }
}

/// A changed account, and what the change has ended.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedUser)]
pub(crate) struct ChangedUserView {
    revocation: RevocationView,
    #[serde(flatten)]
    user: UserDetailView,
}
