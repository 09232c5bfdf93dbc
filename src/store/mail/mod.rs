//! Mails: the outbox, their sending, their links, and lists for operators.
//!
//! `audit` writes the mails in the transaction of the audit event that causes them. `service::mail` sends them.

pub(crate) mod dispatch;
pub(crate) mod links;
pub(crate) mod listed;
pub(crate) mod outbox;
