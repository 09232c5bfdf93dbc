//! Tests of the whole server from the view of its clients and operators: one binary, with `harness`.
//!
//! Each test has its own server and database, so tests run in parallel. The name of a test states the fact that must
//! hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod harness;

mod account_keys;
mod admin;
mod attempts;
mod auth;
mod bans;
mod browser;
mod by_cookie;
mod cli;
mod closing;
mod commands;
mod cookies;
mod crash;
mod csrf;
mod delivery_across_crashes;
mod delta;
mod denials;
mod devices;
mod durable;
mod emulation;
mod entry_points;
mod everyone;
mod factor_limits;
mod factor_races;
mod factor_trust;
mod frame_bounds;
mod frames;
mod handshake;
mod history;
mod http_timeouts;
mod issuers;
mod keep_alive;
mod late_body;
mod legacy;
mod lifetime;
mod limits;
mod logs;
mod membership;
mod metrics;
mod outage;
mod passkey_races;
mod passkey_refusals;
mod passkeys;
mod payloads;
mod plateau;
mod presence;
mod privilege;
mod problems;
mod profile;
mod protobuf;
mod protocol;
mod proxies;
mod races;
mod recovery;
mod refresh;
mod retention;
mod revocation;
mod risk;
mod serve;
mod server_api;
mod server_subscriptions;
mod sessions;
mod shutdown;
mod stale;
mod step_up;
mod store;
mod tls;
mod two_factor;
mod typed_text;
