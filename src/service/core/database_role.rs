//! Knows whether the role of the server in its database can change the audit log. `app` notes it at the start; readiness and
//! the metrics show it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the role of the server can change the audit log. Clones share what was noted.
#[derive(Clone, Debug, Default)]
pub struct DatabaseRole(Arc<AtomicBool>);

impl DatabaseRole {
    /// The finding of readiness if the role can change the audit log: a code for programs, and a text for people.
    pub const NOTICE: (&'static str, &'static str) = (
        "powerful_database_role",
        "The database role of the server can change the audit log (DATABASE_SINGLE_ROLE).",
    );

    /// Notes whether the role can change the audit log.
    pub fn note(&self, is_powerful: bool) {
        self.0.store(is_powerful, Ordering::Relaxed);
        metrics::gauge!("database_role_powerful").set(f64::from(u8::from(is_powerful)));
    }

    /// Whether the role can change the audit log.
    #[must_use]
    pub fn is_powerful(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
