//! The rules of Portcullis, without I/O: nothing here awaits, reads a clock, draws randomness or knows a database.
//!
//! Time and randomness are arguments, so that every rule can be tested at its edge. Services call the rules and act on
//! the answer.

pub mod email;
pub mod role;
pub mod session;
