//! Account keys: every spelling of an address finds the same account, and counts towards the same limits.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, CookieClient, PASSWORD, PasskeyAuthenticator, Person, Session};

const WRONG: &str = "not-their-password-91";

/// Registers an account with this address.
async fn registered(app: &App, email: &str) -> Person {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
    Person { email: email.to_owned(), ..app.person(answer.body["id"].as_i64().expect("an id")) }
}

async fn try_as(app: &App, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    app.post("/api/v1/auth/jwt/login").json(&body).ask().await
}

#[tokio::test]
async fn every_spelling_of_an_address_signs_in_and_cannot_be_registered_again() {
    let app = App::start();
    registered(&app, "J\u{fc}rgen.Stra\u{df}e@example.com").await;
    for spelling in [
        "j\u{fc}rgen.stra\u{df}e@example.com",
        "J\u{dc}RGEN.STRASSE@EXAMPLE.COM",
        "ju\u{308}rgen.strasse@example.com",
        "\u{ff2a}\u{fc}rgen.stra\u{1e9e}e@example.com",
    ] {
        try_as(&app, spelling, PASSWORD).await.expect(200);
        let body = json!({"email": spelling, "password": PASSWORD});
        app.post("/api/v1/auth/register").json(&body).ask().await.refused(409, "email_taken");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn an_address_with_a_dotted_capital_i_is_another_address() {
    let app = App::start();
    registered(&app, "victim@example.com").await;
    try_as(&app, "v\u{130}ctim@example.com", PASSWORD).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn addresses_that_differ_only_in_diacritics_share_one_limit() {
    let app = App::start();
    registered(&app, "victim@example.com").await;
    let variants = ["v\u{130}ctim@example.com", "vict\u{130}m@example.com", "v\u{ed}ctim@example.com"];
    for number in 0..10 {
        try_as(&app, variants[number % 3], WRONG).await.expect(401);
    }
    try_as(&app, "v\u{130}ct\u{130}m@example.com", WRONG).await.expect(429);
    try_as(&app, "victim@example.com", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn all_spellings_of_an_address_share_one_limit() {
    let app = App::with(|settings| settings.address_limit_factor = 100);
    let spellings =
        ["vi\u{fc}tim.kk@example.com", "VI\u{dc}TIM.KK@example.com", "viu\u{308}tim.\u{212a}k@example.com"];
    registered(&app, spellings[0]).await;
    for number in 0..10 {
        try_as(&app, spellings[number % 3], WRONG).await.expect(401);
    }
    for spelling in spellings {
        try_as(&app, spelling, WRONG).await.expect(429).problem();
        try_as(&app, spelling, PASSWORD).await.expect(429).problem();
    }
}

/// A session of an account with an old address, which the server would refuse at a registration today.
async fn with_old_address(app: &App) -> Session {
    let person = app.register().await;
    let session = person.open_session().await;
    let sql = format!("UPDATE users SET email = 'Old Name', account_key = NULL WHERE id = {}", person.id);
    app.rows().await.batch_execute(&sql).await.expect("an old address");
    assert_eq!(app.assign_account_keys().await, Vec::<i64>::new());
    Session { person: Person { email: "old name".to_owned(), ..person }, ..session }
}

#[tokio::test]
async fn an_old_address_that_would_be_refused_today_still_signs_in() {
    let app = App::start();
    let mut session = with_old_address(&app).await;
    let body = json!({"new_password": "another-copper-walrus-17"});
    session.adopt(&session.post("/api/v1/profile/password", &body).await.expect(200));
    try_as(&app, " OLD NAME ", "another-copper-walrus-17").await.expect(200);
    app.reset_password(session.person.id, PASSWORD).await;
    try_as(&app, "old name", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn an_old_address_that_would_be_refused_today_signs_in_with_a_passkey() {
    let app = App::start();
    let mut session = with_old_address(&app).await;
    let mut authenticator = PasskeyAuthenticator::of(&app);
    session.add_passkey(&mut authenticator).await;
    for how in [json!({}), json!({"username": "Old Name"})] {
        CookieClient::of(&app).sign_in(&mut authenticator, &how).await.expect(200);
    }
}

/// The view of a client that registers an address and then tries to sign in twelve times with the device cookie of the
/// registration. It is the status of the registration, the status of each try, and the rate limit headers of the last try
/// (without the time to wait). With `exhausted`, earlier tries without a cookie have used up the limit of the account.
async fn traces(app: &App, email: &str, exhausted: bool) -> (u16, Vec<u16>, Option<String>, Option<String>) {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = app.post("/api/v1/auth/register").json(&body).ask().await;
    let cookie = format!("device_id={}", answer.cookie("device_id").expect("a device cookie"));
    if exhausted {
        for _ in 0..10 {
            try_as(app, email, WRONG).await.expect(401);
        }
    }
    let (mut statuses, mut last) = (Vec::new(), Value::Null);
    let (mut policy, mut limit) = (None, None);
    for _ in 0..12 {
        let body = json!({"username": email, "password": WRONG});
        let request = app.request(Method::POST, "/api/v1/auth/jwt/login").header("cookie", &cookie);
        let tried = request.json(&body).ask().await;
        statuses.push(tried.status);
        policy = tried.header("ratelimit-policy").map(str::to_owned);
        limit = tried.header("ratelimit").map(|text| text.split(";t=").next().unwrap_or_default().to_owned());
        last = tried.body;
    }
    assert_eq!(last["status"], 429, "{last}");
    (answer.status, statuses, policy, limit)
}

#[tokio::test]
async fn with_verified_addresses_a_registration_does_not_reveal_whether_the_address_was_known() {
    let app = App::with(|settings| {
        settings.require_email_verification = true;
        settings.address_limit_factor = 100;
    });
    for exhausted in [false, true] {
        let known = app.new_email();
        let body = json!({"email": known, "password": PASSWORD});
        app.post("/api/v1/auth/register").json(&body).ask().await.expect(201);
        let (known, new) =
            (traces(&app, &known, exhausted).await, traces(&app, &app.new_email(), exhausted).await);
        assert_eq!(known, new);
        assert_eq!(known.2.as_deref(), Some("\"login_account\";q=10;w=300"));
    }
}

#[tokio::test]
async fn a_refusal_on_a_known_device_names_the_limit_of_the_account() {
    let app = App::with(|settings| settings.limits.login_device_account.burst = 3);
    let session = app.register().await.open_session().await;
    let mut refused = None;
    for _ in 0..4 {
        let answer = session.person.try_password_on(WRONG, Some(&session.device)).await;
        refused = (answer.status == 429).then_some(answer);
    }
    let refused = refused.expect("the fourth try is refused").problem();
    assert_eq!(refused.header("ratelimit-policy"), Some("\"login_account\";q=10;w=300"));
}
