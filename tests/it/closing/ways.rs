//! The ways in which trust ends: which sockets each way closes, and how a test ends trust in this way.

use std::time::Duration;

use domain::account::role::{Role, Status};
use protocol::close::Cause;
use reqwest::Method;
use serde_json::json;

use super::{
    Ending,
    scene::{
        Scene,
        Seat::{self, Beside, Housemate, Own, Target},
    },
};
use crate::harness::{Ask as _, CookieClient, PasskeyAuthenticator, Person};

/// A password that differs from that of the test users.
const NEW_PASSWORD: &str = "another-copper-walrus-17";

/// A way in which trust ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    OperatorRevokesSession,
    OperatorRevokesDevice,
    OperatorRevokesUser,
    OwnerEndsSession,
    OwnerEndsOthers,
    SignsOut,
    SignsOutOthers,
    SignsOutEverywhere,
    AccountDisabled,
    RoleChanged,
    NewPassword,
    PasswordReset,
    RefreshReused,
    DeviceForgotten,
    TotpAdded,
    TotpRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    PasskeyCopied,
    OneSessionTooMany,
    PastItsEnd,
}

impl Way {
    /// The cause, the sessions with closed sockets, and the close code and reason.
    pub(super) fn ending(self) -> Ending {
        let ending = |cause, seats, code, reason| Ending { cause, seats, code, reason };
        let revoked = |cause, seats: &'static [Seat]| ending(cause, seats, 4500, "session revoked");
        let signed_out = |seats: &'static [Seat]| ending(Cause::SignedOut, seats, 4501, "signed out");
        let new_password =
            |seats: &'static [Seat]| ending(Cause::PasswordChanged, seats, 4502, "password changed");
        match self {
            Self::OperatorRevokesSession => revoked(Cause::Revoked, &[Target]),
            Self::OperatorRevokesDevice => revoked(Cause::Revoked, &[Target, Beside, Housemate]),
            Self::OperatorRevokesUser => revoked(Cause::Revoked, &[Own, Target, Beside]),
            Self::OwnerEndsSession => signed_out(&[Target]),
            Self::OwnerEndsOthers | Self::SignsOutOthers => signed_out(&[Target, Beside]),
            Self::SignsOut => signed_out(&[Own]),
            Self::SignsOutEverywhere => signed_out(&[Own, Target, Beside]),
            Self::AccountDisabled => {
                ending(Cause::AccountDisabled, &[Own, Target, Beside], 4503, "account disabled")
            }
            Self::RoleChanged => {
                ending(Cause::RoleChanged, &[Own, Target, Beside], 3014, "state invalidated")
            }
            Self::NewPassword => new_password(&[Target, Beside]),
            Self::PasswordReset => new_password(&[Own, Target, Beside]),
            Self::RefreshReused => ending(Cause::RefreshReused, &[Target], 4504, "refresh token reused"),
            Self::DeviceForgotten => ending(Cause::DeviceRemoved, &[Target, Beside], 4505, "device removed"),
            Self::TotpAdded | Self::TotpRemoved | Self::PasskeyAdded | Self::PasskeyRemoved => {
                revoked(Cause::FactorChanged, &[Target, Beside])
            }
            Self::PasskeyCopied => revoked(Cause::CredentialCloned, &[Own, Target, Beside]),
            Self::OneSessionTooMany => revoked(Cause::SessionLimit, &[Target]),
            Self::PastItsEnd => revoked(Cause::SessionExpired, &[Target]),
        }
    }
}

impl Scene {
    /// Ends trust in this way.
    pub(super) async fn bring_about(&self, way: Way) {
        let (own, target) = (self.at(Own), self.at(Target));
        let person = &own.person;
        match way {
            Way::OperatorRevokesSession => self.revoke(json!({"session": target.id})).await,
            Way::OperatorRevokesDevice => self.revoke(json!({"device": self.shared_device()})).await,
            Way::OperatorRevokesUser => self.revoke(json!({"user": person.id})).await,
            Way::OwnerEndsSession => self.delete(&format!("/api/v1/sessions/{}", target.id)).await,
            Way::OwnerEndsOthers => self.delete("/api/v1/sessions").await,
            Way::SignsOut => drop(own.sign_out("local").await.expect(200)),
            Way::SignsOutOthers => drop(own.sign_out("others").await.expect(200)),
            Way::SignsOutEverywhere => drop(own.sign_out("global").await.expect(200)),
            Way::AccountDisabled => person.set_status(Status::Suspended).await,
            Way::RoleChanged => person.set_role(Role::Operator).await,
            Way::NewPassword => {
                let body = json!({"new_password": NEW_PASSWORD});
                own.post("/api/v1/profile/password", &body).await.expect(200);
            }
            Way::PasswordReset => {
                self.app.reset_password(person.id, NEW_PASSWORD).await;
            }
            Way::RefreshReused => {
                target.renewed().await.renewed().await;
                target.try_refresh().await.expect(401).problem();
            }
            Way::DeviceForgotten => self.delete(&format!("/api/v1/devices/{}", self.shared_device())).await,
            Way::TotpAdded => drop(own.clone().enable_totp().await),
            Way::TotpRemoved => {
                self.insert_totp().await;
                self.delete("/api/v1/2fa/totp").await;
            }
            Way::PasskeyAdded => {
                drop(own.clone().add_passkey(&mut PasskeyAuthenticator::of(&self.app)).await);
            }
            Way::PasskeyRemoved => {
                self.take_passkey_back(person).await;
                self.delete(&format!("/api/v1/webauthn/credentials/{}", self.passkey)).await;
            }
            Way::PasskeyCopied => {
                self.take_passkey_back(person).await;
                let mut copy = self.authenticator.lock().await;
                // The next signature of the copy has a counter that the original has already used.
                copy.keys[0].counter = 0;
                let answer = CookieClient::of(&self.app).sign_in(&mut copy, &json!({})).await;
                answer.expect(401).problem();
            }
            Way::OneSessionTooMany => drop(person.sign_in().await),
            Way::PastItsEnd => self.let_the_target_expire().await,
        }
    }

    async fn revoke(&self, target: serde_json::Value) {
        self.admin.revoke(target).await.expect(200);
    }

    async fn delete(&self, path: &str) {
        self.at(Own).request(Method::DELETE, path).ask().await.expect(200);
    }

    /// Adds an authenticator app directly in the database: over REST, its setup would already close sockets.
    async fn insert_totp(&self) {
        let insert = format!(
            "INSERT INTO user_two_factor (user_id, secret, key_id, created_at, confirmed_at)
             VALUES ({}, '\\x00', 'a key', now(), now())",
            self.at(Own).person.id
        );
        self.app.rows().await.batch_execute(&insert).await.expect("an authenticator app");
    }

    /// Gives the row of the passkey back to its user: see [`Scene::passkey`].
    async fn take_passkey_back(&self, person: &Person) {
        let (passkey, user) = (&self.passkey, person.id.0);
        let update = format!("UPDATE passkey_credentials SET user_id = {user} WHERE id = '{passkey}'");
        self.app.rows().await.batch_execute(&update).await.expect("a passkey");
    }

    async fn let_the_target_expire(&self) {
        let id = self.at(Target).id;
        let sooner =
            format!("UPDATE sessions SET expires_at = created_at + interval '1 s' WHERE id = '{id}'");
        self.app.rows().await.batch_execute(&sooner).await.expect("an earlier end");
        self.app.advance(Duration::from_secs(2));
        self.app.sweep().await;
    }
}
