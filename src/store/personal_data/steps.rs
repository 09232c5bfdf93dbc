//! The steps of an erasure: one statement each, which changes a limited number of rows and may be repeated.
//!
//! The steps follow from the list of tables. A table comes last if rows of other tables depend on its rows. Each statement
//! returns one row: the number of changed rows, and the position for the next call.

use domain::account::erasure::{ERASED_MESSAGE, MessagesOfErased};

use super::{
    table::{Effect, PersonalTable},
    tables::TABLES,
};
use crate::journal::erased_channels::ANNOUNCED;

/// The kept keys of an audit event's detail: words and numbers of the server. All other values may be about a person.
const KEPT_DETAIL: &str = "'{by,by_session,cause,scope,sessions,revocation,role,status,method,refusal,denial,factor,trust,accounts,tokens_denied,requested_by,state}'::text[]";

/// The kept fields of an event on its way: ids of accounts, sessions and keys of the server API, and the outcome.
const KEPT_DATA: &str = "'{audit_id,outcome,user,actor,session,api_key}'::text[]";

/// What a statement gets, in the order of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The number of the account.
    User,
    /// The most rows that it changes.
    Limit,
    /// The position where this call continues.
    After,
    /// The keyed hash of the account's name.
    NameHash,
    /// The addresses of the person.
    Addresses,
    /// The name that replaces the person.
    Pseudonym,
}

/// A step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) sql: String,
    /// Its parameters.
    pub(super) given: &'static [Given],
}

/// Rows of these tables are deleted after the rows of all other tables: a session names its device.
const LATE: [&str; 2] = ["sessions", "registered_devices"];

/// The steps of an erasure, in their order.
pub(super) fn steps(messages: MessagesOfErased) -> Vec<Step> {
    let late =
        |table: &PersonalTable| LATE.iter().position(|late| *late == table.name).map_or(0, |at| at + 1);
    let mut tables: Vec<_> = TABLES.iter().collect();
    tables.sort_by_key(|table| late(table));
    tables.into_iter().flat_map(|table| of_table(table, messages)).collect()
}

fn of_table(table: &'static PersonalTable, messages: MessagesOfErased) -> Vec<Step> {
    match (table.name, table.effect) {
        ("sessions", _) => vec![sessions(table)],
        ("external_sessions", _) => vec![external_sessions(table)],
        ("event_deliveries", _) => vec![deliveries(table), waiting_deliveries(table), deliveries_by()],
        ("idempotency_keys", _) => vec![deleted(table), answers_about()],
        ("device_login_attempts", _) => vec![deleted(table), unknown_name(), unknown_address()],
        ("revocations" | "denials", _) => vec![reasons(table)],
        ("audit_events", _) => vec![events_about(), events_by()],
        ("channel_messages", _) => messages_of_person(table, messages).into_iter().collect(),
        (_, Effect::Deleted) => vec![deleted(table)],
        // The account and the request are changed when the erasure begins and ends; other tables stay.
        (_, Effect::DeletedLast | Effect::Emptied(_) | Effect::AsSet | Effect::Sealed | Effect::Kept(_)) => {
            Vec::new()
        }
    }
}

/// Deletes rows of the person.
fn deleted(table: &PersonalTable) -> Step {
    step(deletion(table, "true", ""), &[Given::User, Given::Limit])
}

/// A deletion by the primary key. This is also the order of the export, and in some tables the key begins with the account.
fn deletion(table: &PersonalTable, condition: &str, returning: &str) -> String {
    let PersonalTable { name, of_person, .. } = table;
    let key: Vec<_> = table.order.iter().map(|(column, _)| format!("t.{column}")).collect();
    let key = key.join(", ");
    format!(
        "WITH chosen AS (SELECT {key} FROM {name} t WHERE {of_person} AND {condition} ORDER BY {key} LIMIT $2),
              gone AS (DELETE FROM {name} t USING chosen WHERE {of_person} AND ({key}) = ({}) RETURNING t.*)
              {returning}
         SELECT count(*), 0::bigint FROM gone",
        key.replace("t.", "chosen.")
    )
}

/// Deletes sessions, and empties the reasons of the orders that ended only these sessions.
fn sessions(table: &PersonalTable) -> Step {
    let reasons = ", emptied AS (
        UPDATE revocations r SET reason = ''
        FROM (SELECT DISTINCT revocation_id FROM gone WHERE revocation_id IS NOT NULL) g
        WHERE r.id = g.revocation_id AND r.scope IN ('session', 'device') AND r.reason <> '')";
    step(deletion(table, "true", reasons), &[Given::User, Given::Limit])
}

