//! `portcullis keys`: what it does to the file of settings and to the sessions.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Ask as _, database_url, portcullis_in, scratch_dir};

const JWT: &str = "token key of a server that only tests know";
const CSRF: &str = "csrf key of a server that only tests know";
const DATA: &str = "data key of a server that only tests know";

/// A directory with a file of settings.
struct Place {
    directory: tempfile::TempDir,
    file: PathBuf,
}

impl Place {
    fn new(database: &str) -> Self {
        let directory = scratch_dir();
        let file = directory.path().join("server.env");
        let text = format!(
            "# Settings\nENVIRONMENT=development\nDOMAIN=localhost\nDATABASE_URL={database}\nJWT_SECRET_KEY='{JWT}'\n\
             CSRF_SECRET_KEY='{CSRF}'\nDATA_ENCRYPTION_KEY='{DATA}'\n#JWT_PREVIOUS_SECRET_KEYS=\n"
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        Self { directory, file }
    }

    fn without_database() -> Self {
        Self::new("postgresql://nobody@127.0.0.1:1/nowhere")
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let file = self.file.to_str().unwrap();
        portcullis_in(self.path(), &[&["--env-file", file, "keys"], arguments].concat(), &[])
    }

    /// The output of a command that must succeed. It shows no secret.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        self.shows_no_secret(&(out.clone() + &err));
        out
    }

    /// The error of a command that must fail. It shows no secret.
    #[track_caller]
    fn failed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} must fail");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        self.shows_no_secret(&err);
        err
    }

    #[track_caller]
    fn shows_no_secret(&self, text: &str) {
        for name in [
            "JWT_SECRET_KEY",
            "JWT_NEXT_SECRET_KEY",
            "CSRF_SECRET_KEY",
            "CSRF_NEXT_SECRET_KEY",
            "DATA_ENCRYPTION_KEY",
            "DATA_ENCRYPTION_NEXT_KEY",
        ] {
            let secret = self.value(name).unwrap_or_else(|| "none at all".to_owned());
            let secret = secret.split('@').next().unwrap().to_owned();
            assert!(!text.contains(&secret), "{name} is in {text}");
        }
        for secret in [JWT, CSRF, DATA] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    /// The value of a variable in the file.
    fn value(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(&self.file).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let mut values =
            lines.filter(|(known, _)| *known == name).map(|(_, value)| value.trim_matches('\'').to_owned());
        values.next()
    }

    fn mode(&self) -> u32 {
        fs::metadata(&self.file).unwrap().permissions().mode() & 0o777
    }
}

/// The settings of a server on this database, read as `serve` reads them.
fn secrets_in(place: &Place) -> portcullis::config::Secrets {
    let text = fs::read_to_string(&place.file).unwrap();
    let pairs = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let variables =
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect();
    portcullis::config::Settings::read(&variables).settings.secrets
}

