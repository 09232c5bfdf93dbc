//! The console of operators: finding, ending, and proving it; what each role sees; the incident screens; lists.

use std::time::Duration;

use domain::account::role::Role;
use serde_json::json;

use super::{
    Window,
    accessibility::{axe, check},
};
use crate::{
    admin_attempts::{accounts_with_sessions, insert_attempts, now},
    audit_log::logging,
    harness::{App, PASSWORD, Person, Session},
};

/// Longer than the privilege of a sign-in lasts.
const UNTIL_PRIVILEGE_IS_OVER: Duration = Duration::from_secs(11 * 60);

/// Screens that differ in their parts.
const SCREENS: [&str; 16] = [
    "/console",
    "/console/incidents",
    "/console/incidents/token",
    "/console/incidents/device",
    "/console/incidents/stuffing",
    "/console/incidents/key",
    "/console/search?q=1",
    "/console/users",
    "/console/sessions",
    "/console/devices?user=1",
    "/console/api-keys",
    "/console/statistics",
    "/console/settings",
    "/console/mail",
    "/console/audit",
    "/console/audit/0",
];

/// Lists that have the same parts as others, so axe looks at the others.
const LISTS: [&str; 8] = [
    "/console/connections",
    "/console/attempts",
    "/console/erasures",
    "/console/revocations",
    "/console/bans",
    "/console/issuers",
    "/console/channels",
    "/console/webhooks",
];

/// The acts on the screen: the names of buttons that change something.
const ACTS: &str = "all('button, summary').map(nameOf).filter((name) => \
    /^(End|Ban|Lift|Create|Revoke|Reset|Erase|Forget|Distrust|Remove|Change|More acts|Send|Run a drill)\\b/.test(name)).join()";

impl Window {
    /// Types the reason of an act, and sends it.
    async fn act(&mut self, action: &str) {
        self.fill("Reason", "INC-42").await;
        self.press(action).await;
    }

    /// Opens a screen, and waits until it shows what it has read.
    async fn screen(&mut self, path: &str) {
        self.visit(path).await;
        self.until(
            "document.querySelector('.desk h1') !== null && document.querySelector('.skeleton') === null",
        )
        .await;
    }

    /// Opens a screen, which must not show a failure.
    async fn whole_screen(&mut self, path: &str) {
        self.screen(path).await;
        let shown = self.value("document.querySelector('main').innerText").await;
        let shown = shown.as_str().expect("a text");
        assert!(!shown.contains("Something went wrong"), "{path}: {shown}");
    }
}

/// A session of a new user with an open socket.
async fn connected(app: &App) -> (Session, crate::harness::Socket) {
    let session = app.register().await.open_session().await;
    let socket = session.connect_by_command().await;
    (session, socket)
}

async fn admin_at(app: &App, path: &str) -> Option<Window> {
    Window::signed_in(&app.appoint(Role::Admin).await, path).await
}

#[tokio::test]
async fn an_admin_finds_a_user_ends_the_session_after_a_step_up_and_verifies_the_receipt() {
    let app = logging();
    let (session, _socket) = connected(&app).await;
    let Person { email, id, .. } = session.person.clone();
    let Some(mut window) = admin_at(&app, "/console").await else { return };
    app.advance(UNTIL_PRIVILEGE_IS_OVER);
    window.fill("Search by anything", &email).await;
    window.key("Enter").await;
    window.press(&email).await;
    window.arrives_at(&format!("/console/users/{}", id.0)).await;
    window.press("End").await;
    window.sees("closes 1 open socket").await;
    window.act("End the session").await;
    window.sees("Confirm that it is you").await;
    window.fill("Your password", PASSWORD).await;
    window.press("Confirm").await;
    window.sees("1 session ended, 1 socket closed").await;
    window.sees("receipt complete").await;
    window.press("Verify it here").await;
    window.sees("The receipt is in the batch that the log names: holds").await;
    window.sees("signed with the key of the log: holds").await;
    window.sees("The reason is the one that the receipt has the hash of: holds").await;
    window.sees_no("DOES NOT HOLD").await;
    window.press("Close").await;
    window.sees("No session is open").await;
    assert!(!session.works().await);
    window.finish().await;
}