/// Deletes external sessions that have ended. A connection that is open has a row until it ends.
fn external_sessions(table: &PersonalTable) -> Step {
    let ended = "(t.ended_at IS NOT NULL OR t.revoked_at IS NOT NULL)";
    step(deletion(table, ended, ""), &[Given::User, Given::Limit])
}

/// Deletes deliveries that have ended: delivered events and dead letters.
fn deliveries(table: &PersonalTable) -> Step {
    step(deletion(table, "t.settled_at IS NOT NULL", ""), &[Given::User, Given::Limit])
}

/// Empties the personal fields of events that still wait. The events themselves stay, because the receivers need them.
fn waiting_deliveries(table: &PersonalTable) -> Step {
    let PersonalTable { of_person, .. } = table;
    let object = |rows: &str| format!("(SELECT coalesce(jsonb_object_agg(key, value), '{{}}') FROM {rows})");
    let detail =
        object(&format!("jsonb_each(t.payload -> 'data' -> 'detail') WHERE key = ANY ({KEPT_DETAIL})"));
    let data = object(&format!("jsonb_each(t.payload -> 'data') WHERE key = ANY ({KEPT_DATA})"));
    let sql = format!(
        "WITH chosen AS (
             SELECT t.seq, emptied.payload FROM event_deliveries t CROSS JOIN LATERAL (
                 SELECT CASE WHEN jsonb_typeof(t.payload #> '{{data,detail}}') = 'object'
                             THEN jsonb_build_object('form', t.payload -> 'form', 'data', {data} || jsonb_build_object('detail', {detail}))
                             WHEN jsonb_typeof(t.payload -> 'data') = 'object'
                             THEN jsonb_build_object('form', t.payload -> 'form', 'data', {data})
                             ELSE t.payload #- '{{claims,reason_admin}}' END AS payload
             ) emptied
             WHERE {of_person} AND t.state = 'pending' AND t.seq > $3 AND t.payload <> emptied.payload
             ORDER BY t.seq LIMIT $2
         ), changed AS (
             UPDATE event_deliveries d SET payload = chosen.payload FROM chosen WHERE d.seq = chosen.seq
         )
         SELECT count(*), coalesce(max(seq), $3) FROM chosen"
    );
    step(sql, &[Given::User, Given::Limit, Given::After])
}

/// Empties the address, the device and the certificate of the person in events about others. What the person did to others stays.
fn deliveries_by() -> Step {
    let sql = "WITH chosen AS (
                   SELECT d.seq FROM event_deliveries d
                   WHERE d.payload -> 'data' ->> 'actor' = $1::bigint::text AND d.seq > $3
                     AND (d.payload -> 'data' ?| ARRAY['address', 'device']
                          OR d.payload -> 'data' -> 'detail' ? 'client_certificate')
                   ORDER BY d.seq LIMIT $2
               ), emptied AS (
                   UPDATE event_deliveries d
                   SET payload = d.payload #- '{data,address}' #- '{data,device}' #- '{data,detail,client_certificate}'
                   FROM chosen WHERE d.seq = chosen.seq
               )
               SELECT count(*), coalesce(max(seq), $3) FROM chosen";
    step(sql, &[Given::User, Given::Limit, Given::After])
}

/// Removes the data of the account from answers to the operators that created it. The rows of the answers stay, so that a repeated
/// request creates no second account.
fn answers_about() -> Step {
    let sql = "WITH chosen AS (
                   SELECT k.user_id, k.key FROM idempotency_keys k
                   WHERE k.answer::jsonb -> 'user' ->> 'id' = $1::bigint::text
                     AND k.answer::jsonb -> 'user' <> jsonb_build_object('id', $1::bigint) LIMIT $2
               ), emptied AS (
                   UPDATE idempotency_keys k
                   SET answer = jsonb_set(k.answer::jsonb, '{user}', jsonb_build_object('id', $1::bigint))::text
                   FROM chosen WHERE k.user_id = chosen.user_id AND k.key = chosen.key
               )
               SELECT count(*), 0::bigint FROM chosen";
    step(sql, &[Given::User, Given::Limit])
}

