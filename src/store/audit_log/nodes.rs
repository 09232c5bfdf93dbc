//! Stored hashes of subtrees: those over 256, 65536, … entries, and the smaller ones at the end of a dropped month.
//!
//! So a proof reads a few hundred hashes, however long the log is.

use std::collections::HashSet;

use deadpool_postgres::GenericClient;
use domain::transparency_log::{
    hash::Hash,
    log_check::KEPT_LEVEL,
    subtree::{KnownSubtrees, Subtree},
};

use super::number::signed;
use crate::{error::StoreError, pool::Store};

/// Whether the hash of a complete subtree is stored.
pub(super) fn is_kept(subtree: Subtree) -> bool {
    subtree.level > 0 && subtree.level.is_multiple_of(KEPT_LEVEL)
}

impl Store {
    /// The hashes that the hashes of these subtrees are computed from.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_subtrees(&self, needed: Vec<Subtree>) -> Result<KnownSubtrees, StoreError> {
        self.run_slow(move |client| Box::pin(async move { load(&*client, &needed).await })).await
    }

    /// The stored hashes of the subtrees of 256 entries, from number `first` until before `end`, with their numbers.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn audit_kept_subtrees(&self, first: u64, end: u64) -> Result<Vec<(u64, Hash)>, StoreError> {
        self.run_slow(move |client| Box::pin(async move { stored(&*client, KEPT_LEVEL, first, end).await }))
            .await
    }
}

pub(super) async fn insert(client: &impl GenericClient, nodes: &[(Subtree, Hash)]) -> Result<(), StoreError> {
    let levels: Vec<_> = nodes.iter().map(|(subtree, _)| i16::from(subtree.level)).collect();
    let indexes: Vec<_> = nodes.iter().map(|(subtree, _)| subtree.index.cast_signed()).collect();
    let hashes: Vec<&[u8]> = nodes.iter().map(|(_, hash)| &hash[..]).collect();
    let sql = "INSERT INTO audit_log_nodes (level, node_index, hash)
               SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) ON CONFLICT DO NOTHING";
    client.execute(sql, &[&levels, &indexes, &hashes]).await?;
    Ok(())
}

pub(super) async fn load(
    client: &impl GenericClient,
    needed: &[Subtree],
) -> Result<KnownSubtrees, StoreError> {
    let mut known = KnownSubtrees::default();
    let mut add = |level, found: Vec<(u64, Hash)>| {
        for (index, hash) in found {
            known.insert(Subtree { level, index }, hash);
        }
    };
    // A subtree below the height of the kept ones lies in one of the kept ones, so the leaves of that one are read.
    for subtree in needed.iter().filter(|subtree| subtree.level >= KEPT_LEVEL) {
        let level = subtree.level - subtree.level % KEPT_LEVEL;
        add(level, stored(client, level, subtree.first() >> level, subtree.end() >> level).await?);
    }
    let small = needed.iter().filter(|subtree| subtree.level < KEPT_LEVEL);
    let blocks: HashSet<u64> = small.map(|subtree| subtree.first() >> KEPT_LEVEL).collect();
    for block in blocks {
        let (first, end) = (block << KEPT_LEVEL, (block + 1) << KEPT_LEVEL);
        add(0, leaves(client, first, end).await?);
        for level in 0..KEPT_LEVEL {
            add(level, stored(client, level, first >> level, end >> level).await?);
        }
    }
    Ok(known)
}

async fn leaves(client: &impl GenericClient, first: u64, end: u64) -> Result<Vec<(u64, Hash)>, StoreError> {
    let sql = "SELECT leaf_index, leaf_hash FROM audit_log WHERE leaf_index >= $1 AND leaf_index < $2";
    hashes(client, sql, &[&signed(first)?, &signed(end)?]).await
}

async fn stored(
    client: &impl GenericClient,
    level: u8,
    first: u64,
    end: u64,
) -> Result<Vec<(u64, Hash)>, StoreError> {
    let sql = "SELECT node_index, hash FROM audit_log_nodes WHERE level = $1 AND node_index >= $2 AND node_index < $3";
    hashes(client, sql, &[&i16::from(level), &signed(first)?, &signed(end)?]).await
}

async fn hashes(
    client: &impl GenericClient,
    sql: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<(u64, Hash)>, StoreError> {
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, parameters).await?;
    let found = rows.iter().map(|row| {
        let hash = Hash::try_from(row.try_get::<_, &[u8]>(1)?).map_err(StoreError::internal)?;
        Ok((row.try_get::<_, i64>(0)?.unsigned_abs(), hash))
    });
    found.collect()
}