#[test]
fn a_rotation_prepares_a_next_key_uses_it_and_removes_the_retired_one_at_its_end() {
    let place = Place::without_database();
    for (kind, names) in [
        ("tokens", ["JWT_SECRET_KEY", "JWT_NEXT_SECRET_KEY", "JWT_PREVIOUS_SECRET_KEYS"]),
        ("csrf", ["CSRF_SECRET_KEY", "CSRF_NEXT_SECRET_KEY", "CSRF_PREVIOUS_SECRET_KEYS"]),
        ("data", ["DATA_ENCRYPTION_KEY", "DATA_ENCRYPTION_NEXT_KEY", "DATA_ENCRYPTION_PREVIOUS_KEYS"]),
    ] {
        let first = place.value(names[0]).unwrap();
        let prepared = place.done(&["rotate", kind]);
        assert!(
            prepared.contains("a next key of") && prepared.contains("read the settings again"),
            "{prepared}"
        );
        let next = place.value(names[1]).unwrap();
        assert_eq!((place.value(names[0]), place.value(names[2])), (Some(first.clone()), None));
        let early = place.failed(&["rotate", kind]);
        assert!(early.contains("too new") && early.contains("--now"), "{early}");
        assert_eq!(place.value(names[1]).as_ref(), Some(&next), "a refusal changes nothing");
        place.done(&["rotate", kind, "--now"]);
        assert_eq!(place.value(names[0]).as_deref(), next.split('@').next());
        assert_ne!(place.value(names[1]), Some(next));
        assert!(place.value(names[2]).unwrap().starts_with(&format!("{first}@")));
        let kept = place.done(&["prune", kind]);
        assert!(kept.contains("no retired key") && kept.contains("is needed until"), "{kept}");
    }
    assert_eq!(place.mode(), 0o640, "the permissions stay");
    let text = fs::read_to_string(&place.file).unwrap();
    assert!(text.starts_with("# Settings\nENVIRONMENT=development\nDOMAIN=localhost\n"), "{text}");
    let ended = text.replace(&format!("{JWT}@"), &format!("{JWT}@2020-01-01T00:00:00Z,kept@"));
    fs::write(&place.file, ended).unwrap();
    let status = place.done(&["status"]);
    assert!(status.contains("can be removed") && status.contains("until"), "{status}");
    let pruned = place.done(&["prune", "tokens"]);
    assert!(pruned.contains("removed retired keys of tokens: 1"), "{pruned}");
    assert!(place.value("JWT_PREVIOUS_SECRET_KEYS").unwrap().starts_with("kept@"));
}

#[test]
fn a_key_that_is_not_in_a_file_of_settings_is_left_to_the_operator() {
    let place = Place::without_database();
    let output = portcullis_in(
        place.path(),
        &["--env-file", place.file.to_str().unwrap(), "keys", "rotate", "tokens"],
        &[("JWT_SECRET_KEY", "a key that the environment gives to it")],
    );
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{err}");
    assert!(
        err.contains("JWT_SECRET_KEY: given in the environment") && err.contains("docs/operation/keys.md"),
        "{err}"
    );
    assert!(!err.contains("that the environment gives to it"), "{err}");
    assert_eq!(place.value("JWT_NEXT_SECRET_KEY"), None);
}

