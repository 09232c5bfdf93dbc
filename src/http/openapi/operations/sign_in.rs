//! Sign-in, registration, refresh and sign-out: `/api/v1/auth`.

use serde_json::json;

use super::super::{
    codes::{
        ACCOUNT_INACTIVE, EMAIL_TAKEN, INVALID_CREDENTIALS, INVALID_DISPLAY_NAME, INVALID_EMAIL,
        INVALID_LINK, INVALID_REFRESH_TOKEN, INVALID_SECOND_FACTOR, MAIL_UNAVAILABLE, NEW_PASSWORD,
        NO_PASSKEY, ONE_PROOF_REQUIRED, ORIGIN_NOT_ALLOWED, PASSKEY_ANSWER, PRIVILEGED, REFRESH_REUSED,
        REFRESH_SUPERSEDED, REGISTRATION_CLOSED, SESSION_ENDED, SESSION_EXPIRED, SESSION_REVOKED,
        TOKEN_REVOKED, TOKENS_INVALIDATED, TOKENS_RENEWED, TOO_MANY_REQUESTS, USER_BLOCKED,
    },
    operation::{Operation, delete, get, post, schema_of},
    section::Section,
};
use crate::http::{
    resources::{
        auth_status::StatusView,
        csrf_token::CsrfTokenView,
        mailed_links::{MailRequest, PasswordReset, Token},
        password_strength::{PasswordDraft, StrengthView},
        refresh::RefreshRequest,
        registration::Registration,
        sign_in::{ChallengeView, Credentials},
        sign_out::{SignOutQuery, SignOutView},
        step_up::{StepUpRequest, StepUpView},
        two_factor::SecondFactorRequest,
    },
    views::{
        revocation::RevocationView,
        token_response::{SignedInUser, TokensView},
        user::UserView,
    },
};

pub(super) fn section() -> Section {
    Section {
        tag: "Sign-in",
        about: "Accounts sign in with a password and a second factor, or with a passkey.",
        operations: [before_a_session(), of_a_session(), of_mailed_links()].into_iter().flatten().collect(),
    }
}

fn before_a_session() -> Vec<Operation> {
    vec![
        get("/api/v1/auth/csrf-token", "issueCsrfToken", "Gives a CSRF token.")
            .about("It is bound to the session or, without one, to the pre-session of the browser.")
            .optional_caller()
            .device()
            .refuses(&[ORIGIN_NOT_ALLOWED, TOO_MANY_REQUESTS])
            .answers::<CsrfTokenView>(200, "The token, which is also in a cookie and in a header.")
            .answer_header(200, "SetPresessionCookies", "Set-Cookie")
            .answer_header(200, "CsrfToken", "X-CSRF-Token"),
        post("/api/v1/auth/register", "register", "Creates an account.")
            .public_change()
            .body::<Registration>()
            .refuses(&[REGISTRATION_CLOSED, EMAIL_TAKEN, INVALID_EMAIL, INVALID_DISPLAY_NAME])
            .refuses(NEW_PASSWORD)
            .answers::<UserView>(201, "The account.")
            .answer_header(201, "SetDeviceCookie", "Set-Cookie"),
        post("/api/v1/auth/password-strength", "judgePassword", "Says how strong a password is.")
            .about("For a meter beside the field of a new password. Nothing is stored, and no account is looked up.")
            .public_change()
            .body::<PasswordDraft>()
            .answers::<StrengthView>(200, "The strength."),
        login("/api/v1/auth/jwt/login", "signIn"),
        login("/api/v1/auth/login", "signInAtTheOlderPath")
            .deprecated()
            .answer_header(200, "Deprecation", "Deprecation")
            .answer_header(200, "Link", "Link"),
        post("/api/v1/auth/2fa/verify", "verifySecondFactor", "Completes a sign-in with a code.")
            .public_change()
            .body::<SecondFactorRequest>()
            .refuses(&[ONE_PROOF_REQUIRED, INVALID_SECOND_FACTOR])
            .answers_tokens::<TokensView<'_>, SignedInUser>(200, "The session is open."),
    ]
}

