//! Accounts of all users: `/api/v1/admin/users`.

use super::parts::{
    ADMIN_REQUIRED, CONTRADICTING_FILTERS, EMAIL_TAKEN, FACTOR_GONE, INVALID_DISPLAY_NAME, INVALID_EMAIL,
    INVALID_ROLE, INVALID_SEARCH, LAST_ADMIN, LAST_FACTOR, NO_SECOND_FACTOR, ONE_CHANGE_REQUIRED,
    OWN_ACCOUNT, Operation, get, patch, post,
};
use crate::http::{
    resources::admin::users::{
        ChangedUserView, CreatedUserView, NewUserRequest, OnlyReason, PasswordReset, ResetPasswordView,
        UserDetailView, UserPage, UserPatch, UsersQuery,
    },
    views::revocation::RevocationView,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/users", "adminListUsers", "The users, newest first or in another order.")
            .about("A search by `id`, `email` or `name` excludes the others and `sort`.")
            .operator()
            .page::<UsersQuery>()
            .refuses(&[CONTRADICTING_FILTERS, INVALID_SEARCH])
            .answers::<UserPage>(200, "A page of users."),
        post("/api/v1/admin/users", "adminCreateUser", "Creates an account.")
            .operator_change()
            .body::<NewUserRequest>()
            .refuses(&[ADMIN_REQUIRED, EMAIL_TAKEN, INVALID_EMAIL, INVALID_DISPLAY_NAME, INVALID_ROLE])
            .answers::<CreatedUserView<'_>>(201, "The account, and its generated password.")
            .idempotent(),
        get("/api/v1/admin/users/{id}", "adminReadUser", "A user, with factors and counts.")
            .operator()
            .path_account("id")
            .answers::<UserDetailView>(200, "The user."),
        patch("/api/v1/admin/users/{id}", "adminChangeUser", "Changes the role or the status of a user.")
            .about("Only admins may do this. The sessions of the user end.")
            .operator_change()
            .path_account("id")
            .body::<UserPatch>()
            .refuses(&[ADMIN_REQUIRED, OWN_ACCOUNT, ONE_CHANGE_REQUIRED, INVALID_ROLE, LAST_ADMIN])
            .answers::<ChangedUserView>(200, "The user, and what has ended."),
        post(
            "/api/v1/admin/users/{id}/password-reset",
            "adminResetPassword",
            "Gives a user another password, or none.",
        )
        .about("Only admins may do this. The sessions of the user end.")
        .operator_change()
        .path_account("id")
        .body::<PasswordReset>()
        .refuses(&[ADMIN_REQUIRED, OWN_ACCOUNT])
        .answers::<ResetPasswordView<'_>>(200, "The generated password, and what has ended.")
        .idempotent(),
        post(
            "/api/v1/admin/users/{id}/factor-reset",
            "adminResetFactors",
            "Removes the second factors of a user.",
        )
        .about("Only admins may do this. The sessions of the user end.")
        .operator_change()
        .path_account("id")
        .body::<OnlyReason>()
        .refuses(&[ADMIN_REQUIRED, OWN_ACCOUNT, NO_SECOND_FACTOR, FACTOR_GONE, LAST_FACTOR])
        .answers::<RevocationView>(200, "What has ended."),
    ]
}