#[test]
fn secrets_in_files_of_their_own_rotate_when_each_setting_names_a_file() {
    let place = Place::without_database();
    let files = ["current", "next", "previous"].map(|name| place.path().join(name));
    for (file, text) in files.iter().zip([format!("{JWT}\n"), String::new(), String::new()]) {
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text = fs::read_to_string(&place.file).unwrap();
    let named = |count: usize| {
        let names = ["JWT_SECRET_KEY", "JWT_NEXT_SECRET_KEY", "JWT_PREVIOUS_SECRET_KEYS"];
        let lines = names.iter().zip(&files).take(count);
        let lines: String = lines.map(|(name, file)| format!("{name}_FILE={}\n", file.display())).collect();
        text.replace(&format!("JWT_SECRET_KEY='{JWT}'\n"), &lines)
    };
    for (count, lacking) in
        [(1, "JWT_NEXT_SECRET_KEY: not given"), (2, "JWT_PREVIOUS_SECRET_KEYS: not given")]
    {
        fs::write(&place.file, named(count)).unwrap();
        let refused = place.failed(&["rotate", "tokens"]);
        assert!(refused.contains(lacking) && refused.contains("which may be empty"), "{refused}");
    }
    fs::write(&place.file, named(3)).unwrap();
    let content = |number: usize| fs::read_to_string(&files[number]).unwrap();
    place.done(&["rotate", "tokens"]);
    let next = content(1);
    assert_eq!((content(0).trim_end(), content(2).as_str()), (JWT, ""));
    place.done(&["rotate", "tokens", "--now"]);
    assert_eq!(Some(content(0).as_str()), next.split('@').next());
    assert!(content(2).starts_with(&format!("{JWT}@")) && content(1) != next);
    assert_eq!(secrets_in(&place).csrf.previous.len(), 0);
}

#[test]
fn a_leaked_key_is_not_replaced_while_the_sessions_cannot_be_ended() {
    let place = Place::without_database();
    let before = fs::read_to_string(&place.file).unwrap();
    place.failed(&["leaked", "tokens"]);
    assert_eq!(fs::read_to_string(&place.file).unwrap(), before);
}

#[tokio::test]
async fn a_leaked_key_of_tokens_or_csrf_is_replaced_and_every_session_ends() {
    for (kind, name) in [("tokens", "JWT_SECRET_KEY"), ("csrf", "CSRF_SECRET_KEY")] {
        let app = App::start();
        let place = Place::new(&database_url(app.database()));
        let (first, second) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
        let mut socket = first.connect().await;
        place.done(&["rotate", kind]);
        let leaked_next = place.value(&name.replace("SECRET", "NEXT_SECRET")).unwrap();
        let said = place.done(&["leaked", kind]);
        assert!(said.contains("2 sessions ended") && said.contains("at once"), "{said}");
        assert_eq!(socket.closed().await.code, 4500);
        for session in [&first, &second] {
            assert!(!session.works().await);
            session.try_refresh().await.expect(401);
        }
        let reasons = format!("SELECT count(*) FROM revocations WHERE reason = 'leaked key: {kind}'");
        assert_eq!(app.count(&reasons).await, 1);
        let events = "SELECT count(*) FROM audit_events WHERE detail->>'reason' = ";
        assert_eq!(app.count(&format!("{events}'leaked key: {kind}'")).await, 1);
        let leaked = [JWT, CSRF, leaked_next.split('@').next().unwrap()];
        let secrets = secrets_in(&place);
        let ring = if kind == "tokens" { &secrets.jwt } else { &secrets.csrf };
        let kept =
            ring.accepted().any(|secret| leaked.contains(&secrecy::ExposeSecret::expose_secret(secret)));
        assert!(!kept, "nothing of the leaked keys is left");
        // A session that began between the command and the reload has tokens of the leaked key.
        let between = app.register().await.sign_in().await;
        app.replace_keys(&secrets).await;
        if kind == "tokens" {
            between.get("/api/v1/profile").await.refused(401, "invalid_token");
            between.try_refresh().await.refused(401, "invalid_refresh_token");
        } else {
            // The session stays, and the CSRF token of the leaked key is refused.
            assert!(between.works().await);
            let rename =
                between.by_cookie(Method::PUT, "/api/v1/profile").json(&json!({"display_name": "Ann"}));
            rename.header("x-csrf-token", &between.csrf).ask().await.refused(403, "csrf_token_invalid");
        }
        assert!(between.person.sign_in().await.works().await);
    }
}

#[tokio::test]
async fn the_data_keys_of_another_server_are_neither_replaced_nor_pruned() {
    let app = App::start();
    let place = Place::new(&database_url(app.database()));
    let session = app.register().await.sign_in().await;
    let text = fs::read_to_string(&place.file).unwrap();
    let own = "a data key that this database has never seen";
    let previous = "DATA_ENCRYPTION_PREVIOUS_KEYS='a retired key@2020-01-01T00:00:00Z'\n";
    let other = text.replace(DATA, own) + previous;
    fs::write(&place.file, &other).unwrap();
    for command in [["prune", "data"], ["leaked", "data"]] {
        let output = place.run(&command);
        let refused = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && refused.contains("the database of another server"), "{refused}");
        assert_eq!(fs::read_to_string(&place.file).unwrap(), other);
    }
    assert!(session.works().await);
    // An app that a key of the file does not open.
    fs::write(&place.file, text.clone() + previous).unwrap();
    session.person.enable_totp().await;
    app.rows().await.execute("UPDATE user_two_factor SET key_id = 'unknown'", &[]).await.unwrap();
    let refused = place.failed(&["prune", "data"]);
    assert!(refused.contains("1 rows of the database were sealed with a key that is not in"), "{refused}");
    assert_eq!(fs::read_to_string(&place.file).unwrap(), text + previous);
}