#[tokio::test]
async fn an_act_without_a_reason_is_not_sent() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    let Some(mut window) = admin_at(&app, &format!("/console/sessions/{}", session.id)).await else { return };
    window.press("End this session").await;
    window.press("End the session").await;
    window.sees("Fill in this field.").await;
    assert_eq!(window.focused().await, "Reason");
    window.key("Escape").await;
    assert!(session.works().await);
    window.finish().await;
}

#[tokio::test]
async fn an_auditor_sees_everything_and_no_act() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    let user = session.person.id.0;
    let auditor = app.appoint(Role::Auditor).await;
    let Some(mut window) = Window::signed_in(&auditor, "/console").await else { return };
    for path in [
        "/console".to_owned(),
        "/console/users".to_owned(),
        "/console/sessions".to_owned(),
        "/console/bans".to_owned(),
        "/console/api-keys".to_owned(),
        format!("/console/users/{user}"),
        format!("/console/users/{user}/devices"),
        format!("/console/sessions/{}", session.id),
        "/console/incidents/stuffing".to_owned(),
        "/console/incidents/key".to_owned(),
    ] {
        window.screen(&path).await;
        assert_eq!(window.value(ACTS).await, "", "{path}");
    }
    window.sees("Your role, auditor, sees everything and changes nothing.").await;
    window.visit("/console/audit").await;
    window.sees("Has it only grown?").await;
    window.finish().await;
}

#[tokio::test]
async fn an_operator_sees_why_an_admin_cannot_be_acted_on() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    let operator = app.appoint(Role::Operator).await;
    let Some(mut window) = Window::signed_in(&operator, &format!("/console/users/{}", admin.id.0)).await
    else {
        return;
    };
    window.sees("An operator cannot act on an admin.").await;
    assert_eq!(window.value(ACTS).await, "");
    window.finish().await;
}

/// The interface knows the role of the other user, and the list of sessions does not.
#[tokio::test]
async fn a_refusal_of_the_server_is_shown_in_words() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await;
    admin.open_session().await;
    let operator = app.appoint(Role::Operator).await;
    let Some(mut window) = Window::signed_in(&operator, "/console/sessions").await else {
        return;
    };
    window.fill("User number", &admin.id.0.to_string()).await;
    window.key("Enter").await;
    window.sees("1 row shown").await;
    window.press("End").await;
    window.act("End the session").await;
    window.sees("Your role does not permit this.").await;
    window.finish().await;
}

#[tokio::test]
async fn a_user_does_not_see_the_console() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::on(&app, "/?next=/console").await else { return };
    window.sign_in(&person).await;
    window.sees("The console is for operators").await;
    window.finish().await;
}

#[tokio::test]
async fn the_screen_of_a_stuffing_wave_finds_the_accounts_and_ends_their_sessions() {
    let app = App::start();
    let (first, last) = accounts_with_sessions(&app, 14).await;
    let at = now(&app);
    insert_attempts(
        &app,
        &format!(
            "SELECT {at} - make_interval(secs => i), CASE WHEN i < 12 THEN {first} + i END, i,
                    CASE WHEN i < 12 THEN 'success' ELSE 'unknown_account' END, '203.0.113.9'
             FROM generate_series(0, 200) i"
        ),
    )
    .await;
    let Some(mut window) = admin_at(&app, "/console/incidents/stuffing").await else { return };
    window.sees("12 rows shown").await;
    window.sees("victim1@example.com").await;
    window.press("End the sessions of all of them").await;
    window.sees("This ends 12 sessions of 12 people").await;
    window.press("Take the passwords away, too").await;
    window.act("End their sessions").await;
    window.sees("12 sessions ended").await;
    let open = format!(
        "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND user_id BETWEEN {first} AND {last}"
    );
    assert_eq!(app.count(&open).await, 2);
    window.finish().await;
}

#[tokio::test]
async fn a_leaked_token_is_read_in_the_browser_and_its_session_is_ended() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    let Some(mut window) = admin_at(&app, "/console/incidents").await else { return };
    window.press("A token has leaked").await;
    window.fill("The token", &format!("Authorization: Bearer {}", session.access)).await;
    window.press("Examine it").await;
    window.sees("An access token").await;
    window.sees(&session.person.email).await;
    window.sees("1 socket of the session on this node").await;
    window.press("End this session").await;
    window.act("End the session").await;
    window.sees("1 session ended, 1 socket closed").await;
    window.press("Close").await;
    window.sees("the session has ended, and every node knows it").await;
    window.sees("none on this node").await;
    window.press("Another token").await;
    window.fill("The token", &session.refresh).await;
    window.press("Examine it").await;
    window.sees("A refresh token").await;
    window.sees("the session has ended, and every node knows it").await;
    assert!(!window.value(SENT).await.as_str().expect("addresses").contains(&session.access));
    window.finish().await;
}

