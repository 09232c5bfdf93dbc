//! Tests of properties that the client state has after every sequence of inputs.

use std::time::Duration;

use proptest::prelude::*;
use protocol::{
    SubscribeResult, UnsubscribeCode,
    id::UserId,
    subscription::{Overrides, ServerSubscription},
};

use super::*;
use crate::namespace::Namespaces;

#[derive(Clone, Debug)]
enum Input {
    Frame(String),
    Verified(u8),
    NativePong,
    Tick(u16),
    Accepting(bool),
    ServerRequest(u8, u8),
    Granted(u8),
    JoinResults(bool),
    AnswerSpace,
    MembershipKnown,
}

fn command() -> impl Strategy<Value = String> {
    let channel =
        prop_oneof![Just("chat:a"), Just("chat:b"), Just("ephemeral:c"), Just("$x"), Just("no"), Just("")];
    (0_u32..4, channel, 0_usize..18).prop_map(|(id, channel, method)| match method {
        0 => format!(r#"{{"id":{id},"connect":{{"token":"t"}}}}"#),
        1 => format!(r#"{{"id":{id},"connect":{{}}}}"#),
        2..=4 => format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}"}}}}"#),
        5 => format!(r#"{{"id":{id},"unsubscribe":{{"channel":"{channel}"}}}}"#),
        6..=8 => format!(r#"{{"id":{id},"publish":{{"channel":"{channel}","data":{{}}}}}}"#),
        9 => format!(r#"{{"id":{id},"refresh":{{"token":"t"}}}}"#),
        10 => format!(r#"{{"id":{id},"rpc":{{}}}}"#),
        11 => format!(r#"{{"id":{id},"history":{{"channel":"{channel}"}}}}"#),
        12 => "{}".to_owned(),
        13 => format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}","token":"s"}}}}"#),
        14 => format!(r#"{{"id":{id},"sub_refresh":{{"channel":"{channel}","token":"s"}}}}"#),
        15 => format!(r#"{{"id":{id},"presence_stats":{{"channel":"{channel}"}}}}"#),
        16 => r#"{"send":{"data":1}}"#.to_owned(),
        _ => format!(r#"{{"id":{id},"presence":{{"channel":"{channel}"}}}}"#),
    })
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => prop::collection::vec(command(), 1..5).prop_map(|commands| Input::Frame(commands.join("\n"))),
        1 => "\\PC{0,60}|[{}\\[\\]\":,0-9a-z\n]{0,60}".prop_map(Input::Frame),
        4 => (0_u8..7).prop_map(Input::Verified),
        1 => Just(Input::NativePong),
        4 => (0_u16..15_000).prop_map(Input::Tick),
        1 => any::<bool>().prop_map(Input::Accepting),
        2 => (0_u8..8, 0_u8..3).prop_map(|(kind, channel)| Input::ServerRequest(kind, channel)),
        2 => (0_u8..6).prop_map(Input::Granted),
        2 => any::<bool>().prop_map(Input::JoinResults),
        2 => Just(Input::AnswerSpace),
        2 => Just(Input::MembershipKnown),
    ]
}

fn outcome(number: u8) -> Result<Identity, VerifyRefusal> {
    match number {
        0..=2 => Ok(identity()),
        3 => Err(VerifyRefusal::Expired),
        4 => Err(VerifyRefusal::Unavailable),
        5 => Ok(Identity { subject: UserId(9).into(), ..identity() }),
        _ => Err(VerifyRefusal::Invalid),
    }
}

fn feed(connection: &mut TestConnection, pending: Option<Purpose>, input: Input) -> Vec<Effect> {
    match input {
        Input::Frame(text) => {
            connection.client.on_frame(connection.now, text.as_bytes(), connection.accepting)
        }
        Input::Verified(number) => {
            let purpose = pending.unwrap_or(Purpose::Refresh { id: 77 });
            connection.client.on_verified(connection.now, purpose, outcome(number), connection.accepting)
        }
        Input::MembershipKnown => connection.client.on_membership_known(connection.now, connection.accepting),
        Input::AnswerSpace => connection.client.on_answer_space(connection.now, connection.accepting),
        Input::NativePong => {
            connection.client.on_native_pong(connection.now);
            Vec::new()
        }
        Input::Tick(millis) => {
            connection.now += Duration::from_millis(millis.into());
            connection.client.on_tick(connection.now)
        }
        Input::Accepting(accepting) => {
            connection.accepting = accepting;
            Vec::new()
        }
        Input::ServerRequest(kind, number) => {
            if !connection.client.takes_server_requests() {
                return Vec::new();
            }
            connection.client.on_server_request(connection.now, server_request_of(kind, number)).0
        }
        Input::Granted(number) => {
            let purpose = pending.unwrap_or(Purpose::SubRefresh { id: 77 });
            connection.client.on_subscription_verified(
                connection.now,
                purpose,
                granted(number),
                |_| false,
                connection.accepting,
            )
        }
        Input::JoinResults(good) => {
            let result = if good { Ok(SubscribeResult::default()) } else { Err(ErrorCode::Internal) };
            let results = vec![(server_channel(), result)];
            connection.client.on_connect_subscriptions(connection.now, results, connection.accepting)
        }
    }
}

fn channel_of(number: u8) -> ChannelName {
    let name = ["chat:a", "chat:b", "ephemeral:c"][usize::from(number)];
    ChannelName::parse(name).unwrap()
}

fn server_channel() -> ChannelName {
    ChannelName::parse("user:#42").unwrap()
}

fn refresh(expires_at: Option<i64>) -> ServerRequest {
    ServerRequest::Refresh { expires_at, conn_info: None }
}

fn server_request_of(kind: u8, number: u8) -> ServerRequest {
    let channel = channel_of(number);
    match kind {
        0 => ServerRequest::Forget(channel, u64::from(number) + 1),
        1 => ServerRequest::Unsubscribe(channel, UnsubscribeCode::Server),
        2 => refresh(Some(990 + 20 * i64::from(number))),
        3 => refresh(None),
        7 => ServerRequest::Confirm(channel, u64::from(number) + 1),
        kind => ServerRequest::Subscribe(Box::new(ServerSubscription {
            channel,
            chan_info: None,
            data: None,
            recover: None,
            expires_at: (kind == 4).then_some(1_010),
            overrides: Overrides::default(),
        })),
    }
}

fn granted(number: u8) -> Result<SubscriptionGrant, SubscriptionRefusal> {
    match number {
        0..=2 => Ok(SubscriptionGrant {
            expires_in: (number > 0).then_some(Duration::from_secs(3)),
            ..SubscriptionGrant::default()
        }),
        3 => Err(SubscriptionRefusal::Expired),
        4 => Err(SubscriptionRefusal::Invalid),
        _ => Err(SubscriptionRefusal::Foreign),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn no_effect_follows_a_close_and_effects_on_channels_require_an_identity(
        authenticated in any::<bool>(),
        personal in any::<bool>(),
        max_channels in 1_usize..4,
        inputs in prop::collection::vec(input(), 1..60),
    ) {
        let mut connection = if authenticated { TestConnection::authenticated() } else { TestConnection::unauthenticated() };
        Arc::make_mut(&mut connection.client.config).max_channels = max_channels;
        if personal {
            let namespaces = Arc::new(Namespaces::default().with_personal("user"));
            Arc::make_mut(&mut connection.client.config).namespaces = namespaces;
        }
        let (mut closed, mut pending, mut proven) = (false, None, authenticated);
        for input in inputs {
            proven |= matches!(input, Input::Verified(0..=2 | 5)) && is_awaited_result(&input, pending);
            // Each verification has one result.
            let answered = is_awaited_result(&input, pending).then(|| pending.take()).flatten();
            let effects = feed(&mut connection, answered, input);
            closed = check(&connection, closed, proven, &mut pending, &effects)?;
        }
    }

    #[test]
    fn a_connection_whose_client_sends_nothing_more_is_closed(
        authenticated in any::<bool>(),
        inputs in prop::collection::vec(input(), 0..20),
    ) {
        let mut connection = if authenticated { TestConnection::authenticated() } else { TestConnection::unauthenticated() };
        for input in inputs {
            if !matches!(input, Input::ServerRequest(3, _)) {
                feed(&mut connection, None, input);
            }
        }
        for _ in 0..4 {
            if let Some(deadline) = connection.client.next_deadline() {
                connection.now = connection.now.max(deadline);
                connection.client.on_tick(connection.now);
            }
        }
        prop_assert!(connection.client.is_closed());
    }
}

/// Whether this input is the result of the pending verification.
fn is_awaited_result(input: &Input, pending: Option<Purpose>) -> bool {
    match pending {
        Some(Purpose::Connect { .. } | Purpose::Refresh { .. }) => matches!(input, Input::Verified(_)),
        Some(Purpose::Subscribe { .. } | Purpose::SubRefresh { .. }) => matches!(input, Input::Granted(_)),
        None => false,
    }
}

/// Checks the invariants after one input. Returns whether the connection is closed.
fn check(
    connection: &TestConnection,
    was_closed: bool,
    proven: bool,
    pending: &mut Option<Purpose>,
    effects: &[Effect],
) -> Result<bool, TestCaseError> {
    prop_assert!(!was_closed || effects.is_empty());
    for (index, effect) in effects.iter().enumerate() {
        match effect {
            Effect::Close(_) => prop_assert_eq!(index + 1, effects.len()),
            Effect::Verify { purpose, .. } | Effect::VerifySubscription { purpose, .. } => {
                prop_assert!(pending.is_none(), "two verifications at once");
                *pending = Some(*purpose);
            }
            Effect::Join { .. }
            | Effect::ConnectSubscriptions(_)
            | Effect::Leave { .. }
            | Effect::Publish { .. }
            | Effect::ReserveAnswerSpace
            | Effect::Query { .. } => prop_assert!(proven),
            Effect::Reply(bytes) | Effect::Release(bytes) => {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_ok());
            }
            Effect::NativePing => {}
        }
    }
    let closed = was_closed || matches!(effects.last(), Some(Effect::Close(_)));
    prop_assert_eq!(connection.client.is_closed(), closed);
    prop_assert_eq!(connection.client.next_deadline().is_none(), closed);
    // If `connect` fails because of too many subscriptions, the table holds one subscription more than permitted.
    let most = connection.client.config.max_channels + usize::from(closed);
    prop_assert!(connection.client.subscriptions.len() <= most);
    prop_assert!(connection.client.queue.is_empty() || connection.client.pending.is_some());
    Ok(closed)
}
