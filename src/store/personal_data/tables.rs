//! The one list of all tables, with what an export and an erasure do with each.
//!
//! A new table needs a row here, and a new column must be mentioned; `tests/it/personal_data/tables.rs` compares the list with
//! the migrated schema. The rows stand in the order of the export. What the steps of an erasure are, and their order, is in
//! `steps`.

use super::{
    columns::{
        ACCOUNT, ATTEMPT, DELIVERY, DENIAL, DEVICE, EVENT, EXTERNAL_SESSION, LOG_HEAD, MESSAGE, PASSKEY,
        RECEIVER, REVOCATION, SESSION,
    },
    table::{Effect, PersonalTable, Withheld, column, withheld},
};

/// The member of the entries of the audit log. The service reads them, because only it opens what is sealed.
pub const LOG_MEMBER: &str = "log";

/// Rows that an export reads at once.
const PAGE: i64 = 500;

/// A table without rows about persons.
const fn impersonal(
    name: &'static str,
    holds: &'static str,
    columns: &'static [Withheld],
    why: &'static str,
) -> PersonalTable {
    PersonalTable {
        name,
        holds,
        of_person: "",
        order: &[],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: columns,
        effect: Effect::Kept(why),
    }
}

/// All tables.
pub const TABLES: &[PersonalTable] = &[
    PersonalTable {
        name: "users",
        holds: "the account",
        of_person: "t.id = $1",
        order: &[("id", "bigint")],
        member: Some("account"),
        page: 1,
        exported: ACCOUNT,
        withheld: &[
            withheld("a secret", &["password_hash"]),
            withheld("derived from other columns", &["account_key", "is_active"]),
            withheld("a counter of the server", &["generation"]),
        ],
        effect: Effect::DeletedLast,
    },
    PersonalTable {
        name: "registered_devices",
        holds: "browsers and apps on which the person signed in",
        of_person: "t.user_id = $1",
        order: &[("id", "uuid")],
        member: Some("devices"),
        page: PAGE,
        exported: DEVICE,
        withheld: &[withheld("the number of the account", &["user_id"])],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "sessions",
        holds: "sign-ins and how they ended",
        of_person: "t.user_id = $1",
        order: &[("created_at", "timestamptz"), ("id", "uuid")],
        member: Some("sessions"),
        page: PAGE,
        exported: SESSION,
        withheld: &[
            withheld("the number of the account", &["user_id"]),
            withheld(
                "counters of tokens, without meaning outside of the server",
                &[
                    "refresh_counter",
                    "used_counter",
                    "retried_counter",
                    "renewed_counter",
                    "privilege_epoch",
                    "revoked_all",
                ],
            ),
        ],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "external_sessions",
        holds: "connections with a token of an external issuer that names the number of the account",
        of_person: "t.subject = $1::bigint::text",
        order: &[("created_at", "timestamptz"), ("id", "uuid")],
        member: Some("external_sessions"),
        page: PAGE,
        exported: EXTERNAL_SESSION,
        withheld: &[
            withheld("names of processes of the server", &["node"]),
            withheld("a counter of the server", &["revoked_all"]),
        ],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "user_two_factor",
        holds: "the authenticator app",
        of_person: "t.user_id = $1",
        order: &[("user_id", "bigint")],
        member: Some("authenticator_app"),
        page: PAGE,
        exported: &[column("created_at"), column("confirmed_at"), column("last_used_at")],
        withheld: &[
            withheld("the number of the account", &["user_id"]),
            withheld("a secret", &["secret", "key_id", "last_step"]),
        ],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "backup_codes",
        holds: "hashes of backup codes",
        of_person: "t.user_id = $1",
        order: &[("hash", "bytea")],
        member: Some("backup_codes"),
        page: PAGE,
        exported: &[column("created_at"), column("used_at")],
        withheld: &[withheld("the number of the account", &["user_id"]), withheld("a secret", &["hash"])],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "passkey_credentials",
        holds: "passkeys",
        of_person: "t.user_id = $1",
        order: &[("id", "uuid")],
        member: Some("passkeys"),
        page: PAGE,
        exported: PASSKEY,
        withheld: &[
            withheld("the number of the account", &["user_id"]),
            withheld(
                "the public key and the ids that authenticators use",
                &["passkey", "credential_id", "user_handle"],
            ),
        ],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "device_login_attempts",
        holds: "attempts to sign in to the account",
        of_person: "t.user_id = $1",
        order: &[("at", "timestamptz"), ("id", "uuid")],
        member: Some("attempts"),
        page: PAGE,
        exported: ATTEMPT,
        withheld: &[
            withheld("the number of the account", &["user_id"]),
            withheld("a keyed hash of the name", &["identifier"]),
        ],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "revocations",
        holds: "orders that ended sessions of the person",
        of_person: "t.user_id = $1",
        order: &[("created_at", "timestamptz"), ("id", "bigint")],
        member: Some("revocations"),
        page: PAGE,
        exported: REVOCATION,
        withheld: &[
            withheld("the number of the account", &["user_id", "subject"]),
            withheld(
                "about the order as a whole",
                &["network", "opened_since", "users", "excluded", "more", "reported"],
            ),
            withheld("another person", &["actor_id"]),
            withheld("numbers of processes and transactions", &["txid", "origin"]),
        ],
        effect: Effect::Emptied(
            "the reason; the numbers stay, because other nodes read them, until their retention ends",
        ),
    },
    PersonalTable {
        name: "denials",
        holds: "blocks of the account and of its tokens",
        of_person: "t.subject = $1::bigint::text",
        order: &[("id", "bigint")],
        member: Some("denials"),
        page: PAGE,
        exported: DENIAL,
        withheld: &[
            withheld("the number of the account", &["subject"]),
            withheld("numbers of processes and transactions", &["txid", "origin"]),
        ],
        effect: Effect::Emptied("the reason; the number stays, so that what was denied stays denied"),
    },
    PersonalTable {
        name: "channel_messages",
        holds: "messages of the person in durable channels",
        of_person: "t.subject = $1::bigint::text",
        order: &[("channel", "text"), ("seq", "bigint")],
        member: Some("messages"),
        page: 50,
        exported: MESSAGE,
        withheld: &[withheld("the number of the account", &["subject"])],
        effect: Effect::AsSet,
    },
    PersonalTable {
        name: "audit_events",
        holds: "security events about the person",
        of_person: "t.user_id = $1",
        order: &[("seq", "bigint")],
        member: Some("events"),
        page: PAGE,
        exported: EVENT,
        withheld: &[
            withheld("the number of the account", &["user_id", "subject"]),
            withheld("another person, or a program", &["actor_id", "api_key_id"]),
            withheld("the id of the row", &["id"]),
        ],
        effect: Effect::Emptied(
            "network addresses, devices, connections, subjects and free texts; what happened and when stays until its retention ends",
        ),
    },
    PersonalTable {
        name: "audit_log",
        holds: "security events about the person, in the audit log",
        of_person: "",
        order: &[],
        member: Some(LOG_MEMBER),
        page: PAGE,
        exported: &[
            column("leaf_index"),
            column("at"),
            column("event"),
            column("outcome"),
            column("session_id"),
            column("detail"),
            column("address"),
            column("facts"),
        ],
        withheld: &[
            withheld("the number of the account", &["user_id"]),
            withheld(
                "another person, or a program",
                &["actor_id", "device_id", "connection_id", "request_id", "api_key_id"],
            ),
            withheld("the structure of the log", &["month", "id", "address_key", "facts_key", "leaf_hash"]),
        ],
        effect: Effect::Sealed,
    },
    PersonalTable {
        name: "audit_personal_keys",
        holds: "the key that seals the personal columns of the audit log",
        of_person: "",
        order: &[],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: &[withheld("a secret", &["id", "person", "wrapped", "destroyed_at"])],
        effect: Effect::Emptied(
            "the key, when the account is deleted; the number stays, so that late events get no key",
        ),
    },
    PersonalTable {
        name: "erasures",
        holds: "requests to erase the person, and the record that it was done",
        of_person: "t.user_id = $1",
        order: &[("user_id", "bigint")],
        member: Some("erasure"),
        page: PAGE,
        exported: &[
            column("state"),
            column("requested_by"),
            column("reason"),
            column("requested_at"),
            column("due_at"),
            column("begun_at"),
        ],
        withheld: &[
            withheld("the account", &["user_id", "account_created_at", "status_before"]),
            withheld("another person", &["actor_id"]),
            withheld(
                "empty before the erasure",
                &["erased_at", "swept_at", "name_hash", "addresses", "pseudonym"],
            ),
        ],
        effect: Effect::Emptied(
            "the reason and the working data; the number and the times stay as the record of the erasure",
        ),
    },
    PersonalTable {
        name: "ws_tickets",
        holds: "tickets for one handshake each, which live for 30 seconds",
        of_person: "t.session_id IN (SELECT s.id FROM sessions s WHERE s.user_id = $1)",
        order: &[("hash", "bytea")],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: &[withheld(
            "a secret that lives for 30 seconds",
            &["hash", "session_id", "scopes", "expires_at", "token_id", "token_issued_ms"],
        )],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "two_factor_challenges",
        holds: "open questions for a second factor or a passkey, which live for five minutes",
        of_person: "t.user_id = $1",
        order: &[("id", "uuid")],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: &[withheld(
            "the state of a sign-in, which lives for five minutes",
            &[
                "id",
                "kind",
                "user_id",
                "presession_id",
                "session_id",
                "generation",
                "revoked_all",
                "state",
                "attempts",
                "created_at",
                "expires_at",
            ],
        )],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "second_factor_failures",
        holds: "counts of wrong second factors",
        of_person: "t.user_id = $1",
        order: &[("source", "uuid")],
        member: Some("second_factor_failures"),
        page: PAGE,
        exported: &[column("source"), column("failures"), column("last_at"), column("locked_until")],
        withheld: &[withheld("the number of the account", &["user_id"])],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "idempotency_keys",
        holds: "answers to requests of an operator that created something, which live for a day",
        of_person: "t.user_id = $1",
        order: &[("key", "text")],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: &[withheld(
            "answers about other persons, which live for a day",
            &["user_id", "key", "request_hash", "status", "answer", "created_at", "expires_at"],
        )],
        effect: Effect::Deleted,
    },
    PersonalTable {
        name: "event_deliveries",
        holds: "events about the person on their way to receivers",
        of_person: "t.subject = ANY (ARRAY['user:' || $1::bigint, 'subject:' || $1::bigint])",
        order: &[("seq", "bigint")],
        member: None,
        page: PAGE,
        exported: &[],
        withheld: &[withheld("copies of events, which are exported", DELIVERY)],
        effect: Effect::Emptied(
            "network addresses, devices, names and free texts of events that wait, and of events that the person caused; delivered events and dead letters about the person are deleted",
        ),
    },
    impersonal(
        "bans",
        "banned network addresses",
        &[withheld(
            "a ban is of an address, not of a person",
            &["key", "reason", "created_at", "expires_at"],
        )],
        "a ban is of an address, which many persons may share, and ends by itself (`BAN_MINUTES`); otherwise an erasure would lift it",
    ),
    impersonal(
        "api_keys",
        "keys of the server API",
        &[withheld(
            "a key belongs to a program of the installation, and does not name its maker",
            &["id", "name", "hash", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"],
        )],
        "a key belongs to a program of the installation; `portcullis key` revokes it",
    ),
    impersonal(
        "channels",
        "names and newest offsets of durable channels",
        &[
            withheld(
                "a channel is no person; the name of a personal channel has the number of an account",
                &["name", "top", "gone", "version", "version_epoch"],
            ),
            withheld("moments of the channel", &["created_at", "updated_at", "due_at", "erased_in"]),
        ],
        "offsets stay without gaps; the personal channel of the person is emptied, and forgotten after `history_meta_ttl`",
    ),
    impersonal(
        "channel_idempotency",
        "keys by which a publication is recognised, which live for five minutes",
        &[withheld(
            "a key of a program, which lives for five minutes",
            &["channel", "key", "seq", "expires_at"],
        )],
        "a key lives for five minutes, and names no person",
    ),
    impersonal(
        "channel_epoch",
        "the epoch of durable channels",
        &[withheld("one row for the database", &["one", "epoch", "floor"])],
        "one row for the database",
    ),
    impersonal(
        "revocation_nodes",
        "how far each node has carried a revocation out",
        &[withheld(
            "counts of nodes",
            &["revocation_id", "node", "state", "sockets_closed", "pending", "after_ms"],
        )],
        "counts of nodes",
    ),
    impersonal(
        "statistics",
        "figures over time",
        &[withheld(
            "counts without persons",
            &["step", "series", "at", "node", "label", "value", "minutes", "highest", "buckets"],
        )],
        "counts without persons",
    ),
    impersonal(
        "event_receivers",
        "programs that receive events",
        &[withheld("a receiver is a program", RECEIVER)],
        "a receiver is a program",
    ),
    impersonal(
        "audit_log_head",
        "the size and the hashes of the audit log",
        &[withheld("one row for the database", LOG_HEAD)],
        "one row for the database",
    ),
    impersonal(
        "audit_log_nodes",
        "hashes of the audit log",
        &[withheld("hashes of sealed entries", &["level", "node_index", "hash"])],
        "hashes of sealed entries",
    ),
    impersonal(
        "audit_checkpoints",
        "signed sizes of the audit log",
        &[withheld("hashes and signatures", &["generation", "size", "at", "note"])],
        "hashes and signatures",
    ),
    impersonal(
        "audit_log_restores",
        "where restores have cut the audit log",
        &[withheld("sizes of the audit log", &["generation", "generation_id", "size", "at"])],
        "sizes of the audit log",
    ),
    impersonal(
        "audit_keys",
        "sealed keys of the audit log",
        &[withheld("keys of the server", &["purpose", "sealed", "key_id", "created_at"])],
        "keys of the server",
    ),
    impersonal(
        "lasting_keys",
        "sealed keys of the server",
        &[withheld("keys of the server", &["purpose", "sealed", "key_id", "created_at"])],
        "keys of the server",
    ),
    impersonal(
        "service_time",
        "when a server ran last",
        &[withheld("one row", &["one", "seen_at", "outage_from", "outage_until", "written_by"])],
        "one row for the database",
    ),
    impersonal(
        "database_origin",
        "where the database is in service",
        &[withheld(
            "one row for the database",
            &["one", "in_service_since", "cluster", "database", "timeline", "written_by", "restored_at"],
        )],
        "one row for the database",
    ),
    impersonal(
        "refinery_schema_history",
        "the migrations of the schema",
        &[withheld("the schema", &["version", "name", "applied_on", "checksum"])],
        "the schema",
    ),
];