fn of_mailed_links() -> Vec<Operation> {
    const SAME: &str = "The answer is the same, and equally late, whether or not there is such an account.";
    let asks = |path, id, summary| {
        post(path, id, summary)
            .about(SAME)
            .public_change()
            .body::<MailRequest>()
            .refuses(&[INVALID_EMAIL, MAIL_UNAVAILABLE])
            .answers_nothing(202, "If there is such an account, its user gets a mail.")
    };
    vec![
        asks("/api/v1/auth/forgot", "forgotPassword", "Asks for a mail with which the user chooses a new password."),
        post("/api/v1/auth/reset", "resetPassword", "Sets a new password with the link of a mail.")
            .about("The link can be used once, for 30 minutes. All sessions end. No session is opened.")
            .public_change()
            .body::<PasswordReset>()
            .refuses(&[INVALID_LINK])
            .refuses(NEW_PASSWORD)
            .answers::<RevocationView>(200, "What has ended."),
        post("/api/v1/auth/verify-email", "verifyEmail", "Confirms the address of a new account with the link of a mail.")
            .public_change()
            .body::<Token>()
            .refuses(&[INVALID_LINK])
            .answers_nothing(204, "The account is active. Its user can sign in."),
        asks(
            "/api/v1/auth/verify-email/resend",
            "resendVerification",
            "Asks once more for the mail that confirms the address of a new account.",
        ),
        post("/api/v1/auth/not-me", "notMe", "Locks an account with the link of a mail.")
            .about("All sessions end, and the password opens the account no longer, until the user chooses a new one.")
            .public_change()
            .body::<Token>()
            .refuses(&[INVALID_LINK])
            .answers::<RevocationView>(200, "What has ended."),
    ]
}

fn of_a_session() -> Vec<Operation> {
    vec![
            post("/api/v1/auth/refresh", "refresh", "Exchanges a refresh token for new tokens.")
                .about(
                    "The refresh token is in the body or, from browsers, in the cookie. Each can be used once. After a \
                     second use the session ends, because the token may have been copied.",
                )
                .refresh_token()
                .optional_body::<RefreshRequest>()
                .refuses(&[INVALID_REFRESH_TOKEN, REFRESH_REUSED, REFRESH_SUPERSEDED])
                .refuses(&[SESSION_REVOKED, SESSION_EXPIRED, SESSION_ENDED, TOKEN_REVOKED, TOKENS_INVALIDATED])
                .refuses(&[USER_BLOCKED, ACCOUNT_INACTIVE])
                .answers_tokens::<TokensView<'_>, SignedInUser>(200, "New tokens."),
            sign_out(post("/api/v1/auth/logout", "signOut", "Signs out.")),
            sign_out(delete("/api/v1/auth/logout", "signOutByDelete", "Signs out.")),
            get("/api/v1/auth/status", "authStatus", "Says whether the request has a valid token.")
                .optional_caller()
                .answers::<StatusView>(200, "Whether there is a session, and which."),
            post("/api/v1/auth/step-up", "stepUp", "Proves the presence of the user in an open session.")
                .about("The new tokens permit sensitive requests for ten minutes.")
                .caller()
                .body::<StepUpRequest>()
                .refuses(&[ONE_PROOF_REQUIRED, INVALID_CREDENTIALS, INVALID_SECOND_FACTOR, NO_PASSKEY, TOKENS_RENEWED])
                .refuses(PASSKEY_ANSWER)
                .refuses(PRIVILEGED)
                .answers_tokens::<TokensView<'_>, StepUpView>(200, "New tokens with privilege."),
    ]
}

fn login(path: &str, id: &str) -> Operation {
    post(path, id, "Signs in with a password, or asks for a second factor.")
        .public_change()
        .body_or_form::<Credentials>()
        .refuses(&[INVALID_CREDENTIALS])
        .answers_with(
            200,
            "The session is open, or a second factor is required.",
            "application/json",
            |schemas| {
                let tokens = schema_of::<TokensView<'_>>(schemas);
                let user = schema_of::<SignedInUser>(schemas);
                json!({"oneOf": [{"allOf": [tokens, user]}, schema_of::<ChallengeView>(schemas)]})
            },
        )
        .answer_header(200, "SetCookie", "Set-Cookie")
        .answer_header(200, "CsrfToken", "X-CSRF-Token")
}

fn sign_out(operation: Operation) -> Operation {
    operation
        .about("Works also with an expired access token, with only a refresh token, and without any token.")
        .public_change()
        .query::<SignOutQuery>()
        .answers::<SignOutView>(200, "What has ended.")
        .answer_header(200, "RemoveCookies", "Set-Cookie")
        .answer_header(200, "ClearSiteData", "Clear-Site-Data")
        .answers_nothing(204, "There was no session to end.")
        .answer_header(204, "RemoveCookies", "Set-Cookie")
        .answer_header(204, "ClearSiteData", "Clear-Site-Data")
}
