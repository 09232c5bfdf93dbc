//! Properties that hold for every token.

use proptest::prelude::*;
use protocol::id::{Subject, UserId};
use serde_json::json;

use super::{
    tests::{LONGEST, NOW, SECRET, rules, shared},
    *,
};

proptest! {
    /// Any text is parsed without a panic, and never has a valid signature.
    #[test]
    fn no_random_text_has_a_valid_signature(text in "[ -~]{0,300}|([A-Za-z0-9_-]{0,80}\\.){0,4}[A-Za-z0-9_-]{0,80}") {
        let keys = KeySet::shared(&[SECRET.into()]);
        let signed = Unverified::parse(&text).is_ok_and(|token| keys.signed(&token));
        prop_assert!(!signed);
        let _ = KeySet::published(&text);
        let _ = token::claimed_issuer(&text);
    }

    /// A valid token with one changed character is not valid any more.
    #[test]
    fn a_signature_covers_every_character(place in 0_usize..1000, to in "[A-Za-z0-9_-]") {
        let token = shared(SECRET, &json!({"alg": "HS256"}), &json!({"sub": "ann", "exp": NOW + 60}));
        let place = place % token.len();
        let mut changed = token.clone();
        changed.replace_range(place..=place, &to);
        prop_assume!(changed != token);
        let keys = KeySet::shared(&[SECRET.into()]);
        let signed = Unverified::parse(&changed).is_ok_and(|changed| keys.signed(&changed));
        prop_assert!(!signed);
    }

    /// The name of an external issuer's user is never the name of a user of this server, unless the settings give the issuer an
    /// empty prefix.
    #[test]
    fn an_external_user_is_never_a_user_of_this_server(sub in "[0-9]{1,19}|.{0,40}", ours in 0_i64..i64::MAX, prefix in "[ -~]{0,5}[!-/:-~][ -~]{0,5}") {
        let rules = Rules { user_prefix: prefix, ..rules(&[Algorithm::HS256]) };
        let token = shared(SECRET, &json!({"alg": "HS256"}), &json!({"sub": sub}));
        let token = Unverified::parse(&token).unwrap();
        if let Ok(granted) = rules.connection(&token, NOW, LONGEST) {
            prop_assert_ne!(&granted.subject, &Subject::from(UserId(ours)));
        }
    }

    /// A token is accepted only between its `nbf` (with a minute of leeway) and its `exp`, and only if its `exp` is near
    /// enough.
    #[test]
    fn a_token_is_accepted_only_in_its_time(exp in any::<Option<u32>>(), nbf in any::<Option<u32>>(), now in any::<u32>(), longest in any::<u32>()) {
        let (now, longest) = (i64::from(now), i64::from(longest));
        let claims = json!({"sub": "ann", "exp": exp, "nbf": nbf});
        let token = shared(SECRET, &json!({"alg": "HS256"}), &claims);
        let granted = rules(&[Algorithm::HS256]).connection(&Unverified::parse(&token).unwrap(), now, longest);
        let ended = exp.is_some_and(|exp| i64::from(exp) <= now);
        let begun = nbf.is_none_or(|nbf| i64::from(nbf) <= now + 60);
        let near = exp.is_none_or(|exp| i64::from(exp) <= now + longest);
        prop_assert_eq!(granted.is_ok(), begun && !ended && near);
    }
}
