//! A user.

use domain::account::role::{Role, Status};
use serde::Serialize;
use service::User;
use time::OffsetDateTime;

/// A user, as the user sees it.
#[derive(Serialize)]
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
}

impl UserView {
    /// All fields of `user` that are not secret.
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
        }
    }
}
