//! Events for other systems: their receivers, and the events on their way.
//!
//! `audit` writes the events in the transaction of the audit event that causes them. `service::events` delivers them.

pub(crate) mod deliveries;
pub(crate) mod dispatch;
pub(crate) mod outbox;
pub(crate) mod receiver_stops;
pub(crate) mod receivers;
pub(crate) mod single_event;
