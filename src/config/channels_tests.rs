//! Tests of reading a file of channels, and of reporting its mistakes with their lines.

use protocol::{ErrorCode, channel_name::ChannelName, id::Subject};

use super::*;

fn options(namespaces: &Namespaces, channel: &str) -> Options {
    namespaces.options(&ChannelName::parse(channel).unwrap()).map(|options| (**options).clone()).unwrap()
}

#[test]
fn every_option_is_read() {
    let namespaces = parse(
        r#"
        personal = "user"

        [without_namespace]
        subscribe = ["anonymous"]

        [namespaces.user]
        subscribe = ["owner"]

        [namespaces.chat]
        subscribe = ["user", "owner"]
        publish = ["subscriber"]
        presence = ["operator"]
        history = ["admin", "subscriber"]
        presence_enabled = true
        join_leave = true
        force_join_leave = true
        history_size = 1_000
        history_ttl = "7d"
        history_meta_ttl = "90d"
        positioning = "allowed"
        recovery = "forced"
        recovery_mode = "cache"
        delta = true
        durable = true
        max_subscribers = 50
        max_publication_bytes = 1024
        data = "any"
        "#,
    )
    .unwrap();
    let expected = Options {
        subscribe: Rights::of(&[Right::User, Right::Owner]),
        publish: Rights::of(&[Right::Subscriber]),
        presence: Rights::of(&[Right::Operator]),
        history: Rights::of(&[Right::Admin, Right::Subscriber]),
        presence_enabled: true,
        join_leave: true,
        force_join_leave: true,
        history_size: 1_000,
        history_ttl: Duration::from_secs(7 * 24 * 60 * 60),
        history_meta_ttl: Duration::from_secs(90 * 24 * 60 * 60),
        positioning: Offer::Allowed,
        recovery: Offer::Forced,
        recovery_mode: RecoveryMode::Cache,
        delta: true,
        durable: true,
        max_subscribers: 50,
        max_publication_bytes: 1024,
        data: DataKind::Any,
    };
    assert_eq!(options(&namespaces, "chat:a"), expected);
    assert!(options(&namespaces, "news").subscribe.has(Right::Anonymous));
    assert_eq!(namespaces.personal(&Subject::new("7")).unwrap().as_str(), "user:#7");
}

#[test]
fn a_file_replaces_the_built_in_namespaces() {
    let namespaces = parse("[namespaces.news]\n").unwrap();
    let chat = ChannelName::parse("chat:a").unwrap();
    assert_eq!(namespaces.options(&chat), Err(ErrorCode::UnknownChannel));
    assert_eq!(namespaces.personal(&Subject::new("7")), None);
    assert_eq!(options(&namespaces, "news:a"), Options::default());
}

#[test]
fn every_mistake_is_reported_with_its_line() {
    let text = r#"personal = "nobody"
surplus = 1

[namespaces.chat]
subscribe = ["users"]
publish = "subscriber"
histroy_size = 10
history_ttl = "1w"
recovery = "always"
delta = "yes"

[namespaces.news]
recovery = "forced"

[namespaces."a:b"]
max_subscribers = -1
"#;
    let mistakes = parse(text).unwrap_err();
    let starts = [
        "line 1: personal: there is no namespace `nobody`",
        "line 2: surplus: unknown option",
        "line 5: namespaces.chat.subscribe: `users` is none of `anonymous`, `user`",
        "line 6: namespaces.chat.publish: must be a list of rights, not string",
        "line 7: namespaces.chat.histroy_size: unknown option",
        "line 8: namespaces.chat.history_ttl: `1w` is not a time",
        "line 9: namespaces.chat.recovery: `always` is none of `off`, `allowed`, `forced`",
        "line 10: namespaces.chat.delta: must be true or false, not string",
        "line 13: namespaces.news.recovery: needs a history",
        "line 15: namespaces.a:b: the name of a namespace has 1 to 64 characters",
        "line 16: namespaces.a:b.max_subscribers: must be 0 or more",
    ];
    assert_eq!(mistakes.len(), starts.len(), "{mistakes:#?}");
    for (mistake, start) in mistakes.iter().zip(starts) {
        assert!(mistake.starts_with(start), "{mistake} instead of {start}");
    }
}

#[test]
fn a_syntax_error_is_reported_with_a_line() {
    let text = "[namespaces.chat]\nsubscribe = [\"user\"]\ndelta = maybe\nsurplus = 1\n= 2\n";
    let mistakes = parse(text).unwrap_err();
    // Only the syntax errors are reported.
    let lines: Vec<_> = mistakes.iter().filter_map(|mistake| Some(mistake.split_once(": ")?.0)).collect();
    assert_eq!(lines, ["line 3", "line 5"], "{mistakes:?}");
}

#[test]
fn a_time_is_a_whole_number_with_a_unit() {
    let time = |text: &str| duration(&DeValue::String(text.into()));
    assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
    assert_eq!(time("15m"), Ok(Duration::from_secs(900)));
    assert_eq!(time("12h"), Ok(Duration::from_secs(43_200)));
    for wrong in ["", "s", "7", "+7s", "7 s", "1.5h", "7d ", "99999999999999999d", "７d"] {
        assert!(time(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_history_meta_ttl_of_zero_is_refused() {
    let mistakes = parse("[namespaces.chat]\nhistory_meta_ttl = \"0s\"\n").unwrap_err();
    assert_eq!(mistakes, ["line 2: namespaces.chat.history_meta_ttl: must be 1s to 3660d"]);
}
