//! Which roles a server starts with, what it says about the others, and the commands that give the role of a server its rights.

use std::process::Output;

use store::{DatabaseSettings, SERVER_ROLE};

use crate::{
    harness::{
        App, Ask as _, Server, client, database_url, empty_database, eventually, fresh_database, owner_url,
        portcullis, portcullis_on,
    },
    serve,
};

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The URL of this database with another role.
fn url_of(database: &DatabaseSettings, role: &str) -> String {
    owner_url(database).replace("//postgres@", &format!("//{role}@"))
}

/// A role of its own for a test: the roles of a cluster are common to all databases.
async fn new_role(database: &DatabaseSettings, kind: &str, options: &str) -> String {
    let name = format!("{kind}_{}", database.config.get_dbname().expect("a name"));
    sql(database, &format!("CREATE ROLE {name} LOGIN {options}")).await;
    name
}

/// Executes statements as the owner.
async fn sql(database: &DatabaseSettings, statements: &str) {
    let (client, link) = database.config.connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(link);
    client.batch_execute(statements).await.expect(statements);
}

/// What a production server says that does not start.
fn refusal(url: &str, code: i32) -> String {
    let place = [("API_PORT", "0"), ("BIND_ADDRESS", "127.0.0.1")];
    let output = portcullis(&["serve"], &[&serve::settings(url)[..], &place].concat());
    assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    text(&output)
}

#[tokio::test]
async fn production_refuses_a_role_that_can_change_the_audit_log_and_says_what_to_type() {
    let database = fresh_database();
    let member = new_role(&database, "member", "IN ROLE postgres").await;
    let (maker, changer) = (
        new_role(&database, "maker", &format!("CREATEROLE IN ROLE {SERVER_ROLE}")).await,
        new_role(&database, "changer", &format!("IN ROLE {SERVER_ROLE}")).await,
    );
    sql(&database, &format!("GRANT UPDATE (outcome) ON audit_events TO {changer}")).await;
    let shadowing = new_role(&database, "shadowing", &format!("IN ROLE {SERVER_ROLE}")).await;
    sql(&database, &format!("GRANT CREATE ON SCHEMA public TO {shadowing}")).await;
    for (role, reason) in [
        ("postgres", "it is a superuser"),
        (&member, "it is a member of the superuser postgres"),
        (&maker, "it may create roles"),
        (&changer, "it may change rows of the table audit_events"),
        (&shadowing, "it may create objects in the schema public"),
    ] {
        let refused = refusal(&url_of(&database, role), 78);
        for part in [
            reason,
            "CREATE ROLE portcullis_server LOGIN PASSWORD",
            "portcullis migrate --database-url URL_OF_THE_OWNER --server-role portcullis_server",
            "docs/deployment.md",
        ] {
            assert!(refused.contains(part), "{role}: {part} is missing: {refused}");
        }
    }
}

/// A database of which the owner is no superuser, as in production, and the name of the owner.
async fn owned() -> (DatabaseSettings, String) {
    let database = empty_database();
    let owner = new_role(&database, "owner", "").await;
    sql(&database, &format!("GRANT CREATE ON SCHEMA public TO {owner}")).await;
    (database, owner)
}

#[tokio::test]
async fn an_installation_with_one_role_is_moved_to_two_roles_by_the_lines_of_the_message() {
    let (database, owner) = owned().await;
    let present = url_of(&database, &owner);
    let migrated = portcullis(&["migrate"], &[("DATABASE_URL", &present)]);
    assert!(
        migrated.status.success() && text(&migrated).contains("No role of a server"),
        "{}",
        text(&migrated)
    );
    let refused = refusal(&present, 78);
    assert!(refused.contains("it owns the table audit_checkpoints"), "{refused}");

    let server = format!("server_{}", database.config.get_dbname().expect("a name"));
    let give = ["migrate", "--database-url", &present, "--server-role", &server];
    let unknown = portcullis(&give, &[]);
    assert!(!unknown.status.success(), "{}", text(&unknown));
    assert!(
        text(&unknown).contains(&format!("CREATE ROLE {server} LOGIN PASSWORD '…';")),
        "{}",
        text(&unknown)
    );
    assert_eq!(new_role(&database, "server", "").await, server);
    let next = url_of(&database, &server);
    let missing = refusal(&next, 1);
    assert!(
        missing.contains("lacks rights of a server") && missing.contains(&format!("--server-role {server}")),
        "{missing}"
    );

    let given = portcullis(&give, &[]);
    assert!(given.status.success(), "{}", text(&given));
    assert!(
        text(&given).contains(&format!("the role {server} has the rights of a server")),
        "{}",
        text(&given)
    );
    let again = portcullis(&give, &[]);
    assert_eq!(text(&again), "The schema is up to date.\n");
    // As with the settings of an operator, without an option.
    let by_settings = portcullis(&["migrate"], &[("DATABASE_OWNER_URL", &present), ("DATABASE_URL", &next)]);
    assert_eq!(text(&by_settings), "The schema is up to date.\n");

    let running = serve::production_with(&[("DATABASE_URL", &next)]);
    assert_eq!(details(&running).await, serde_json::json!([]));
}

#[tokio::test]
async fn a_schema_that_is_behind_is_refused_with_the_command_to_run() {
    let database = fresh_database();
    let newest = "DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)";
    sql(&database, newest).await;
    let refused = refusal(&database_url(&database), 1);
    assert!(refused.contains("run `portcullis migrate` as the owner of the tables"), "{refused}");
    let empty = refusal(&database_url(&empty_database()), 1);
    assert!(empty.contains("run `portcullis migrate`"), "{empty}");
}

