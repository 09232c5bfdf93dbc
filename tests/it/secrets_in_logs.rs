//! The watch over secrets in logs (`harness::secret_watch`) works: the whole suite depends on it.

use std::process::Command;

use crate::harness::{
    App, Ask as _, scratch_dir,
    secret_watch::{self, Finding, Watch},
};

/// The name of the test that logs a secret, in this binary.
const PLANTING: &str = "secrets_in_logs::planted::a_secret_is_logged";

#[tokio::test]
async fn the_lines_and_the_secrets_of_every_server_are_watched() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let marked =
        session.request(reqwest::Method::GET, "/api/v1/profile").header("x-request-id", "find-me-watched");
    marked.ask().await.expect(200);
    let watch = secret_watch::watch();
    assert!(watch.has_line_with("find-me-watched"), "the lines of the server are missing");
    assert!(watch.searches_for(&session.access), "the access token of the session is missing");
    assert!(watch.searches_for(&session.refresh), "the refresh token of the session is missing");
    assert!(!watch.searches_for("a text that no test has noted"));

    // The same secrets, found in a line that this test adds to a watch of its own.
    let directory = scratch_dir();
    for (kind, secret) in [("access token", &session.access), ("refresh token", &session.refresh)] {
        let own = Watch::in_file(&directory.path().join("lines")).expect("a file");
        own.note(kind, secret);
        own.add(b"{\"target\":\"portcullis::http\",\"message\":\"nothing\"}");
        assert_eq!(own.findings(), []);
        own.add(format!("{{\"target\":\"portcullis::http\",\"message\":\"a {secret} b\"}}").as_bytes());
        assert_eq!(
            own.findings(),
            [Finding { kind: kind.to_owned(), target: "portcullis::http".to_owned() }]
        );
    }
}

#[test]
fn a_test_process_in_which_a_secret_is_logged_fails_and_names_its_kind_and_the_target_of_the_line() {
    let run = |test: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "--ignored", test])
            .env_remove("RUST_LOG")
            .output()
            .expect("the program runs")
    };
    let output = run(PLANTING);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{errors}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "only the watch fails");
    assert!(
        errors.contains("secret in a log line: refresh_token, logged by portcullis::planted"),
        "{errors}"
    );
    assert!(run("secrets_in_logs::planted::no_secret_is_logged").status.success());
}

/// These tests run only in a process of their own, which the test above starts.
mod planted {
    use serde_json::json;

    use crate::harness::{client, secret_watch};

    #[test]
    #[ignore = "it logs a secret, so its process fails"]
    fn a_secret_is_logged() {
        let _ = client();
        secret_watch::note_json(&json!({"refresh_token": "a-planted-token-0123456789"}));
        tracing::debug!(target: "portcullis::planted", "exchanged a-planted-token-0123456789");
    }

    #[test]
    #[ignore = "it runs in a process of its own, like the test before"]
    fn no_secret_is_logged() {
        let _ = client();
        secret_watch::note_json(&json!({"refresh_token": "a-planted-token-0123456789"}));
        tracing::debug!(target: "portcullis::planted", "exchanged a token");
    }
}
