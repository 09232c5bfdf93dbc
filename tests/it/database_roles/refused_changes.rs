//! What PostgreSQL itself refuses to the role of the server.

use std::collections::BTreeMap;

use store::{Rights, SERVER_ROLE, SERVER_TABLES};
use tokio_postgres::{Client, error::SqlState};

use super::as_server;
use crate::{
    audit_log::{add_events, log_events, logging},
    harness::App,
};

/// The tables that the server must not change, with their first columns, and their partitions.
async fn guarded(rows: &Client) -> Vec<(String, String)> {
    let names: Vec<_> =
        SERVER_TABLES.iter().filter(|(_, rights)| *rights != Rights::Change).map(|(name, _)| *name).collect();
    let sql = "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
               WHERE c.relnamespace = 'public'::regnamespace AND (c.relname = ANY ($1::text[])
                  OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_log'::regclass))";
    let found = rows.query(sql, &[&names]).await.expect("the tables");
    assert!(found.len() > names.len(), "there is a partition");
    found.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// A digest of each guarded table.
pub(super) async fn digests(app: &App) -> BTreeMap<String, Option<String>> {
    let rows = app.rows().await;
    let mut digests = BTreeMap::new();
    for (table, _) in guarded(&rows).await {
        let sql = format!("SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {table} t");
        digests.insert(table, rows.query_one(&sql, &[]).await.expect("a digest").get(0));
    }
    digests
}

async fn is_refused(server: &Client, sql: &str, codes: &[SqlState]) {
    let error = server.batch_execute(sql).await.expect_err(sql);
    let code = error.code().unwrap_or_else(|| panic!("{sql}: {error}"));
    assert!(codes.contains(code), "{sql}: {error:?}");
}

#[tokio::test]
async fn no_statement_of_the_server_changes_a_table_of_the_audit_log() {
    let app = logging();
    log_events(&app, 5).await;
    add_events(&app, 1).await;
    let (server, before) = (as_server(app.database()).await, guarded(&app.rows().await).await);
    for (table, column) in &before {
        for sql in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("DROP TABLE {table}"),
            format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
            format!("ALTER TABLE {table} RENAME TO elsewhere"),
            format!("ALTER TABLE {table} ADD COLUMN more text"),
            format!("ALTER TABLE {table} OWNER TO {SERVER_ROLE}"),
            format!("CREATE RULE silent AS ON INSERT TO {table} DO INSTEAD NOTHING"),
            format!(
                "CREATE TRIGGER silent BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            ),
            format!("CREATE INDEX ON {table} ({column})"),
            format!("SELECT * FROM {table} FOR UPDATE"),
        ] {
            is_refused(&server, &sql, &[SqlState::INSUFFICIENT_PRIVILEGE]).await;
        }
    }
    is_refused(
        &server,
        "INSERT INTO audit_log_head (one) VALUES (true)",
        &[SqlState::INSUFFICIENT_PRIVILEGE],
    )
    .await;
}

#[tokio::test]
async fn the_server_cannot_give_itself_rights_or_hide_objects_of_the_schema() {
    let app = App::start();
    add_events(&app, 5).await;
    app.sequence_alone().await;
    let server = as_server(app.database()).await;
    let before = digests(&app).await;
    for sql in [
        "SET session_replication_role = replica",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER ROLE portcullis_server SUPERUSER",
        "ALTER ROLE portcullis_server CREATEROLE",
        "GRANT postgres TO portcullis_server",
        "CREATE ROLE another LOGIN",
        "CREATE FUNCTION public.lower(uuid) RETURNS text LANGUAGE sql AS 'SELECT ''x'''",
        "CREATE TABLE public.pg_class (oid oid)",
        "CREATE SCHEMA another",
        "CREATE OR REPLACE FUNCTION require_erasure(bigint) RETURNS void LANGUAGE sql AS ''",
        "ALTER FUNCTION audit_log_lock(boolean) RESET ALL",
        "ALTER FUNCTION audit_log_lock(boolean) OWNER TO portcullis_server",
        "DROP FUNCTION audit_log_lock(boolean)",
        "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO portcullis_server",
        "ALTER SCHEMA public RENAME TO private",
        "ALTER TABLE audit_log DETACH PARTITION audit_log_2026_01",
        "COPY audit_log TO PROGRAM 'cat'",
    ] {
        let codes = [
            SqlState::INSUFFICIENT_PRIVILEGE,
            SqlState::INVALID_FUNCTION_DEFINITION,
            SqlState::UNDEFINED_TABLE,
        ];
        is_refused(&server, sql, &codes).await;
    }
    // PostgreSQL only warns about rights that a role may not give.
    let _ = server.batch_execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO portcullis_server").await;
    // Temporary objects are the server's own. The functions of the owner must not see them.
    let own = "CREATE TEMP TABLE erasures (user_id bigint, state text);
               INSERT INTO erasures VALUES (2, 'erasing');
               CREATE TEMP TABLE audit_log_head AS SELECT * FROM public.audit_log_head;
               CREATE FUNCTION pg_temp.require_erasure(bigint) RETURNS void LANGUAGE sql AS ''";
    server.batch_execute(own).await.expect("temporary objects");
    for path in ["pg_temp, public", "pg_temp"] {
        server.batch_execute(&format!("SET search_path = {path}")).await.expect("a path");
        let sql = "SELECT public.audit_log_destroy_key(2, now())";
        is_refused(&server, sql, &[SqlState::RAISE_EXCEPTION]).await;
    }
    assert_eq!(digests(&app).await, before);
    assert!(app.role_standing().await.excess.is_empty());
}
