//! Mails to users: their kinds, which audit events cause them, their links, and when they are sent again.

pub mod audit_mapping;
pub mod caused_mail;
pub mod kind;
pub mod language;
pub mod link;
pub mod retry;
