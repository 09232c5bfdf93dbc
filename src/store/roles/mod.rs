//! The two roles of the database: the owner of the tables, and the role of the server, which cannot change the audit log.
//!
//! `migrate` gives the role of the server its rights ([`grants`]), as [`rights`] lists them. Servers and tools ask what their role may
//! do ([`standing`]). The functions with the rights of the owner are in the migration V26.

pub(crate) mod grants;
pub(crate) mod rights;
pub(crate) mod standing;