#[tokio::test]
async fn lasting_keys_that_a_server_seals_meanwhile_are_renewed_all_the_same_and_undated_keys_stay_undated() {
    let app = App::start();
    let place = Place::new(&database_url(app.database()));
    let text = fs::read_to_string(&place.file).unwrap();
    fs::write(&place.file, text + "DATA_ENCRYPTION_PREVIOUS_KEYS='a key without an end'\n").unwrap();
    let rows = app.rows().await;
    // The first update finds that another server was faster.
    rows.batch_execute(
        "CREATE SEQUENCE updates;
         GRANT USAGE ON SEQUENCE updates TO PUBLIC;
         CREATE FUNCTION lose_first() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF nextval(''updates'') = 1 THEN RETURN NULL; END IF; RETURN NEW; END';
         CREATE TRIGGER lose_first BEFORE UPDATE ON lasting_keys FOR EACH ROW EXECUTE FUNCTION lose_first()",
    )
    .await
    .unwrap();
    place.done(&["leaked", "data"]);
    assert_eq!(app.count("SELECT count(DISTINCT key_id) FROM lasting_keys").await, 2);
    let renewed = "SELECT max(count) FROM (SELECT count(*) FROM lasting_keys GROUP BY key_id) AS counts";
    assert_eq!(app.count(renewed).await, 2, "two of the four keys are new");
    let previous = place.value("DATA_ENCRYPTION_PREVIOUS_KEYS").unwrap();
    assert!(previous.starts_with(&format!("{DATA}@")) && previous.ends_with(",a key without an end"));
}

#[tokio::test]
async fn a_leaked_data_key_is_retired_and_removed_when_nothing_needs_it() {
    let app = App::start();
    let place = Place::new(&database_url(app.database()));
    let person = app.register().await;
    let totp = person.enable_totp().await;
    let session = person.open_session().await;
    let lasting = "SELECT string_agg(encode(sealed, 'hex'), ',' ORDER BY purpose) FROM lasting_keys";
    let before: String = app.rows().await.query_one(lasting, &[]).await.unwrap().get(0);
    place.done(&["leaked", "data"]);
    assert!(!session.works().await, "every session has ended");
    let after: String = app.rows().await.query_one(lasting, &[]).await.unwrap().get(0);
    let changed = before.split(',').zip(after.split(',')).filter(|(old, new)| old != new).count();
    assert_eq!(changed, 2, "the keys of attempts and decoys are new");
    let status = place.done(&["status", "--database"]);
    assert!(status.contains("previous  3 ") && status.contains("unknown   0"), "{status}");
    // The end has come, but rows still need the key.
    let text = fs::read_to_string(&place.file).unwrap();
    let ends = text.lines().map(|line| match line.strip_prefix("DATA_ENCRYPTION_PREVIOUS_KEYS=") {
        Some(_) => format!("DATA_ENCRYPTION_PREVIOUS_KEYS='{DATA}@2020-01-01T00:00:00Z'\n"),
        None => format!("{line}\n"),
    });
    fs::write(&place.file, ends.collect::<String>()).unwrap();
    let needed = place.failed(&["prune", "data"]);
    assert!(needed.contains("3 rows of the database still need a retired key"), "{needed}");
    app.replace_keys(&secrets_in(&place)).await;
    person.ask_for_factor().await.finish(&totp.for_server(&app).code()).await;
    app.sweep().await;
    place.done(&["prune", "data"]);
    app.replace_keys(&secrets_in(&place)).await;
    let totp = totp.for_server(&app);
    let pending = person.ask_for_factor().await;
    pending.finish(&totp.code_at(totp.step() + 1)).await;
    let status = place.done(&["status", "--database"]);
    assert!(status.contains("previous  0") && status.contains("unknown   0"), "{status}");
}
