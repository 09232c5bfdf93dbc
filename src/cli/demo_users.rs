//! The demonstration users of a development server.

use domain::account::{demonstration, role::Role};
use secrecy::{ExposeSecret, SecretString};

use crate::secrets::DevSecrets;

/// A demonstration user.
pub(super) struct DemoUser {
    pub(super) email: &'static str,
    pub(super) password: SecretString,
    pub(super) role: Role,
}

/// A user with a known password, and an administrator with a generated one.
pub(super) fn demo_users(secrets: &DevSecrets) -> [DemoUser; 2] {
    [
        DemoUser { email: demonstration::USER, password: SecretString::from("password"), role: Role::User },
        DemoUser {
            email: demonstration::ADMIN,
            password: SecretString::from(secrets.admin_password.expose_secret()),
            role: Role::Admin,
        },
    ]
}
