//! What the actors are told: their bounds, and which channels there are.
//!
//! Used by `config` only, which says what each setting means.

use std::path::PathBuf;

use actors::runtime::RealtimeSettings;

use super::{channels::channels, reader::Reader};

pub(super) fn realtime(read: &mut Reader<'_>, base: &RealtimeSettings) -> RealtimeSettings {
    let spill_file = read.text("DATA_DIR").map(|directory| PathBuf::from(directory).join("audit.spill"));
    RealtimeSettings {
        connections_per_session: read.at_least("CONNECTIONS_PER_SESSION", 1, base.connections_per_session),
        spill_file: spill_file.unwrap_or_else(|| base.spill_file.clone()),
        history_bytes: read.at_least("HISTORY_BYTES", 1024 * 1024, base.history_bytes),
        namespaces: channels(read, &base.namespaces),
        ..base.clone()
    }
}
