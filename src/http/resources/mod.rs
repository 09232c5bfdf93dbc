//! The REST handlers, one file per resource. Called by the route table only.
//!
//! A handler parses its request with the extractors, calls one service, and builds the answer from `views`. It makes no
//! decision of its own.

pub(super) mod acme_challenge;
pub(super) mod admin;
pub(super) mod attempts;
pub(super) mod audit_log;
pub(super) mod auth_status;
pub(super) mod channel_terms;
pub(super) mod csrf_token;
pub(super) mod dev_mail;
pub(super) mod devices;
pub(super) mod health;
pub(super) mod jwks;
pub(super) mod mailed_links;
pub(super) mod openapi;
pub(super) mod passkeys;
pub(super) mod password_strength;
pub(super) mod personal_data;
pub(super) mod profile;
pub(super) mod profile_debug;
pub(super) mod refresh;
pub(super) mod registration;
pub(super) mod sessions;
pub(super) mod sign_in;
pub(super) mod sign_out;
pub(super) mod ssf;
pub(super) mod step_up;
pub(super) mod two_factor;
pub(super) mod ws_ticket;