/// The addresses of everything that the page has asked for.
const SENT: &str = "location.href + performance.getEntriesByType('resource').map(({ name }) => name).join()";

#[tokio::test]
async fn a_token_in_the_search_opens_the_incident_screen_and_gets_into_no_address() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    let Some(mut window) = admin_at(&app, "/console").await else { return };
    window.fill("Search by anything", &session.access).await;
    window.key("Enter").await;
    window.arrives_at("/console/incidents/token").await;
    window.sees("1 socket of the session on this node").await;
    assert!(!window.value(SENT).await.as_str().expect("addresses").contains(&session.access));
    window.finish().await;
}

#[tokio::test]
async fn a_session_is_found_by_its_id() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    let Some(mut window) = admin_at(&app, "/console").await else { return };
    window.fill("Search by anything", &session.id.to_string()).await;
    window.key("Enter").await;
    window.press(&session.id.to_string()).await;
    window.arrives_at(&format!("/console/sessions/{}", session.id)).await;
    window.sees(&session.person.email).await;
    window.finish().await;
}

#[tokio::test]
async fn a_session_is_found_and_ended_by_the_keyboard_alone() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    let Some(mut window) = admin_at(&app, "/console").await else { return };
    window.key("/").await;
    assert_eq!(window.focused().await, "Search by anything");
    window.type_text(&session.id.to_string()).await;
    window.key("Enter").await;
    window.sees("1 open socket").await;
    window.tab_to(&session.id.to_string()).await;
    window.key("Enter").await;
    window.sees(&session.person.email).await;
    window.tab_to("End this session").await;
    window.key("Enter").await;
    window.until("document.activeElement.name === 'reason'").await;
    window.type_text("INC-42").await;
    window.key("Enter").await;
    window.sees("1 session ended, 1 socket closed").await;
    window.key("Escape").await;
    window.until("document.querySelector('dialog') === null").await;
    assert!(!session.works().await);
    window.finish().await;
}

#[tokio::test]
async fn filters_are_in_the_address_and_survive_a_reload() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = admin_at(&app, "/console/users").await else { return };
    window.sees("2 rows shown").await;
    window.fill("Address begins with", &person.email).await;
    window.key("Enter").await;
    window.sees("1 row shown").await;
    window.until("location.search.startsWith('?email=person0')").await;
    window.run("location.reload()").await;
    window.sees("1 row shown").await;
    let shown = window.value("named(CONTROLS, 'Address begins with').value").await;
    assert_eq!(shown, person.email);
    window.press("Clear the filters").await;
    window.sees("2 rows shown").await;
    window.finish().await;
}

#[tokio::test]
async fn a_long_list_shows_one_page_and_turns_it() {
    let app = App::start();
    accounts_with_sessions(&app, 120).await;
    let Some(mut window) = admin_at(&app, "/console/users").await else { return };
    let rows = "document.querySelectorAll('.rows-table tbody tr').length";
    window.sees("50 rows shown, and more").await;
    assert_eq!(window.value(rows).await, 50);
    window.press("Next page").await;
    window.sees("victim60@example.com").await;
    assert_eq!(window.value(rows).await, 50);
    window.press("Next page").await;
    window.sees("The last page").await;
    window.press("Previous page").await;
    window.sees("victim60@example.com").await;
    window.press("First page").await;
    window.sees("victim120@example.com").await;
    window.finish().await;
}

#[tokio::test]
async fn a_list_says_when_its_rows_are_stale() {
    let app = App::start();
    let Some(mut window) = admin_at(&app, "/console/connections").await else { return };
    window.sees("Live").await;
    app.stop();
    window.press("Read again").await;
    window.sees("Stale").await;
    window.finish().await;
}

