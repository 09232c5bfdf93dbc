//! An authenticator app, which has a secret and uses the server's clock.

use std::time::Duration;

use domain::factors::{
    challenge::{CHALLENGE_TTL, ChallengeKind},
    totp::{STEP_SECONDS, TotpSecret, step_at},
};
use secrecy::ExposeSecret as _;
use serde_json::json;
use store::{Challenge, ChallengeOwner};
use uuid::Uuid;

use super::{Answer, App, Ask, PASSWORD, Person, Session, secret_watch};

/// An authenticator app with its secret in Base32.
#[derive(Clone)]
pub(crate) struct AuthenticatorApp {
    app: App,
    secret: String,
}

/// A sign-in that waits for a second factor, with the cookies of its browser.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) person: Person,
    pub(crate) challenge: String,
    /// The pre-session cookie.
    pub(crate) presession: String,
    /// The device cookie that was sent, if any.
    pub(crate) device: Option<String>,
}

impl AuthenticatorApp {
    /// An app with this secret in Base32.
    pub(crate) fn new(app: &App, secret: &str) -> Self {
        secret_watch::note("secret of an authenticator app", secret);
        Self { app: app.clone(), secret: secret.to_owned() }
    }

    /// The same app for another server, which may have another clock. Calls [`App::begin_a_step`] on that server.
    pub(crate) fn for_server(&self, app: &App) -> Self {
        app.begin_a_step();
        Self { app: app.clone(), ..self.clone() }
    }

    /// The number of the present time step of the server's clock. A step has [`STEP_SECONDS`], and one code.
    pub(crate) fn step(&self) -> i64 {
        step_at(self.app.now())
    }

    /// The code of the time step with this number.
    pub(crate) fn code_at(&self, step: i64) -> String {
        let secret = totp_rs::Secret::try_from_base32(&self.secret).expect("Base32");
        let secret = TotpSecret::new(secret.as_bytes().try_into().expect("160 bits"));
        secret.code_at(step).text().expose_secret().to_owned()
    }

    /// The code of the current step.
    pub(crate) fn code(&self) -> String {
        self.code_at(self.step())
    }
}

impl App {
    /// Advances the server's clock to the next time step if the current one ends within 15 seconds. So a code is made and
    /// verified in the same step.
    pub(crate) fn begin_a_step(&self) {
        let left = STEP_SECONDS - self.now().unix_timestamp().rem_euclid(STEP_SECONDS);
        if left < 15 {
            self.advance(Duration::from_secs(left.unsigned_abs()));
        }
    }
}

impl Person {
    /// Sets up an authenticator app. The code of the current time step stays unused. The user's sessions end.
    pub(crate) async fn enable_totp(&self) -> AuthenticatorApp {
        let mut session = self.open_session().await;
        let app = session.enable_totp().await;
        session.sign_out("local").await.expect(200);
        app
    }

    /// Begins a sign-in: sends the password, and expects the request for a second factor.
    pub(crate) async fn begin_sign_in(&self) -> Pending {
        self.begin_sign_in_on(None).await
    }

    /// As [`Self::begin_sign_in`], on the device with this cookie.
    pub(crate) async fn begin_sign_in_on(&self, device: Option<&str>) -> Pending {
        let answer = self.try_password_on(PASSWORD, device).await.expect(200);
        Pending { device: device.map(str::to_owned), ..Pending::of(self, &answer) }
    }

    /// A challenge like that of a sign-in. No password is hashed for it, because hashing is slow.
    pub(crate) async fn ask_for_factor(&self) -> Pending {
        let (open, id, presession) = (self.sign_in_order().await, Uuid::new_v4(), Uuid::new_v4());
        let challenge = Challenge {
            id,
            kind: ChallengeKind::SignIn,
            user: Some(self.id),
            answerer: ChallengeOwner::PreSession(presession),
            revocation_epoch: open.revocation_epoch,
            revoked_all: open.revoked_all,
            state: json!({}),
            expires_at: open.now + CHALLENGE_TTL,
        };
        self.app.store().insert_challenge(challenge, open.now).await.expect("a challenge");
        let presession = self.app.services().access.keys.live().cookies.seal_presession(presession);
        Pending { person: self.clone(), challenge: id.to_string(), presession, device: None }
    }

    /// The answer to a sign-in with this password, on the device with this cookie.
    pub(crate) async fn try_password_on(&self, password: &str, device: Option<&str>) -> Answer {
        let body = json!({"username": self.email, "password": password});
        let mut request = self.app.post("/api/v1/auth/jwt/login").json(&body);
        if let Some(device) = device {
            request = request.header("cookie", format!("device_id={device}"));
        }
        request.ask().await
    }
}

impl Pending {
    /// The sign-in that waits for a second factor after this answer to a password, in a browser without a device cookie.
    #[track_caller]
    pub(crate) fn of(person: &Person, answer: &Answer) -> Self {
        assert_eq!(answer.body["status"], "2fa_required", "{}", answer.text);
        Self {
            person: person.clone(),
            challenge: answer.text_of("challenge_id"),
            presession: answer.cookie("psid").expect("a pre-session cookie"),
            device: None,
        }
    }

    /// The server's answer to `proof` for this challenge.
    pub(crate) async fn answer(&self, mut proof: serde_json::Value) -> Answer {
        proof["challenge_id"] = self.challenge.as_str().into();
        let device = self.device.as_ref().map_or_else(String::new, |device| format!("; device_id={device}"));
        let cookies = format!("psid={}{device}", self.presession);
        let request = self.person.app.post("/api/v1/auth/2fa/verify").header("cookie", cookies);
        request.json(&proof).ask().await
    }

    /// As [`Self::answer`], with a code of the authenticator app.
    pub(crate) async fn totp(&self, code: &str) -> Answer {
        self.answer(json!({"totp": code})).await
    }

    /// Finishes the sign-in with this code, and makes the device trusted.
    pub(crate) async fn finish_trusting(&self, code: &str) -> Session {
        let answer = self.answer(json!({"totp": code, "trust_device": true})).await.expect(200);
        Session::granted(&self.person, &answer)
    }

    /// Finishes the sign-in with this code.
    pub(crate) async fn finish(&self, code: &str) -> Session {
        Session::granted(&self.person, &self.totp(code).await.expect(200))
    }
}

impl Session {
    /// Sets up an authenticator app with the privilege of this session. The code of the current time step stays unused.
    pub(crate) async fn enable_totp(&mut self) -> AuthenticatorApp {
        self.app.begin_a_step();
        let begun = self.post("/api/v1/2fa/totp", &json!({})).await.expect(201);
        let app = AuthenticatorApp::new(&self.app, &begun.text_of("secret"));
        let code = app.code_at(app.step() - 1);
        let confirmed = self.post("/api/v1/2fa/totp/confirm", &json!({"totp": code})).await.expect(200);
        self.adopt(&confirmed);
        app
    }

    /// Creates ten new backup codes, which replace all earlier ones.
    pub(crate) async fn backup_codes(&mut self) -> Vec<String> {
        let answer = self.post("/api/v1/2fa/backup-codes", &json!({})).await.expect(201);
        self.adopt(&answer);
        let codes = answer.body["codes"].as_array().expect("codes");
        codes.iter().filter_map(|code| code.as_str().map(str::to_owned)).collect()
    }

    /// The answer to a step-up with this proof.
    pub(crate) async fn step_up_with(&self, proof: serde_json::Value) -> Answer {
        self.post("/api/v1/auth/step-up", &proof).await
    }
}
