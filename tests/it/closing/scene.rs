//! The scene of each test of [`super`]: the sessions that exist when the test ends trust.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;

use crate::harness::{App, Ask, PASSWORD, PasskeyAuthenticator, Person, Session, Socket};

/// The place of a session in the scene: its user and its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// The acting session of the user, on a separate device.
    Own,
    /// A session of the same user on another device.
    Target,
    /// Another session of the same user on the device of `Target`.
    Beside,
    /// A session of another user on the device of `Target`.
    Housemate,
    /// A session of another user on another device.
    Stranger,
}

/// A server, the session of an administrator, and a session for each seat, with two sockets.
pub(super) struct Scene {
    pub(super) app: App,
    pub(super) admin: Session,
    /// The id of the last revocation before the test ends trust.
    pub(super) revocations_before: i64,
    /// A passkey of the user. Its row belongs to another user at first, so that the password alone is enough to sign in.
    pub(super) passkey: String,
    pub(super) authenticator: Mutex<PasskeyAuthenticator>,
    pub(super) seated: Vec<(Seat, Session, [Socket; 2])>,
}

impl Scene {
    pub(super) async fn set() -> Self {
        let app = App::with(|settings| settings.sessions.per_user = 3);
        let admin = app.appoint(Role::Admin).await.sign_in().await;
        let person = app.register().await;
        let mut authenticator = PasskeyAuthenticator::of(&app);
        let passkey = passkey_put_aside(&person, &admin.person, &mut authenticator).await;
        // The sessions are opened in this order, so `Target` is the oldest of its user.
        let target = person.sign_in().await;
        let mut seated = vec![(Seat::Target, target.clone())];
        for seat in [Seat::Beside, Seat::Own, Seat::Housemate, Seat::Stranger] {
            app.advance(Duration::from_secs(1));
            let session = match seat {
                Seat::Beside => sign_in_on(&person, &target.device).await,
                Seat::Own | Seat::Target => person.sign_in().await,
                Seat::Housemate => sign_in_on(&app.register().await, &target.device).await,
                Seat::Stranger => app.register().await.sign_in().await,
            };
            seated.push((seat, session));
        }
        let revocations_before = app.count("SELECT coalesce(max(id), 0) FROM revocations").await;
        let authenticator = Mutex::new(authenticator);
        let mut scene = Self { app, admin, revocations_before, passkey, authenticator, seated: Vec::new() };
        for (seat, session) in seated {
            let sockets = [session.connect().await, session.connect_by_command().await];
            scene.seated.push((seat, session, sockets));
        }
        scene
    }

    /// The session in this seat.
    pub(super) fn at(&self, seat: Seat) -> &Session {
        let found = self.seated.iter().find(|(taken, ..)| *taken == seat);
        &found.expect("every seat has a session").1
    }

    /// The id of the device that the target shares with others.
    pub(super) fn shared_device(&self) -> &str {
        self.at(Seat::Target).device.split('.').next().expect("a sealed id")
    }
}

/// Registers a passkey of the user. The row of the passkey then belongs to `keeper`, until a test needs the passkey.
async fn passkey_put_aside(
    person: &Person,
    keeper: &Person,
    authenticator: &mut PasskeyAuthenticator,
) -> String {
    let mut session = person.open_session().await;
    let passkey = session.add_passkey(authenticator).await;
    session.sign_out("local").await.expect(200);
    let aside = format!("UPDATE passkey_credentials SET user_id = {} WHERE id = '{passkey}'", keeper.id.0);
    person.app.rows().await.batch_execute(&aside).await.expect("a passkey");
    passkey
}

/// Signs in on a known device.
async fn sign_in_on(person: &Person, device: &str) -> Session {
    let body = json!({"username": person.email, "password": PASSWORD});
    let request = person.app.request(Method::POST, "/api/v1/auth/jwt/login").json(&body);
    let answer = request.header("cookie", format!("device_id={device}")).ask().await.expect(200);
    Session { device: device.to_owned(), ..Session::granted(person, &answer) }
}
