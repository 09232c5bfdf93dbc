//! Invalid passkey answers: each is refused with a text that users understand, grants nothing, and damages nothing.

mod clones;
mod foreign;
mod lies;
mod shapes;

use crate::harness::{Answer, App, CookieClient, PasskeyAuthenticator, Person, Session};

/// A server that allows many ceremonies from one address.
fn patient() -> App {
    App::with(|settings| {
        settings.address_limit_factor = 1_000;
        settings.limits.request_user.burst = 10_000;
    })
}

/// A user with one passkey, and the session that registered it.
async fn owner(app: &App) -> (Person, Session, PasskeyAuthenticator) {
    let person = app.register().await;
    let mut session = person.open_session().await;
    let mut authenticator = PasskeyAuthenticator::of(app);
    session.add_passkey(&mut authenticator).await;
    (person, session, authenticator)
}

/// Words that only libraries or compilers use.
const JARGON: [&str; 7] = ["webauthn", "cbor", "serde", "parser", "nom", "column", "panicked"];

/// Checks that the answer is a client error and gives no session, and that its text contains no word of [`JARGON`]. Returns the
/// answer.
#[track_caller]
fn refused_in_words(answer: Answer) -> Answer {
    assert!(matches!(answer.status, 400 | 401 | 403 | 409 | 422), "{} {}", answer.status, answer.text);
    let answer = answer.problem();
    let detail = answer.text_of("detail");
    assert!(detail.split(' ').count() >= 3, "{detail}");
    let plain = detail.to_lowercase();
    let words: Vec<&str> = plain.split(|letter: char| !letter.is_alphabetic()).collect();
    for jargon in JARGON {
        assert!(!words.contains(&jargon), "{jargon}: {detail}");
    }
    assert!(answer.cookie("access_token").is_none() && answer.body.get("access_token").is_none());
    answer
}

/// Checks that a sign-in with the same passkeys and true statements still succeeds.
async fn still_signs_in(app: &App, authenticator: &mut PasskeyAuthenticator) {
    let honest = PasskeyAuthenticator::of(app);
    let keys = std::mem::take(&mut authenticator.keys);
    *authenticator = PasskeyAuthenticator { keys, ..honest };
    CookieClient::of(app).sign_in(authenticator, &serde_json::json!({})).await.expect(200);
}