/// Deletes attempts with the name of the account from before the account existed.
fn unknown_name() -> Step {
    let sql = "WITH chosen AS (SELECT at, id FROM device_login_attempts
                               WHERE user_id IS NULL AND identifier = $1 LIMIT $2),
                    gone AS (DELETE FROM device_login_attempts t USING chosen
                             WHERE t.at = chosen.at AND t.id = chosen.id RETURNING t.id)
               SELECT count(*), 0::bigint FROM gone";
    step(sql, &[Given::NameHash, Given::Limit])
}

/// Empties the address in attempts for unknown names, if it is an address of the person. The rows stay, so that a wave of attempts
/// stays visible.
fn unknown_address() -> Step {
    let sql = "WITH chosen AS (SELECT at, id FROM device_login_attempts
                               WHERE user_id IS NULL AND address = ANY ($1) LIMIT $2),
                    emptied AS (UPDATE device_login_attempts t
                                SET address = NULL, user_agent = NULL, fingerprint = NULL, device_id = NULL, city = NULL,
                                    latitude = NULL, longitude = NULL, accuracy_km = NULL
                                FROM chosen WHERE t.at = chosen.at AND t.id = chosen.id RETURNING t.id)
               SELECT count(*), 0::bigint FROM emptied";
    step(sql, &[Given::Addresses, Given::Limit])
}

/// Empties the reasons of rows of the person.
fn reasons(table: &PersonalTable) -> Step {
    let PersonalTable { name, of_person, .. } = table;
    let sql = format!(
        "WITH chosen AS (SELECT t.id FROM {name} t WHERE {of_person} AND t.reason <> '' AND t.id > $3 ORDER BY t.id LIMIT $2),
              emptied AS (UPDATE {name} t SET reason = '' FROM chosen WHERE t.id = chosen.id)
         SELECT count(*), coalesce(max(id), $3) FROM chosen"
    );
    step(sql, &[Given::User, Given::Limit, Given::After])
}

/// Empties the personal columns of events about the person in the inbox `audit_events`, where they wait for their entry in the
/// audit log. The entries of the log do not change: their personal columns are sealed with the key of the person, which `erase`
/// destroys. The role of the server cannot change events; the function has the rights of the owner of the tables.
fn events_about() -> Step {
    let sql = format!("SELECT changed, last FROM audit_inbox_empty_about($1, {KEPT_DETAIL}, $2, $3)");
    step(sql, &[Given::User, Given::Limit, Given::After])
}

/// Empties the person's address, device and certificate in events about others that wait in the inbox `audit_events`. In the
/// entries of the audit log these are sealed with the key of the person. What the person did to others stays.
fn events_by() -> Step {
    step(
        "SELECT changed, last FROM audit_inbox_empty_by($1, $2, $3)",
        &[Given::User, Given::Limit, Given::After],
    )
}

/// Erases or renames the messages of the person. Their rows and offsets stay, so that other clients recover without a gap.
fn messages_of_person(table: &PersonalTable, messages: MessagesOfErased) -> Option<Step> {
    let erased = format!(
        "data = convert_to('{ERASED_MESSAGE}', 'UTF8'), subject = NULL, connection_id = NULL, conn_info = NULL, chan_info = NULL, tags = NULL"
    );
    let renamed = "subject = $3, connection_id = '00000000-0000-0000-0000-000000000000', conn_info = NULL, chan_info = NULL";
    let (change, given): (&str, &'static [Given]) = match messages {
        MessagesOfErased::Keep => return None,
        MessagesOfErased::Erase => (&erased, &[Given::User, Given::Limit]),
        MessagesOfErased::Pseudonymise => (renamed, &[Given::User, Given::Limit, Given::Pseudonym]),
    };
    let PersonalTable { name, of_person, .. } = table;
    let sql = format!(
        "WITH chosen AS (SELECT t.channel, t.seq FROM {name} t WHERE {of_person} ORDER BY t.channel, t.seq LIMIT $2),
              changed AS (UPDATE {name} m SET {change} FROM chosen
                          WHERE m.channel = chosen.channel AND m.seq = chosen.seq RETURNING m.channel),
              {ANNOUNCED}
         SELECT count(*), 0::bigint FROM changed"
    );
    Some(step(sql, given))
}

fn step(sql: impl Into<String>, given: &'static [Given]) -> Step {
    Step { sql: sql.into(), given }
}
