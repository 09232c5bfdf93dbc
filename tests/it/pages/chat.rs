//! The chat room: two people talk, history, recovery, and the ends of a session as they look from inside.

use serde_json::{Value, json};
use service::Target;

use super::{Window, accessibility};
use crate::{
    harness::{App, DatabaseProxy, Person, app_with_key, eventually, fresh_database, lasting_port, of_user},
    history,
};

const ROOM: &str = "/chat/chat:garden";
const CHANNEL: &str = "chat:garden";
const LIVE: &str = "document.querySelector('[data-state=live]') !== null";
/// Whether the message is in the channel. Until then, it is sent again whenever the page says that it was not sent.
const SENT_AGAIN: &str = "(() => {
    document.querySelector('.message-mine[data-state=failed] .button-link')?.click();
    return document.querySelector('.message-mine')?.dataset.state === 'sent';
})()";
const SHUT: &str = "document.querySelector('.door')?.dataset.done === 'true'";

/// A window of this person in the room, when it is live.
async fn enter(person: &Person) -> Option<Window> {
    let mut window = Window::signed_in(person, ROOM).await?;
    window.until(LIVE).await;
    Some(window)
}

impl Window {
    async fn say(&mut self, text: &str) {
        self.fill("Message to", text).await;
        self.press("Send").await;
    }

    /// The number of messages that are shown.
    async fn messages(&mut self) -> u64 {
        self.value("document.querySelectorAll('.message').length").await.as_u64().expect("a number")
    }

    /// The number of the browser's own session.
    async fn session(&mut self) -> protocol::id::SessionId {
        let status =
            "fetch('/api/v1/auth/status').then((answer) => answer.json()).then(({ session }) => session.id)";
        self.tab.evaluate(status).await.as_str().expect("an id").parse().expect("the id of a session")
    }

    /// What each door has answered, after the end.
    async fn answers(&mut self) -> Value {
        self.until(SHUT).await;
        let doors = "[...document.querySelectorAll('[data-door]')].filter(({ dataset }) => !['connected', 'message'].includes(dataset.door))";
        self.value(&format!(
            "{doors}.map(({{ dataset }}) => [dataset.door, dataset.outcome, dataset.answer])"
        ))
        .await
    }

    async fn network(&mut self, offline: bool) {
        let conditions =
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.tab.command("Network.enable", json!({})).await;
        self.tab.command("Network.emulateNetworkConditions", conditions).await;
    }

    async fn narrow(&mut self) {
        let size = json!({"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": false});
        self.tab.command("Emulation.setDeviceMetricsOverride", size).await;
    }
}

/// The answers to a session that has ended with this code.
fn shut(code: &str, refusal: &str) -> Value {
    json!([
        ["end", "end", code],
        ["rest", "shut", "401"],
        ["refresh", "shut", "401"],
        ["socket", "shut", refusal],
        ["status", "open", "200"],
    ])
}

#[tokio::test]
async fn two_people_see_each_other_and_what_they_say_and_text_is_never_structure() {
    let app = App::start();
    let (ann, bob) = (app.register().await, app.register().await);
    let Some(mut of_ann) = enter(&ann).await else { return };
    let mut of_bob = enter(&bob).await.expect("a window");
    of_ann.sees(&format!("User {}", bob.id.0)).await;
    of_ann.sees("came in").await;
    of_ann.say("<img src=x onerror=alert(1)> is a text").await;
    of_bob.sees("<img src=x onerror=alert(1)> is a text").await;
    assert_eq!(of_bob.value("document.querySelectorAll('.log img').length").await, 0);
    of_bob.fill("Message to", "An answer").await;
    of_bob.key("Enter").await;
    of_ann.sees("An answer").await;
    of_bob.until("document.querySelector('.message-mine')?.dataset.state === 'sent'").await;
    of_bob.sees("Kept in the database: the newest 1,000 messages, for 7 days").await;
    // Bob goes; a window that is closed is a leave.
    of_bob.finish().await;
    of_ann.sees("left").await;
    of_ann.finish().await;
}