/// The details of readiness, when the server is ready.
async fn details(server: &Server) -> serde_json::Value {
    let url = format!("http://{}/health/ready", server.address());
    let rest = client().build().expect("a client");
    eventually("the server is ready", async || rest.get(&url).ask().await.status == 200).await;
    rest.get(&url).ask().await.expect(200).body["details"].clone()
}

#[tokio::test]
async fn a_single_role_is_permitted_by_a_setting_and_migrates_the_database_itself() {
    let (database, owner) = owned().await;
    let url = url_of(&database, &owner);
    let further =
        [("DATABASE_URL", url.as_str()), ("DATABASE_SINGLE_ROLE", "true"), ("METRICS_ADDR", "127.0.0.1:0")];
    let server = serve::production_with(&further);
    assert_eq!(details(&server).await[0]["code"], "powerful_database_role");
    let warned = server.log();
    assert!(warned.contains("the database role of the server can change the audit log"), "{warned}");
    let metrics = format!("{}/metrics", server.facts["metrics"].as_str().expect("an address"));
    let figures =
        client().build().expect("a client").get(metrics).send().await.expect("an answer").text().await;
    assert!(figures.expect("figures").contains("database_role_powerful 1"));
}

#[tokio::test]
async fn a_single_role_that_is_powerful_and_owns_no_table_is_permitted_and_migrates_nothing() {
    let database = fresh_database();
    let maker = new_role(&database, "maker", &format!("CREATEROLE IN ROLE {SERVER_ROLE}")).await;
    let url = url_of(&database, &maker);
    let server = serve::production_with(&[("DATABASE_URL", &url), ("DATABASE_SINGLE_ROLE", "true")]);
    assert_eq!(details(&server).await[0]["code"], "powerful_database_role");
    drop(server);
    let newest = "DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)";
    sql(&database, newest).await;
    let settings =
        [&serve::settings(&url)[..], &[("DATABASE_SINGLE_ROLE", "true"), ("API_PORT", "0")]].concat();
    let output = portcullis(&["serve"], &settings);
    assert!(
        !output.status.success() && text(&output).contains("run `portcullis migrate`"),
        "{}",
        text(&output)
    );
}

#[tokio::test]
async fn a_server_that_migrates_notes_how_long_it_keeps_the_audit_log() {
    let noted = "SELECT kept_days::bigint FROM audit_log_head";
    let app = App::with(|settings| settings.kept.audit = std::time::Duration::from_secs(40 * 86_400));
    assert_eq!(app.count(noted).await, 40);
    let (database, owner) = owned().await;
    let url = url_of(&database, &owner);
    let further =
        [("DATABASE_URL", url.as_str()), ("DATABASE_SINGLE_ROLE", "true"), ("AUDIT_RETENTION_DAYS", "30")];
    let server = serve::production_with(&further);
    details(&server).await;
    let (rows, link) = database.config.connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(link);
    assert_eq!(rows.query_one(noted, &[]).await.expect("a number").get::<_, i64>(0), 30);
}

#[tokio::test]
async fn a_server_whose_retention_is_not_the_noted_one_warns_and_says_what_to_do() {
    let database = fresh_database();
    let url = database_url(&database);
    for (days, warns) in [("30", true), ("365", false)] {
        let server = serve::production_with(&[("DATABASE_URL", &url), ("AUDIT_RETENTION_DAYS", days)]);
        details(&server).await;
        let log = server.log();
        assert_eq!(log.contains("run `portcullis migrate` with AUDIT_RETENTION_DAYS=30"), warns, "{log}");
        assert!(!warns || (log.contains("365") && log.contains("database_days")), "{log}");
    }
}

#[tokio::test]
async fn commands_of_the_owner_refuse_the_role_of_the_server() {
    let database = fresh_database();
    let url = database_url(&database);
    for command in [&["migrate"][..], &["restore", "--finish"]] {
        let output = portcullis(command, &[("DATABASE_URL", &url)]);
        let said = text(&output);
        assert!(!output.status.success(), "{command:?}: {said}");
        assert!(
            said.contains("needs the owner of the tables, postgres") && said.contains("DATABASE_OWNER_URL"),
            "{said}"
        );
    }
    let output = portcullis(&["migrate", "--server-role", SERVER_ROLE], &[("DATABASE_URL", &url)]);
    assert!(text(&output).contains("needs the owner"), "{}", text(&output));
}

#[tokio::test]
async fn commands_of_the_server_name_the_rights_that_are_missing() {
    let app = App::start();
    sql(app.database(), &format!("REVOKE SELECT ON users FROM {SERVER_ROLE}")).await;
    for command in [&["user", "list"][..], &["ban", "list"]] {
        let said = text(&portcullis_on(app.database(), command, &[]));
        assert!(said.contains("lacks rights of a server: SELECT on users"), "{command:?}: {said}");
        assert!(said.contains("portcullis migrate"), "{command:?}: {said}");
    }
}

#[tokio::test]
async fn a_backup_needs_no_rights_of_the_owner() {
    let app = App::start();
    let directory = crate::harness::scratch_dir();
    let file = directory.path().join("dump");
    let url = database_url(app.database());
    let output = portcullis(&["backup", file.to_str().expect("a path")], &[("DATABASE_URL", &url)]);
    assert!(output.status.success(), "{}", text(&output));
}

#[tokio::test]
async fn migrate_notes_how_long_the_audit_log_is_kept() {
    let app = App::start();
    let noted = async || app.count("SELECT kept_days::bigint FROM audit_log_head").await;
    assert_eq!(noted().await, 365);
    for (days, expected) in [(Some("30"), 30), (None, 30)] {
        let variables: Vec<_> = days.iter().map(|days| ("AUDIT_RETENTION_DAYS", *days)).collect();
        let output = portcullis_on(app.database(), &["migrate"], &variables);
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(noted().await, expected);
    }
}
