//! The import of accounts from the older authentication system, which this server replaces: how its rows become rows of this
//! server.
//!
//! The import in `service` reads the rows and passes them to these rules; `store` writes the results. The rules are pure. All
//! ids and nonces are derived from the data encryption key and the row ([`keys`]). So the same row always gives the same
//! result, and an import can be repeated. The import either takes a row (imports it) or refuses it. Each refused row, and each
//! value that is taken in another form, is a [`finding::Finding`]. No finding contains an address, a name or a secret.

pub mod account;
pub mod attempt;
pub mod columns;
mod cose;
pub mod device;
pub mod factors;
pub mod finding;
pub mod keys;
pub mod passkey;
pub mod source_row;
pub mod user;

#[cfg(test)]
mod tests;
