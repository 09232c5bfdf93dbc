//! One open connection, independent of its transport: the driver, and the registration with a session.
//!
//! Used by the WebSocket actor and by the task of an emulated stream.

pub(crate) mod connect_subscriptions;
pub(crate) mod deadline_timer;
pub(crate) mod deadlines;
pub(crate) mod driver;
pub(crate) mod parts;
pub(crate) mod presence_update;
pub(crate) mod registration;
pub(crate) mod subscription_tokens;
pub(crate) mod verification;
pub(crate) mod work;