#[tokio::test]
async fn scrolling_up_loads_the_history_page_by_page_to_its_beginning() {
    let app = App::start();
    for number in 1..=120 {
        app.publish(CHANNEL, json!({"text": format!("Message {number}.")})).await;
    }
    let Some(mut window) = enter(&app.register().await).await else { return };
    window.sees("Message 120.").await;
    assert_eq!(window.messages().await, 50);
    let first = "document.querySelector('.message').innerText.includes";
    for (count, number) in [(100, 21), (120, 1)] {
        window.run("document.getElementById('log').scrollTop = 0;").await;
        window.until(&format!("document.querySelectorAll('.message').length === {count}")).await;
        window.until(&format!("{first}('Message {number}.')")).await;
        // The reader stays at the message that was in view.
        window.until("document.getElementById('log').scrollTop > 300").await;
    }
    window.sees("This is the first message that is kept.").await;
    app.publish(CHANNEL, json!({"text": "Meanwhile"})).await;
    window.press("1 new message").await;
    let at_end = "document.getElementById('log').scrollHeight - log.scrollTop - log.clientHeight < 2";
    window.until(at_end).await;
    window.finish().await;
}

#[tokio::test]
async fn what_was_said_while_the_network_was_gone_is_recovered_and_counted() {
    let app = App::start();
    let Some(mut window) = enter(&app.register().await).await else { return };
    window.network(true).await;
    window.sees("This computer is offline.").await;
    window.say("Written on the train").await;
    window.sees("Waits for the connection").await;
    for number in 1..=3 {
        app.publish(CHANNEL, json!({"text": format!("Missed {number}.")})).await;
    }
    window.network(false).await;
    window.sees("3 messages recovered.").await;
    window.sees("Missed 3.").await;
    window.until("document.querySelector('.message-mine')?.dataset.state === 'sent'").await;
    assert_eq!(window.messages().await, 4);
    window.finish().await;
}

#[tokio::test]
async fn a_channel_in_memory_that_a_restart_emptied_says_that_messages_may_be_missing() {
    let database = fresh_database();
    let port = lasting_port();
    let start = || {
        let namespaces = history::namespaces(|_| {});
        App::over(database.clone(), |settings| {
            settings.listen.http = Some(([127, 0, 0, 1], port).into());
            settings.realtime.namespaces = namespaces;
        })
    };
    let app = start();
    let Some(mut window) = Window::signed_in(&app.register().await, "/chat/memory:room").await else {
        return;
    };
    window.until(LIVE).await;
    window.sees("Kept in memory, until the server restarts: the newest 5 messages, for 5 minutes").await;
    window.say("Only in memory").await;
    window.until("document.querySelector('.message')?.dataset.state === 'sent'").await;
    app.stop();
    window.sees("Reconnecting").await;
    eventually("the port is free", async || std::net::TcpStream::connect(("127.0.0.1", port)).is_err()).await;
    window.say("For the next server").await;
    let _next = start();
    window.sees("Messages may be missing: the room was loaded anew.").await;
    window.until("document.querySelectorAll('.message').length === 1").await;
    window.sees("For the next server").await;
    window.finish().await;
}

#[tokio::test]
async fn a_node_that_cannot_read_revocations_holds_the_room_and_a_message_can_be_sent_again() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |_| {});
    let Some(mut window) = enter(&app.register().await).await else { return };
    app.lose_database(&proxy).await;
    window.say("Into the silence").await;
    window.sees("The server holds messages back until it is sure again who may read them.").await;
    window.sees("The message may have arrived.").await;
    proxy.mend();
    window.until(LIVE).await;
    window.sees("Not sent.").await;
    // The server may refuse once more: its connections to the database are new.
    window.until(SENT_AGAIN).await;
    assert_eq!(window.messages().await, 1);
    window.finish().await;
}

