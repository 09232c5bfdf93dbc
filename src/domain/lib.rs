//! The rules of Portcullis, without I/O: nothing here awaits, reads a clock, draws randomness or knows a database.
//!
//! Time and randomness are arguments, so that every rule can be tested at its edge. Services call the rules and act on
//! the answer.
//!
//! - who: [`email`], [`role`], [`password`]
//! - tokens: [`token`] (access), [`refresh`], [`csrf`], and where a request carries them: [`credential`]; those of other
//!   identity providers: [`issuer`]
//! - second factors: [`totp`], [`backup_code`], when one is asked for: [`challenge`], and what is kept sealed: [`seal`]
//! - from where: [`address`], [`origin`], [`device`], [`user_agent`]
//! - what to think of it: [`risk`], [`attempt`]
//! - what every door holds to: [`request`] (ids, paths), [`problem`] (refusals)
//! - how long and how often: [`session`], [`throttle`]

pub mod aaguid;
pub mod address;
pub mod api_key;
pub mod attempt;
pub mod backup_code;
pub mod challenge;
pub mod credential;
pub mod csrf;
pub mod device;
pub mod email;
pub mod issuer;
mod key;
pub mod origin;
pub mod passkey;
pub mod password;
pub mod problem;
pub mod refresh;
pub mod request;
pub mod risk;
pub mod role;
pub mod seal;
pub mod session;
pub mod sign_in_history;
pub mod stuffing;
pub mod subscription_terms;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod user_agent;
