//! What the role of the server may do with each table, sequence and function of the schema: as the list in the store says, and no more.

use std::collections::{BTreeMap, BTreeSet};

use store::{
    DatabaseSettings, MigrateOrder, OWNER_FUNCTIONS, PLAIN_FUNCTIONS, Rights, SERVER_PARTITIONS, SERVER_ROLE,
    SERVER_TABLES, Store,
};
use tokio_postgres::Client;

use crate::{
    audit_log::{log_events, logging},
    harness::{App, fresh_database},
};

/// The privileges of the role of the server on each relation of these kinds.
async fn privileges(rows: &Client, kinds: &str) -> BTreeMap<String, BTreeSet<String>> {
    let sql = format!(
        "SELECT c.relname::text, coalesce(array_agg(DISTINCT p.word) FILTER (WHERE CASE c.relkind
                    WHEN 'S' THEN has_sequence_privilege('{SERVER_ROLE}', c.oid, p.word)
                    ELSE has_table_privilege('{SERVER_ROLE}', c.oid, p.word) END), '{{}}')
         FROM pg_class c, LATERAL unnest(CASE c.relkind WHEN 'S' THEN '{{SELECT,UPDATE,USAGE}}'
                    ELSE '{{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}}' END::text[]) p(word)
         WHERE c.relnamespace = 'public'::regnamespace AND {kinds} GROUP BY 1"
    );
    let found = rows.query(&sql, &[]).await.expect("the privileges");
    let words = |row: &tokio_postgres::Row| row.get::<_, Vec<String>>(1).into_iter().collect();
    found.iter().map(|row| (row.get(0), words(row))).collect()
}

fn listed(list: &[(&str, Rights)]) -> BTreeMap<String, BTreeSet<String>> {
    let words = |rights: Rights| rights.privileges().split(", ").map(str::to_owned).collect();
    list.iter().map(|(name, rights)| ((*name).to_owned(), words(*rights))).collect()
}

#[tokio::test]
async fn the_server_has_the_listed_rights_on_every_table_and_no_others() {
    let rows = App::start().rows().await;
    let tables = privileges(&rows, "c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition").await;
    assert_eq!(tables, listed(SERVER_TABLES), "a new table needs a row in src/store/roles/rights.rs");
}

#[tokio::test]
async fn the_server_may_only_read_partitions_and_sequences_directly() {
    let app = logging();
    log_events(&app, 5).await;
    let rows = app.rows().await;
    let read = listed(&[("", Rights::Read)]).remove("").expect("a right");
    let mut partitions = privileges(&rows, "c.relkind IN ('r', 'p') AND c.relispartition").await;
    assert!(partitions.keys().any(|name| name.starts_with("audit_log_2")), "{partitions:?}");
    assert!(partitions.keys().any(|name| name.starts_with("device_login_attempts_2")), "{partitions:?}");
    for (name, rights) in listed(SERVER_PARTITIONS) {
        assert_eq!(partitions.remove(&name), Some(rights), "{name}");
    }
    let sequences = privileges(&rows, "c.relkind = 'S'").await;
    assert!(sequences.len() > 3, "{sequences:?}");
    for (name, rights) in partitions.into_iter().chain(sequences) {
        assert_eq!(rights, read, "{name}");
    }
}

/// The numbers of these functions.
async fn numbers(rows: &Client, functions: &[&str]) -> BTreeSet<u32> {
    let sql = "SELECT coalesce(to_regprocedure(f)::oid, 0) FROM unnest($1::text[]) f";
    rows.query(sql, &[&functions]).await.expect("the functions").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_function_with_the_rights_of_the_owner_is_listed_and_only_the_server_may_call_it() {
    let rows = App::start().rows().await;
    let sql = "SELECT p.oid, p.prosecdef, p.proname::text, p.proconfig,
                      EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0),
                      has_function_privilege($1, p.oid, 'EXECUTE')
               FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace";
    let (mut owners, mut plain) = (BTreeSet::new(), BTreeSet::new());
    for row in rows.query(sql, &[&SERVER_ROLE]).await.expect("the functions") {
        let (number, of_owner, name): (u32, bool, String) = (row.get(0), row.get(1), row.get(2));
        assert!(row.get::<_, bool>(5), "the server may call {name}");
        if !of_owner {
            plain.insert(number);
            continue;
        }
        owners.insert(number);
        assert!(!row.get::<_, bool>(4), "every role may call {name}");
        let settings: Vec<String> = row.get::<_, Option<_>>(3).unwrap_or_default();
        assert!(settings.contains(&"search_path=public, pg_temp".to_owned()), "{name}: {settings:?}");
    }
    assert_eq!(owners, numbers(&rows, OWNER_FUNCTIONS).await);
    assert_eq!(plain, numbers(&rows, PLAIN_FUNCTIONS).await);
}