#[tokio::test]
async fn a_revoked_session_sees_the_code_and_the_refusal_of_each_door_and_keeps_what_was_typed() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = enter(&person).await else { return };
    app.publish(CHANNEL, json!({"text": "The last message"})).await;
    window.sees("The last message").await;
    window.fill("Message to", "In the middle of a sent").await;
    let session = window.session().await;
    app.revoke(Target::Session(session)).await;
    assert_eq!(window.answers().await, shut("4500", "4500"));
    window.sees("This session was revoked.").await;
    window.sees("3 of 3").await;
    assert_eq!(window.focused().await, "This door is shut");
    app.publish(CHANNEL, json!({"text": "Behind the door"})).await;
    window.press("Knock again").await;
    assert_eq!(window.answers().await, shut("4500", "4500"));
    window.sees_no("Behind the door").await;
    if let Some(axe) = accessibility::axe() {
        accessibility::check(&mut window, &axe, "the shut door").await;
    }
    window.press("Sign in again").await;
    window.sign_in(&person).await;
    window.until(LIVE).await;
    window.sees("Behind the door").await;
    window.until("named(CONTROLS, 'Message to').value === 'In the middle of a sent'").await;
    window.finish().await;
}

#[tokio::test]
async fn a_sign_out_in_another_window_shuts_the_door_with_4501() {
    let app = App::start();
    let Some(mut window) = enter(&app.register().await).await else { return };
    let mut other = window.sibling().await;
    other.visit("/account").await;
    other.press("Sign out").await;
    // The cookies are gone, but the token of the connection is refused, too.
    assert_eq!(window.answers().await, shut("4501", "4501"));
    window.sees("You signed out.").await;
    other.finish().await;
    window.finish().await;
}

#[tokio::test]
async fn a_suspended_account_shuts_the_door_with_4503() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = enter(&person).await else { return };
    person.set_status(domain::account::role::Status::Suspended).await;
    assert_eq!(window.answers().await[0], json!(["end", "end", "4503"]));
    window.sees("The account was disabled.").await;
    window.sees("3 of 3").await;
    window.finish().await;
}

#[tokio::test]
async fn a_connection_that_was_ended_leaves_the_session_and_comes_back_on_request() {
    let app = app_with_key();
    let person = app.register().await;
    let Some(mut window) = enter(&person).await else { return };
    app.api_result("disconnect", of_user(person.id)).await;
    window.sees("This connection was ended").await;
    let answers = json!([
        ["end", "end", "3503"],
        ["rest", "open", "200"],
        ["socket", "open", "101"],
        ["status", "open", "200"],
    ]);
    assert_eq!(window.answers().await, answers);
    window.press("Connect again").await;
    window.until(LIVE).await;
    window.say("Here again").await;
    window.until("document.querySelector('.message-mine')?.dataset.state === 'sent'").await;
    window.finish().await;
}

#[tokio::test]
async fn a_channel_is_opened_by_its_name_and_an_unknown_one_is_refused_in_words() {
    let app = App::start();
    let Some(mut window) = enter(&app.register().await).await else { return };
    window.fill("Open a channel", "ephemeral:talk").await;
    window.key("Enter").await;
    window.arrives_at("/chat/ephemeral:talk").await;
    window.sees("Nothing is kept: only those who are here receive a message.").await;
    window.say("Gone at once").await;
    window.until("document.querySelector('.message-mine')?.dataset.state === 'sent'").await;
    window.fill("Open a channel", "no spaces").await;
    window.key("Enter").await;
    window.sees("no spaces.").await;
    window.fill("Open a channel", "nowhere:talk").await;
    window.key("Enter").await;
    window.sees("This server has no channels of this kind.").await;
    window.press("Remove it from the list").await;
    window.arrives_at("/chat/chat:lobby").await;
    window.until(LIVE).await;
    window.fill("Message to", &"x".repeat(62_000)).await;
    window.sees("Too long: 62,0").await;
    window.finish().await;
}

#[tokio::test]
async fn a_narrow_window_has_the_sides_behind_buttons_and_nothing_is_found_in_it() {
    let app = App::start();
    let Some(mut window) = enter(&app.register().await).await else { return };
    window.say("A message").await;
    if let Some(axe) = accessibility::axe() {
        accessibility::check(&mut window, &axe, ROOM).await;
    }
    window.narrow().await;
    for (button, title) in [("Channels", "Channels"), ("People", "People 1")] {
        window.press(button).await;
        window.until(&format!("nameOf(document.activeElement) === {}", json!(title))).await;
        window.key("Escape").await;
        window.until("document.activeElement.matches('.side-toggle')").await;
    }
    if let Some(axe) = accessibility::axe() {
        window.press("Channels").await;
        accessibility::check(&mut window, &axe, "the channels in a narrow window").await;
    }
    window.finish().await;
}
