//! The JSON view of a user.

use domain::account::role::{Role, Status};
use serde::Serialize;
use service::User;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A user, as shown to this user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView {
    id: i64,
    email: String,
    display_name: Option<String>,
    role: Role,
    status: Status,
    is_active: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    last_login_at: Option<OffsetDateTime>,
    /// The language of mails to the user: two letters; null for the default.
    language: Option<String>,
}

impl UserView {
    /// The fields of `user` that this user may see.
    pub(crate) fn of(user: &User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.clone(),
            display_name: user.display_name.clone(),
            role: user.role,
            status: user.status,
            is_active: user.status.is_active(),
            created_at: user.created_at,
            last_login_at: user.last_login_at,
            language: user.language.map(|language| language.to_string()),
        }
    }
}
