//! The journal: publications of durable channels, in PostgreSQL.
//!
//! Called by the channel shards through the `Journal` port, and by the retention job. The statement that inserts a
//! message assigns its offset, under the lock of the channel's row: offsets have no gaps and follow the order of
//! commits. The journal may use a limited share of the pool, so that requests get a connection however much is
//! published. Reads may use a limited share of that, so that publications are committed however much is read.

mod append;
mod columns;
mod due;
mod keep;
mod read;
pub(crate) mod share;

pub use append::AppendError;
pub use keep::ChannelRetention;
