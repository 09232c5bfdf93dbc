//! Passkeys: `/api/v1/webauthn`.

use super::super::{
    codes::{
        CALLER, CSRF_TOKEN_MISSING, FACTOR_GONE, INVALID_NAME, INVALID_SECOND_FACTOR, LAST_FACTOR,
        NO_PASSKEY, ONE_PURPOSE_REQUIRED, PASSKEY_ANSWER, PASSKEY_KNOWN, PRIVILEGED, TOKENS_RENEWED,
        TOO_MANY_PASSKEYS,
    },
    operation::{delete, get, patch, post},
    section::Section,
};
use crate::http::{
    resources::passkeys::{
        BeginLogin, CeremonyView, FinishLogin, PasskeyList, PasskeyView, Registration, Rename,
    },
    views::{
        revocation::RevocationView,
        token_response::{SignedInUser, TokensView},
    },
};

pub(super) fn section() -> Section {
    Section {
        tag: "Passkeys",
        about: "Options and credentials have the JSON form of the WebAuthn functions of browsers.",
        operations: vec![
            post("/api/v1/webauthn/register/begin", "beginPasskeyRegistration", "Begins to add a passkey.")
                .caller()
                .privileged()
                .refuses(&[TOO_MANY_PASSKEYS])
                .answers::<CeremonyView>(200, "The options for the browser."),
            post("/api/v1/webauthn/register/finish", "finishPasskeyRegistration", "Adds a passkey.")
                .caller()
                .privileged()
                .body::<Registration>()
                .refuses(PASSKEY_ANSWER)
                .refuses(&[INVALID_NAME, PASSKEY_KNOWN, TOO_MANY_PASSKEYS, TOKENS_RENEWED, FACTOR_GONE])
                .answers_tokens::<TokensView<'_>, PasskeyView>(201, "The passkey."),
            post("/api/v1/webauthn/login/begin", "beginPasskeyLogin", "Begins a sign-in, or a step-up.")
                .about(
                    "Without fields, any passkey may answer. With `step_up`, the request needs the access token of the \
                     caller.",
                )
                .optional_caller()
                .public_change()
                .body::<BeginLogin>()
                .refuses(CALLER)
                .refuses(PRIVILEGED)
                .refuses(&[CSRF_TOKEN_MISSING, ONE_PURPOSE_REQUIRED, NO_PASSKEY, INVALID_SECOND_FACTOR])
                .answers::<CeremonyView>(200, "The options for the browser.")
                .answer_header(200, "SetPresessionCookies", "Set-Cookie"),
            post("/api/v1/webauthn/login/finish", "finishPasskeyLogin", "Signs in with a passkey.")
                .public_change()
                .body::<FinishLogin>()
                .refuses(PASSKEY_ANSWER)
                .refuses(&[INVALID_SECOND_FACTOR])
                .answers_tokens::<TokensView<'_>, SignedInUser>(200, "The session is open."),
            get("/api/v1/webauthn/credentials", "listPasskeys", "The passkeys of the caller.")
                .caller()
                .answers::<PasskeyList>(200, "The passkeys."),
            patch("/api/v1/webauthn/credentials/{id}", "renamePasskey", "Gives a passkey another name.")
                .caller()
                .path_id("id", "The id of the passkey.")
                .body::<Rename>()
                .refuses(&[INVALID_NAME])
                .answers::<PasskeyView>(200, "The passkey."),
            delete("/api/v1/webauthn/credentials/{id}", "removePasskey", "Removes a passkey.")
                .caller()
                .privileged()
                .path_id("id", "The id of the passkey.")
                .refuses(&[FACTOR_GONE, LAST_FACTOR, TOKENS_RENEWED])
                .answers_tokens::<TokensView<'_>, RevocationView>(200, "The passkey is removed."),
        ],
    }
}
