//! Keys of the server API: `/api/v1/admin/api-keys`.

use super::parts::{
    ADMIN_REQUIRED, INVALID_LIFETIME, INVALID_NAME, INVALID_SCOPES, NAME_TAKEN, Operation, get, post,
};
use crate::http::{
    extractors::page::Page,
    resources::admin::{
        Reasoned,
        api_keys::{ApiKeyPage, CreatedKeyView, NewKey},
    },
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/admin/api-keys", "adminListApiKeys", "The keys of the server API, newest first.")
            .operator()
            .page::<Page>()
            .answers::<ApiKeyPage<'_>>(200, "A page of keys, without their secrets."),
        post("/api/v1/admin/api-keys", "adminCreateApiKey", "Creates a key of the server API.")
            .about("Only admins may do this.")
            .operator_change()
            .body::<NewKey>()
            .refuses(&[ADMIN_REQUIRED, INVALID_LIFETIME, INVALID_NAME, INVALID_SCOPES, NAME_TAKEN])
            .answers::<CreatedKeyView<'_>>(201, "The key. Only this answer shows it.")
            .idempotent(),
        post("/api/v1/admin/api-keys/{key}/revoke", "adminRevokeApiKey", "Revokes a key of the server API.")
            .about("Only admins may do this.")
            .operator_change()
            .path_id("key", "The id of the key.")
            .body::<Reasoned>()
            .refuses(&[ADMIN_REQUIRED])
            .answers_nothing(204, "The key is revoked."),
    ]
}
