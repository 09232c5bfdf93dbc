//! Accounts: e-mail addresses, passwords, roles and permissions.
//!
//! Rules about the account itself. How its user proves an identity is in `factors`; what an open session may do is in
//! `tokens` and `session`.

pub mod email;
pub mod password;
pub mod role;
