//! Accounts: e-mail addresses, passwords, roles and permissions.
//!
//! Here are the rules about the account itself. Second factors are in `factors`; the rights and the lifetime of open
//! sessions are in `tokens` and `session`.

pub mod account_key;
pub mod demonstration;
pub mod email;
pub mod erasure;
mod hash_error;
pub mod imported_hash;
pub mod password;
pub mod password_strength;
pub mod role;
