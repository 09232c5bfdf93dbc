//! What holds for every dialogue, whatever a client and the world around it do.

use std::time::Duration;

use portcullis_actors::id::UserId;
use proptest::prelude::*;

use super::{
    tests::{Talk, identity, line},
    *,
};

#[derive(Clone, Debug)]
enum Input {
    Frame(String),
    Verified(u8),
    NativePong,
    Tick(u16),
    Accepting(bool),
    Lost(u8),
}

fn command() -> impl Strategy<Value = String> {
    let channel =
        prop_oneof![Just("chat:a"), Just("chat:b"), Just("ephemeral:c"), Just("$x"), Just("no"), Just("")];
    (0_u32..4, channel, 0_usize..14).prop_map(|(id, channel, method)| match method {
        0 => format!(r#"{{"id":{id},"connect":{{"token":"t"}}}}"#),
        1 => format!(r#"{{"id":{id},"connect":{{}}}}"#),
        2..=4 => format!(r#"{{"id":{id},"subscribe":{{"channel":"{channel}"}}}}"#),
        5 => format!(r#"{{"id":{id},"unsubscribe":{{"channel":"{channel}"}}}}"#),
        6..=8 => format!(r#"{{"id":{id},"publish":{{"channel":"{channel}","data":{{}}}}}}"#),
        9 => format!(r#"{{"id":{id},"refresh":{{"token":"t"}}}}"#),
        10 => format!(r#"{{"id":{id},"rpc":{{}}}}"#),
        11 => format!(r#"{{"id":{id},"history":{{"channel":"{channel}"}}}}"#),
        12 => "{}".to_owned(),
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
        1 => (0_u8..3).prop_map(Input::Lost),
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

fn feed(talk: &mut Talk, pending: Option<Purpose>, input: Input) -> Vec<Effect> {
    match input {
        Input::Frame(text) => talk.dialogue.on_frame(talk.now, text.as_bytes(), talk.accepting),
        Input::Verified(number) => {
            let purpose = pending.unwrap_or(Purpose::Refresh { id: 77 });
            talk.dialogue.on_verified(talk.now, purpose, outcome(number), talk.accepting)
        }
        Input::NativePong => {
            talk.dialogue.on_native_pong();
            Vec::new()
        }
        Input::Tick(millis) => {
            talk.now += Duration::from_millis(millis.into());
            talk.dialogue.on_tick(talk.now)
        }
        Input::Accepting(accepting) => {
            talk.accepting = accepting;
            Vec::new()
        }
        Input::Lost(number) => {
            let name = ["chat:a", "chat:b", "ephemeral:c"][usize::from(number)];
            talk.dialogue.channel_lost(&ChannelName::parse(name).unwrap());
            Vec::new()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn a_dialogue_never_speaks_after_its_end_nor_acts_for_strangers(
        authenticated in any::<bool>(),
        inputs in prop::collection::vec(input(), 1..60),
    ) {
        let mut talk = if authenticated { Talk::authenticated() } else { Talk::anonymous() };
        let (mut closed, mut pending, mut proven) = (false, None, authenticated);
        for input in inputs {
            proven |= matches!(input, Input::Verified(0..=2 | 5)) && pending.is_some();
            // One outcome for each verification.
            let answered = matches!(input, Input::Verified(_)).then(|| pending.take()).flatten();
            let effects = feed(&mut talk, answered, input);
            closed = check(&talk, closed, proven, &mut pending, &effects)?;
        }
    }

    #[test]
    fn a_silent_client_is_gone_in_the_end(authenticated in any::<bool>(), inputs in prop::collection::vec(input(), 0..20)) {
        let mut talk = if authenticated { Talk::authenticated() } else { Talk::anonymous() };
        for input in inputs {
            feed(&mut talk, None, input);
        }
        for _ in 0..4 {
            if let Some(deadline) = talk.dialogue.next_deadline() {
                talk.now = talk.now.max(deadline);
                talk.dialogue.on_tick(talk.now);
            }
        }
        prop_assert!(talk.dialogue.is_closed());
    }
}

/// The invariants of one step; returns whether the dialogue is closed.
fn check(
    talk: &Talk,
    was_closed: bool,
    proven: bool,
    pending: &mut Option<Purpose>,
    effects: &[Effect],
) -> Result<bool, TestCaseError> {
    prop_assert!(!was_closed || effects.is_empty());
    for (index, effect) in effects.iter().enumerate() {
        match effect {
            Effect::Close(_) => prop_assert_eq!(index + 1, effects.len()),
            Effect::Verify { purpose, .. } => {
                prop_assert!(pending.is_none(), "two verifications at once");
                *pending = Some(*purpose);
            }
            Effect::Join { .. } | Effect::Leave { .. } | Effect::Publish { .. } => prop_assert!(proven),
            Effect::Reply(_) => {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&line(effect)).is_ok());
            }
            Effect::NativePing => {}
        }
    }
    let closed = was_closed || matches!(effects.last(), Some(Effect::Close(_)));
    prop_assert_eq!(talk.dialogue.is_closed(), closed);
    prop_assert_eq!(talk.dialogue.next_deadline().is_none(), closed);
    prop_assert!(talk.dialogue.channels().count() <= 3);
    prop_assert!(talk.dialogue.waiting.is_empty() || talk.dialogue.pending.is_some());
    Ok(closed)
}
