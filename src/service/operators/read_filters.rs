//! The text about a search's filters for its audit event.

use protocol::audit::AuditEvent;

/// The event with the names of the filters that are set. Their values are not recorded: they may be data of persons, and audit
/// events are kept.
pub(super) fn with_filters(event: AuditEvent, filters: &[(bool, &'static str)]) -> AuditEvent {
    let named: Vec<_> = filters.iter().filter_map(|(is, name)| is.then_some(*name)).collect();
    if named.is_empty() { event } else { event.with("filters", named.join(",")) }
}
