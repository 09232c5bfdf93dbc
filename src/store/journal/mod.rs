//! The journal: publications of durable channels, in PostgreSQL.
//!
//! Called by the channel shards through the `Journal` port, and by the retention job. The statement that inserts a message also
//! assigns the message's offset, under the lock of the channel's row. So offsets have no gaps and follow the order of commits.
//! The journal may use only a share of the pool, so that many publications cannot take the connections of other requests. Reads
//! may use only a part of that share, so that many reads cannot delay the commits of publications.

mod append;
mod columns;
mod due;
mod erase;
pub(crate) mod erased_channels;
mod keep;
mod list;
mod read;
pub(crate) mod share;

pub use append::AppendError;
pub use erase::ErasureOrder;
pub use erased_channels::{ERASED_CHANNELS, ErasedChannels};
pub use keep::ChannelRetention;
pub use list::DurableChannelRow;
