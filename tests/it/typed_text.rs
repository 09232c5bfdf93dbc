//! Text that people type: passwords in any normal form, codes in any script, and names without invisible characters.

use domain::tokens::api_key::ApiScopes;
use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Ask, Session};

const COMPOSED: &str = "\u{dc}berraschung-f\u{fc}r-Zo\u{eb}-4711";
const DECOMPOSED: &str = "U\u{308}berraschung-fu\u{308}r-Zoe\u{308}-4711";

#[tokio::test]
async fn a_password_is_the_same_in_every_normal_form() {
    let app = App::start();
    for set in [COMPOSED, DECOMPOSED] {
        let email = app.new_email();
        let body = json!({"email": email, "password": set});
        app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
        for typed in [COMPOSED, DECOMPOSED] {
            let body = json!({"username": email, "password": typed});
            let session = app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(200);
            let step_up = app.post("/api/v1/auth/step-up").bearer_auth(session.text_of("access_token"));
            step_up.json(&json!({"password": typed})).ask().await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_hash_of_a_password_in_decomposed_form_is_renewed_at_a_sign_in() {
    let app = App::start();
    let person = app.register().await;
    // A hash of the decomposed form with lower cost, as an earlier release would have stored it.
    let prefix = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$";
    let old = argon2_of(DECOMPOSED, prefix);
    let sql = format!("UPDATE users SET password_hash = '{old}' WHERE id = {}", person.id);
    app.rows().await.batch_execute(&sql).await.expect("an old hash");
    person.try_password(COMPOSED).await.expect(401);
    person.try_password(DECOMPOSED).await.expect(200);
    person.try_password(COMPOSED).await.expect(200);
}

/// The PHC string of a hash of `text`: `prefix`, and then the hash. No rule for passwords is applied to `text`.
fn argon2_of(text: &str, prefix: &str) -> String {
    let mut output = [0; 32];
    let argon2 = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(64, 1, 1, Some(32)).expect("parameters"),
    );
    argon2.hash_password_into(text.as_bytes(), b"0123456789abcdef", &mut output).expect("a hash");
    use base64::Engine as _;
    format!("{prefix}{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(output))
}

#[tokio::test]
async fn a_code_may_have_digits_of_any_script_and_any_grouping() {
    let app = App::start();
    let mut session = app.register().await.open_session().await;
    let totp = session.enable_totp().await;
    let codes = session.backup_codes().await;
    let arabic: String = totp
        .code()
        .chars()
        .map(|digit| char::from_u32(0x660 + digit.to_digit(10).expect("a digit")).expect("a digit"))
        .collect();
    let person = &session.person;
    person.begin_sign_in().await.totp(&format!("\u{202b}{arabic}\u{202c}")).await.expect(200);
    let typed = codes[0].replace('-', "\u{2013}").to_uppercase();
    person.begin_sign_in().await.answer(json!({"backup_code": format!(" {typed}\n")})).await.expect(200);
}

#[tokio::test]
async fn a_name_with_invisible_characters_is_refused() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let devices = session.get("/api/v1/devices").await.expect(200);
    let device = devices.body["devices"][0]["id"].as_str().expect("a device").to_owned();
    for hidden in
        ["\u{202e}nimda\u{202c}", "ad\u{200b}min", "admin\u{3164}", "ad\u{2066}min", "ad\u{e0041}min"]
    {
        let rename = session.request(Method::PUT, "/api/v1/profile").json(&json!({"display_name": hidden}));
        rename.ask().await.refused(422, "invalid_display_name");
        let label = session.request(Method::PATCH, &format!("/api/v1/devices/{device}"));
        label.json(&json!({"label": hidden})).ask().await.refused(422, "invalid_label");
        let body = json!({"email": app.new_email(), "password": COMPOSED, "display_name": hidden});
        app.post("/api/v1/auth/register").json(&body).ask().await.refused(422, "invalid_display_name");
        is_refused_for_a_passkey(&session, hidden).await;
        assert!(app.create_api_key(hidden, ApiScopes::everything(), None).await.is_err());
    }
    let rename = session.request(Method::PUT, "/api/v1/profile");
    rename.json(&json!({"display_name": "\u{1f469}\u{200d}\u{1f4bb} Zo\u{eb}"})).ask().await.expect(200);
}

async fn is_refused_for_a_passkey(session: &Session, name: &str) {
    let id = uuid::Uuid::new_v4();
    let rename = session.request(Method::PATCH, &format!("/api/v1/webauthn/credentials/{id}"));
    rename.json(&json!({"name": name})).ask().await.refused(422, "invalid_name");
}
