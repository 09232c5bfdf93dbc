//! Second factors: `/api/v1/2fa`.

use super::super::{
    codes::{
        FACTOR_GONE, INVALID_SECOND_FACTOR, LAST_FACTOR, NO_SECOND_FACTOR, NOT_FOUND, TOKENS_RENEWED,
        TOTP_ALREADY_ACTIVE, TOTP_NOT_BEGUN,
    },
    operation::{delete, get, post},
    section::Section,
};
use crate::http::{
    resources::two_factor::{BackupCodesView, FactorsView, TotpConfirmation, TotpSetupView, TotpView},
    views::{revocation::RevocationView, token_response::TokensView},
};

pub(super) fn section() -> Section {
    Section {
        tag: "Second factors",
        about: "Authenticator apps and backup codes. A change of factors ends the other sessions of the user.",
        operations: vec![
            get("/api/v1/2fa", "listFactors", "The factors of the caller.")
                .caller()
                .answers::<FactorsView>(200, "The factors."),
            post("/api/v1/2fa/totp", "beginTotp", "Begins to set up an authenticator app.")
                .caller()
                .privileged()
                .refuses(&[TOTP_ALREADY_ACTIVE])
                .answers::<TotpSetupView<'_>>(201, "The secret for the app. Only this answer shows it."),
            delete("/api/v1/2fa/totp", "removeTotp", "Removes the authenticator app.")
                .caller()
                .privileged()
                .refuses(&[NOT_FOUND, FACTOR_GONE, LAST_FACTOR, TOKENS_RENEWED])
                .answers_tokens::<TokensView<'_>, RevocationView>(200, "The app is removed."),
            post("/api/v1/2fa/totp/confirm", "confirmTotp", "Completes the setup with a code of the app.")
                .caller()
                .privileged()
                .body::<TotpConfirmation>()
                .refuses(&[
                    TOTP_ALREADY_ACTIVE,
                    TOTP_NOT_BEGUN,
                    INVALID_SECOND_FACTOR,
                    TOKENS_RENEWED,
                    FACTOR_GONE,
                ])
                .answers_tokens::<TokensView<'_>, TotpView>(200, "The app is set up."),
            post("/api/v1/2fa/backup-codes", "replaceBackupCodes", "Makes ten new backup codes.")
                .about("The earlier codes are no longer valid. Only this answer shows the new ones.")
                .caller()
                .privileged()
                .refuses(&[NO_SECOND_FACTOR, TOKENS_RENEWED, FACTOR_GONE])
                .answers_tokens::<TokensView<'_>, BackupCodesView<'_>>(201, "The codes."),
        ],
    }
}
