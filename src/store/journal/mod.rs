//! The journal: publications of durable channels, in PostgreSQL.
//!
//! Called by the channel shards through the `Journal` port, and by the sweep. An offset is given by the statement that
//! inserts the message, under the lock of the channel's row: without holes, in the order of commits. The journal has a
//! share of the pool, and no more, so that however much is published, requests still get a connection; reads have a share of
//! that, and no more, so that however much is read, what is published is still committed.

mod append;
mod columns;
mod due;
mod keep;
mod read;
pub(crate) mod share;

pub use append::AppendError;
pub use keep::ChannelRetention;
