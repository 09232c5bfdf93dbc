//! The reason of a change that an operator makes. Every body of such a change has it in the field `reason`.

use crate::http::problem::Problem;

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// The reason without surrounding space.
///
/// # Errors
/// 422 for an empty reason, or one of more than 500 characters.
pub(crate) fn reason(text: &str) -> Result<String, Problem> {
    let reason = text.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.contains('\0') {
        return Err(Problem::unprocessable("reason_required", "Give a reason of 1 to 500 characters."));
    }
    Ok(reason.to_owned())
}
