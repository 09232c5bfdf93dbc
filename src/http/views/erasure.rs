//! A request to erase an account, and the record of its erasure.

use protocol::id::UserId;
use serde::Serialize;
use service::Erasure;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

/// A request, or the record of an erasure, for operators.
#[derive(Serialize, ToSchema)]
#[schema(as = Erasure)]
pub(crate) struct ErasureView<'e> {
    actor: Option<UserId>,
    #[schema(value_type = Option<OffsetDateTime>)]
    begun_at: Option<String>,
    /// When it is carried out.
    #[schema(value_type = OffsetDateTime)]
    due_at: String,
    #[schema(value_type = Option<OffsetDateTime>)]
    erased_at: Option<String>,
    /// Empty after the erasure.
    reason: &'e str,
    #[schema(value_type = OffsetDateTime)]
    requested_at: String,
    requested_by: &'static str,
    #[schema(pattern = "^(pending|erasing|erased)$")]
    state: &'static str,
    user: UserId,
}

impl<'e> ErasureView<'e> {
    /// The view of this request.
    pub(crate) fn of(erasure: &'e Erasure) -> Self {
        Self {
            actor: erasure.actor,
            begun_at: erasure.begun_at.map(shown),
            due_at: shown(erasure.due_at),
            erased_at: erasure.erased_at.map(shown),
            reason: &erasure.reason,
            requested_at: shown(erasure.requested_at),
            requested_by: erasure.requested_by.as_str(),
            state: erasure.state.as_str(),
            user: erasure.user,
        }
    }
}

/// A request, for the person.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnErasure)]
pub(crate) struct OwnErasureView {
    /// When it is carried out.
    #[schema(value_type = OffsetDateTime)]
    due_at: String,
    #[schema(value_type = OffsetDateTime)]
    requested_at: String,
    #[schema(pattern = "^(pending|erasing|erased)$")]
    state: &'static str,
}

impl OwnErasureView {
    /// The view of this request.
    pub(crate) fn of(erasure: &Erasure) -> Self {
        Self {
            due_at: shown(erasure.due_at),
            requested_at: shown(erasure.requested_at),
            state: erasure.state.as_str(),
        }
    }
}

fn shown(at: OffsetDateTime) -> String {
    // Only a year beyond 9999 has no form.
    at.format(&Rfc3339).unwrap_or_default()
}
