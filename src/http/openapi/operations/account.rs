//! The own account of a user: profile, password, attempts, sessions, devices.

use super::super::{
    codes::{
        ERASURE_REQUESTED, INVALID_CHANNEL, INVALID_CREDENTIALS, INVALID_DISPLAY_NAME, INVALID_LABEL,
        INVALID_LANGUAGE, LAST_ADMIN, NEW_PASSWORD, NOT_FOUND, REASON_REQUIRED, TOKENS_RENEWED,
        TOO_MANY_REQUESTS,
    },
    operation::{Operation, delete, get, patch, post, put},
    section::Section,
};
use crate::http::{
    extractors::page::Page,
    resources::{
        attempts::AttemptPage,
        channel_terms::{ChannelQuery, ChannelTermsView},
        devices::{DeviceChange, DevicePage},
        personal_data::{Departure, OwnRequestedErasureView},
        profile::{PasswordChange, ProfileUpdate},
        profile_debug::RequestView,
        sessions::SessionPage,
        ws_ticket::TicketView,
    },
    views::{device::DeviceView, revocation::RevocationView, token_response::TokensView, user::UserView},
};

pub(super) fn section() -> Section {
    Section {
        tag: "Account",
        about: "The account of the caller, with its sessions and devices.",
        operations: [profile(), sessions(), devices()].into_iter().flatten().collect(),
    }
}

fn profile() -> Vec<Operation> {
    vec![
        get("/api/v1/profile", "readProfile", "The account of the caller.")
            .caller()
            .answers::<UserView>(200, "The account."),
        put("/api/v1/profile", "updateProfile", "Changes the display name, and the language of mails.")
            .caller()
            .body::<ProfileUpdate>()
            .refuses(&[INVALID_DISPLAY_NAME, INVALID_LANGUAGE])
            .answers::<UserView>(200, "The account."),
        get("/api/v1/profile/export", "exportProfile", "Everything that the server holds about the caller.")
            .about("If the export cannot be completed, the connection is aborted.")
            .caller()
            .privileged()
            .refuses(&[TOO_MANY_REQUESTS])
            .answers_export(),
        delete("/api/v1/profile", "eraseProfile", "Requests the erasure of the caller's account.")
            .about(
                "The account is deactivated, and all of its sessions end. The data are erased after some days; until then, a \
                 sign-in cancels the erasure.",
            )
            .caller()
            .privileged()
            .optional_body::<Departure>()
            .refuses(&[REASON_REQUIRED, LAST_ADMIN, ERASURE_REQUESTED])
            .answers::<OwnRequestedErasureView>(202, "The request, and what has ended.")
            .answer_header(202, "RemoveCookies", "Set-Cookie"),
        post("/api/v1/profile/password", "changePassword", "Changes the password.")
            .about("The other sessions of the user end, and the tokens of this session are renewed.")
            .caller()
            .privileged()
            .body::<PasswordChange>()
            .refuses(NEW_PASSWORD)
            .refuses(&[INVALID_CREDENTIALS, TOKENS_RENEWED])
            .answers_tokens::<TokensView<'_>, RevocationView>(200, "The password has changed."),
        get(
            "/api/v1/profile/attempts",
            "listAttempts",
            "The attempts to sign in to the account, newest first.",
        )
        .caller()
        .page::<Page>()
        .answers::<AttemptPage>(200, "A page of attempts."),
        get("/api/v1/profile/debug", "debugRequest", "How the server reads the credentials of the request.")
            .about("In development only; otherwise 404.")
            .caller()
            .device()
            .refuses(&[NOT_FOUND])
            .answers::<RequestView>(200, "The request, without its credentials."),
    ]
}

fn sessions() -> Vec<Operation> {
    vec![
        get("/api/v1/sessions", "listSessions", "The sessions of the caller, newest first.")
            .caller()
            .page::<Page>()
            .answers::<SessionPage>(200, "A page of sessions."),
        delete("/api/v1/sessions", "endOtherSessions", "Ends the other sessions of the caller.")
            .caller()
            .answers::<RevocationView>(200, "What has ended."),
        delete("/api/v1/sessions/{sid}", "endSession", "Ends a session of the caller.")
            .caller()
            .path_id("sid", "The id of the session.")
            .answers::<RevocationView>(200, "What has ended.")
            .answer_header(200, "RemoveCookies", "Set-Cookie"),
        post("/api/v1/ws/ticket", "issueTicket", "Gives a ticket for one WebSocket.")
            .caller()
            .answers::<TicketView<'_>>(200, "The ticket."),
        get("/api/v1/channels/terms", "readChannelTerms", "What a channel offers to the caller.")
            .about("What it keeps and where, and what the caller may do there. The server decides again about each command.")
            .caller()
            .query::<ChannelQuery>()
            .refuses(&[NOT_FOUND, INVALID_CHANNEL])
            .answers::<ChannelTermsView<'_>>(200, "The terms."),
    ]
}

fn devices() -> Vec<Operation> {
    vec![
        get("/api/v1/devices", "listDevices", "The devices of the caller, the most recently seen first.")
            .caller()
            .page::<Page>()
            .answers::<DevicePage>(200, "A page of devices."),
        patch("/api/v1/devices/{id}", "changeDevice", "Changes the label of a device, or the trust in it.")
            .about("To trust a device needs a recent sign-in or step-up.")
            .caller()
            .privileged()
            .path_id("id", "The id of the device.")
            .body::<DeviceChange>()
            .refuses(&[INVALID_LABEL])
            .answers::<DeviceView>(200, "The device."),
        delete("/api/v1/devices/{id}", "forgetDevice", "Forgets a device, and ends the sessions on it.")
            .caller()
            .path_id("id", "The id of the device.")
            .answers::<RevocationView>(200, "What has ended.")
            .answer_header(200, "RemoveCookies", "Set-Cookie"),
    ]
}
