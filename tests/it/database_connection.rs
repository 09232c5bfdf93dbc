//! The connection to the database: every form of its address, encryption, several servers, and PgBouncer. The servers are real
//! and use TCP and TLS, as in production.

mod failover;
mod pooler;
mod table;
mod urls;