#[tokio::test]
async fn the_audit_log_is_followed_and_an_entry_is_proved_in_the_browser() {
    let app = logging();
    let Some(mut window) = admin_at(&app, "/console/audit").await else { return };
    window.press("Follow").await;
    window.sees("Waiting for the next entry.").await;
    let person = app.register().await;
    window.sees(&format!("on user {}", person.id.0)).await;
    window.press("Stop following").await;
    window.visit("/console/audit/0").await;
    window.press("Verify it here").await;
    window.sees("signed with the key of the log: holds").await;
    window.sees_no("DOES NOT HOLD").await;
    window.visit("/console/audit").await;
    window.press("Has it only grown?").await;
    window.sees("It remembers the checkpoint").await;
    window.press("Has it only grown?").await;
    window.sees("are the beginning of the log: holds").await;
    window.finish().await;
}

#[tokio::test]
async fn an_api_key_is_created_shown_once_and_revoked() {
    let app = App::start();
    let Some(mut window) = admin_at(&app, "/console/api-keys").await else { return };
    window.press("Create a key").await;
    window.fill("Name", "billing").await;
    window.press("publish").await;
    window.act("Create").await;
    window.sees("shown this once").await;
    let key = window.value("document.querySelector('dialog .copyable .mono').innerText").await;
    assert!(key.as_str().is_some_and(|key| key.starts_with("pck_")), "{key}");
    window.press("Close").await;
    window.sees("1 row shown").await;
    window.press("Revoke").await;
    window.act("Revoke the key").await;
    window.sees("The key is revoked.").await;
    window.press("Close").await;
    window.sees("revoked").await;
    window.finish().await;
}

#[tokio::test]
async fn every_screen_opens_without_a_complaint_of_the_browser_or_of_axe() {
    let app = logging();
    let (session, _socket) = connected(&app).await;
    let admin = app.appoint(Role::Admin).await;
    session.try_refresh().await.expect(200);
    app.write_statistics().await;
    let ended = app.register().await.open_session().await.id;
    let operator = admin.sign_in().await;
    let revocation =
        operator.revoke(json!({"session": ended})).await.expect(200).body["revocation_id"].clone();
    let Some(mut window) = Window::signed_in(&admin, "/console").await else { return };
    let axe = axe();
    let user = session.person.id.0;
    let mut screens: Vec<String> = SCREENS.map(str::to_owned).into();
    screens.extend([
        format!("/console/users/{user}"),
        format!("/console/users/{user}/devices"),
        format!("/console/users/{user}/attempts"),
        format!("/console/sessions/{}", session.id),
        format!("/console/revocations/{revocation}"),
    ]);
    for path in LISTS {
        window.whole_screen(path).await;
    }
    for path in &screens {
        window.whole_screen(path).await;
        if let Some(axe) = &axe {
            check(&mut window, axe, path).await;
        }
    }
    window.finish().await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_dialog_of_an_act_and_in_its_receipt() {
    let Some(axe) = axe() else { return };
    let app = logging();
    let (session, _socket) = connected(&app).await;
    let Some(mut window) = admin_at(&app, &format!("/console/users/{}", session.person.id.0)).await else {
        return;
    };
    window.press("End all sessions").await;
    window.sees("This ends 1 session").await;
    check(&mut window, &axe, "an act").await;
    window.act("End the sessions").await;
    window.sees("receipt complete").await;
    window.press("Verify it here").await;
    window.sees("The receipt is in the batch that the log names: holds").await;
    check(&mut window, &axe, "a receipt").await;
    window.finish().await;
}

#[tokio::test]
async fn the_figures_of_the_overview_are_those_of_the_node() {
    let app = App::start();
    let (session, _socket) = connected(&app).await;
    session.person.sign_in().await;
    app.write_statistics().await;
    let Some(mut window) = admin_at(&app, "/console").await else { return };
    let tile = |name: &str| {
        let titles = "[...document.querySelectorAll('.tile')]";
        format!(
            "{titles}.find((tile) => tile.innerText.startsWith({})).querySelector('strong').innerText",
            json!(name)
        )
    };
    window.until(&format!("{} === '1'", tile("Sockets"))).await;
    assert_eq!(window.value(&tile("Connected users")).await, "1");
    // The sign-in of this window may be written, too.
    window.until(&format!("Number({}) >= 1", tile("Sign-ins"))).await;
    window.press("Sign-ins as a table").await;
    window.until("all('.chart-rows td').some((cell) => Number(cell.innerText) >= 1)").await;
    window.finish().await;
}
