//! The one list of what the role of the server may do with each table and function.
//!
//! `grants` reads it to give the rights. `standing` reads it to find missing rights and rights that are too many. A new table
//! or function needs a row here; `tests/it/database_roles/rights.rs` compares the list with the migrated schema.

/// The role of the server in the program's own databases: those of `portcullis dev`.
pub const SERVER_ROLE: &str = "portcullis_server";

/// The rights of the server's role on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Read, insert, update and delete rows.
    Change,
    /// Read and insert rows. Only functions with the rights of the owner change and delete rows.
    Add,
    /// Read rows.
    Read,
}

impl Rights {
    /// The privileges of PostgreSQL, separated by commas.
    #[must_use]
    pub fn privileges(self) -> &'static str {
        match self {
            Self::Change => "SELECT, INSERT, UPDATE, DELETE",
            Self::Add => "SELECT, INSERT",
            Self::Read => "SELECT",
        }
    }
}

/// Every table, without the partitions. Tables without [`Rights::Change`] belong to the audit log, except for the history of the
/// schema.
pub const TABLES: &[(&str, Rights)] = &[
    ("users", Rights::Change),
    ("registered_devices", Rights::Change),
    ("sessions", Rights::Change),
    ("external_sessions", Rights::Change),
    ("user_two_factor", Rights::Change),
    ("backup_codes", Rights::Change),
    ("passkey_credentials", Rights::Change),
    ("device_login_attempts", Rights::Change),
    ("revocations", Rights::Change),
    ("revocation_nodes", Rights::Change),
    ("nodes", Rights::Change),
    ("revocation_receipts", Rights::Change),
    ("receipts_due", Rights::Change),
    ("drill_requests", Rights::Change),
    ("drills", Rights::Change),
    ("denials", Rights::Change),
    ("channels", Rights::Change),
    ("channel_messages", Rights::Change),
    ("channel_idempotency", Rights::Change),
    ("channel_epoch", Rights::Change),
    ("erasures", Rights::Change),
    ("mails", Rights::Change),
    ("ws_tickets", Rights::Change),
    ("two_factor_challenges", Rights::Change),
    ("second_factor_failures", Rights::Change),
    ("idempotency_keys", Rights::Change),
    ("event_receivers", Rights::Change),
    ("event_deliveries", Rights::Change),
    ("bans", Rights::Change),
    ("api_keys", Rights::Change),
    ("statistics", Rights::Change),
    ("lasting_keys", Rights::Change),
    ("service_time", Rights::Change),
    ("database_origin", Rights::Change),
    ("audit_events", Rights::Add),
    ("audit_log", Rights::Add),
    ("audit_log_nodes", Rights::Add),
    ("audit_checkpoints", Rights::Add),
    ("audit_keys", Rights::Add),
    ("audit_personal_keys", Rights::Add),
    ("audit_log_head", Rights::Read),
    ("audit_log_restores", Rights::Read),
    ("refinery_schema_history", Rights::Read),
];

/// Partitions that statements name themselves. Of all other partitions, the role of the server may only read the rows directly, as
/// `pg_dump` does.
pub const PARTITIONS: &[(&str, Rights)] = &[("device_login_attempts_default", Rights::Change)];

/// The functions with the rights of the owner (`SECURITY DEFINER`). Of the roles other than the owner, only that of the server
/// may call them.
pub const FUNCTIONS: &[&str] = &[
    "audit_log_lock(boolean)",
    "audit_log_advance(bigint, bytea, date, uuid[])",
    "audit_log_make_month(date)",
    "audit_log_drop_month(date, bigint, bytea, timestamptz)",
    "audit_log_thin_checkpoints(timestamptz)",
    "audit_log_destroy_key(bigint, timestamptz)",
    "audit_inbox_empty_about(bigint, text[], bigint, bigint)",
    "audit_inbox_empty_by(bigint, bigint, bigint)",
    "audit_keys_reseal(text, bytea, bytea, text)",
    "attempts_make_month(date)",
    "attempts_drop_month(date)",
];

/// Functions without rights of their own, which every role may call.
pub const PLAIN_FUNCTIONS: &[&str] = &[
    "account_key_by_default()",
    "account_key_of_ascii_address(text)",
    "bytes_as_text(bytea)",
    "check_new_checkpoint()",
    "newest_revocation_of_all()",
    "note_replaced_blocks()",
    "require_erasure(bigint)",
];
