//! What may be asked about channels, and by whom.

use super::*;
use protocol::UnsubscribeCode;

#[test]
fn subscribers_ask_who_is_there_and_what_was_said() {
    let mut talk = Talk::connected();
    talk.subscribe(2, "chat:a");
    assert_eq!(talk.say(r#"{"id":3,"presence":{"channel":"chat:a"}}"#), ["make room"]);
    assert_eq!(talk.room(), ["presence chat:a 3"]);
    assert_eq!(talk.say(r#"{"id":4,"presence_stats":{"channel":"chat:a"}}"#), ["stats chat:a 4"]);
    assert_eq!(talk.say(r#"{"id":5,"history":{"channel":"chat:a","limit":7}}"#), ["make room"]);
    assert_eq!(talk.room(), ["history chat:a 5 7"]);
}

#[test]
fn large_answers_are_asked_for_one_after_the_other_and_the_rest_waits_in_order() {
    let mut talk = Talk::connected();
    talk.subscribe(2, "chat:a");
    let history = |id: u32| format!(r#"{{"id":{id},"history":{{"channel":"chat:a","limit":7}}}}"#);
    let publish = r#"{"id":5,"publish":{"channel":"chat:a","data":1}}"#;
    assert_eq!(talk.say(&[history(3), history(4), publish.to_owned()].join("\n")), ["make room"]);
    assert!(talk.after(9.0).iter().all(|line| line == "{}"));
    assert_eq!(talk.room(), ["history chat:a 3 7", "make room"]);
    assert_eq!(talk.room(), ["history chat:a 4 7", "publish chat:a 5 1"]);
    assert!(talk.room().is_empty(), "nobody waits for it");
}

#[test]
fn what_may_be_asked_is_decided_when_there_is_room() {
    let ask = r#"{"id":3,"history":{"channel":"chat:a","limit":7}}"#;
    let mut talk = Talk::connected();
    talk.subscribe(2, "chat:a");
    talk.say(ask);
    talk.told(Order::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server));
    assert_eq!(talk.room(), [error(3, 103)]);
    talk.subscribe(2, "chat:a");
    talk.say(ask);
    talk.accepting = false;
    assert_eq!(talk.room(), [error(3, 100)]);
}

#[test]
fn strangers_are_told_nothing_and_nobody_what_is_not_kept() {
    let mut talk = Talk::connected();
    for method in ["presence", "presence_stats", "history"] {
        let ask = |channel: &str| format!(r#"{{"id":8,"{method}":{{"channel":"{channel}"}}}}"#);
        assert_eq!(talk.say(&ask("chat:a")), [error(8, 103)], "{method}");
        assert_eq!(talk.say(&ask("news:a")), [error(8, 102)], "{method}");
        assert_eq!(talk.say(&ask("")), [error(8, 107)], "{method}");
    }
    talk.subscribe(2, "ephemeral:a");
    assert_eq!(talk.say(r#"{"id":5,"history":{"channel":"ephemeral:a"}}"#), [error(5, 108)]);
}

#[test]
fn with_a_stale_view_of_revocations_nothing_is_told() {
    let mut talk = Talk::connected();
    talk.subscribe(2, "chat:a");
    talk.accepting = false;
    for method in ["presence", "presence_stats", "history"] {
        assert_eq!(talk.say(&format!(r#"{{"id":8,"{method}":{{"channel":"chat:a"}}}}"#)), [error(8, 100)]);
    }
}

#[test]
fn a_question_that_cannot_be_asked_now_is_a_temporary_error() {
    let mut talk = Talk::connected();
    assert_eq!(lines(&talk.dialogue.on_busy(Some(6), None)), [error(6, 100)]);
}