async fn migrate(database: &DatabaseSettings, role: Option<&str>) -> store::Migrated {
    let order = MigrateOrder { server_role: role.map(str::to_owned), ..MigrateOrder::default() };
    Store::connect(database).expect("a store").migrate_with(order).await.expect("the migrations")
}

#[tokio::test]
async fn migrating_again_changes_no_rights() {
    let database = fresh_database();
    for role in [None, Some(SERVER_ROLE)] {
        let again = migrate(&database, role).await;
        assert_eq!((again.granted.len(), again.roles.len()), (0, 1), "{again:?}");
        let standing = &again.roles[0];
        assert!(standing.excess.is_empty() && standing.missing.is_empty(), "{standing:?}");
    }
}

#[tokio::test]
async fn migrating_takes_rights_that_are_too_many_and_gives_those_that_are_missing() {
    let app = logging();
    log_events(&app, 5).await;
    let rows = app.rows().await;
    let before = privileges(&rows, "true").await;
    for wrong in [
        format!("GRANT UPDATE (leaf_hash), TRUNCATE ON audit_log TO {SERVER_ROLE}"),
        format!(
            "REVOKE INSERT ON audit_events FROM {SERVER_ROLE}; REVOKE SELECT ON users FROM {SERVER_ROLE}"
        ),
        format!("GRANT TRIGGER ON device_login_attempts_default TO {SERVER_ROLE}"),
        format!("GRANT CREATE ON SCHEMA public TO {SERVER_ROLE}"),
        format!("REVOKE EXECUTE ON FUNCTION audit_log_lock(boolean) FROM {SERVER_ROLE}"),
        format!("REVOKE SELECT ON SEQUENCE users_id_seq FROM {SERVER_ROLE}"),
        "GRANT CREATE ON SCHEMA public TO PUBLIC".to_owned(),
    ] {
        rows.batch_execute(&wrong).await.expect("rights");
        let migrated = migrate(app.database(), Some(SERVER_ROLE)).await;
        assert_eq!(migrated.granted, [SERVER_ROLE], "{wrong}");
        let standing = &migrated.roles[0];
        assert!(standing.excess.is_empty() && standing.missing.is_empty(), "{wrong}: {standing:?}");
        assert_eq!(privileges(&rows, "true").await, before, "{wrong}");
    }
    let everyone = "GRANT EXECUTE ON FUNCTION audit_log_lock(boolean) TO PUBLIC";
    rows.batch_execute(everyone).await.expect("rights");
    migrate(app.database(), None).await;
    let open = "SELECT count(*) FROM pg_proc p, aclexplode(p.proacl) a WHERE p.proname = 'audit_log_lock' AND a.grantee = 0";
    assert_eq!(app.count(open).await, 0);
}

#[tokio::test]
async fn a_new_month_of_the_log_takes_no_default_rights() {
    let app = logging();
    let rows = app.rows().await;
    let generous = format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {SERVER_ROLE}, PUBLIC");
    rows.batch_execute(&generous).await.expect("default rights");
    log_events(&app, 5).await;
    let standing = app.role_standing().await;
    let partitions = privileges(&rows, "c.relkind = 'r' AND c.relname LIKE 'audit_log_2%'").await;
    assert!(!partitions.is_empty());
    for (name, rights) in partitions {
        assert_eq!(rights.into_iter().collect::<Vec<_>>(), ["SELECT"], "{name}");
    }
    assert!(standing.excess.is_empty(), "{standing:?}");
}
