//! The journal: offsets without gaps, idempotency keys, unknown outcomes, and retention.

mod forgetting;
mod reading;
mod removing;
mod versions;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use logic::journal::{NewMessage, Placement, Range, Retention};
use protocol::{
    ClientInfo, Payload, Publication,
    channel_name::ChannelName,
    id::{ConnectionId, Subject},
};
use store::{AppendError, ChannelRetention, Store};

use super::{ALL, now, with_db};
use crate::harness::{DatabaseProxy, eventually};

const KEEP: Retention = Retention { size: 1_000, ttl: Duration::from_secs(7 * 86_400) };

fn channel() -> ChannelName {
    ChannelName::parse("chat:lobby").unwrap()
}

fn kept(channel: ChannelName) -> ChannelRetention {
    ChannelRetention { channel, retention: KEEP, meta_ttl: Duration::from_secs(30 * 86_400) }
}

fn now_ms() -> i64 {
    now().unix_timestamp() * 1_000
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        data: Payload::parse(&format!("\"{text}\"")).unwrap(),
        info: None,
        tags: Vec::new(),
        time_ms: now_ms(),
        idempotency_key: None,
        version: None,
    }
}

fn keyed(text: &str, key: &str) -> NewMessage {
    NewMessage { idempotency_key: Some(key.to_owned()), ..message(text) }
}

async fn append(store: &Store, batch: Vec<NewMessage>) -> Vec<Placement> {
    store.append(channel(), batch, KEEP).await.unwrap().placed
}

async fn all(store: &Store) -> Vec<Arc<Publication>> {
    store.read_channel(channel(), ALL).await.unwrap()
}

fn offsets(publications: &[Arc<Publication>]) -> Vec<u64> {
    publications.iter().map(|publication| publication.offset).collect()
}

#[test]
fn appended_messages_are_read_unchanged() {
    with_db(|db| async move {
        let info = ClientInfo {
            user: Subject::new("corp:ada"),
            client: ConnectionId::random(),
            conn_info: Some(Payload::parse(r#"{"name":"Ada"}"#).unwrap()),
            chan_info: None,
        };
        let tags = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "nul \0 and \"".to_owned())];
        let data = Payload::parse(r#"{"n": 1.50e3, "big":123456789012345678901234567890}"#).unwrap();
        let new = NewMessage { data, info: Some(Arc::new(info)), tags, ..message("") };
        append(&db.store, vec![message("first"), new.clone()]).await;
        let found = all(&db.store).await;
        assert_eq!(*found[0], message("first").at(1));
        assert_eq!(*found[1], new.at(2));
    });
}

#[test]
fn sixteen_simultaneous_appenders_leave_no_gap_and_lose_nothing() {
    with_db(|db| async move {
        let appenders = (0..16).map(|appender| {
            let store = db.store.clone();
            tokio::spawn(async move {
                let mut placed = Vec::new();
                for round in 0..20 {
                    let text = |n| message(&format!("{appender}-{round}-{n}"));
                    let size = (appender + round) % 3 + 1;
                    let batch: Vec<_> = (0..size).map(text).collect();
                    for (message, place) in batch.clone().into_iter().zip(append(&store, batch).await) {
                        placed.push((place.offset(), message.data));
                    }
                }
                placed
            })
        });
        let appenders: Vec<_> = appenders.collect();
        let mut placed: Vec<_> =
            futures_util::future::join_all(appenders).await.into_iter().flat_map(Result::unwrap).collect();
        placed.sort_by_key(|(offset, _)| *offset);
        let found = all(&db.store).await;
        assert_eq!(offsets(&found), (1..=placed.len() as u64).collect::<Vec<_>>());
        for (publication, (offset, data)) in found.iter().zip(placed) {
            assert_eq!((publication.offset, &publication.data), (offset, &data));
        }
        let opened = db.store.open_channel(channel(), Range { limit: 5, ..ALL }, false).await.unwrap();
        assert_eq!(opened.top, found.len() as u64);
        assert_eq!(offsets(&opened.newest), offsets(&found[found.len() - 5..]));
    });
}

#[test]
fn of_sixteen_messages_with_the_same_key_one_is_published_and_all_get_its_offset() {
    with_db(|db| async move {
        for round in 0..10 {
            let key = format!("key-{round}");
            let appenders = (0..16).map(|n| {
                let (store, key) = (db.store.clone(), key.clone());
                tokio::spawn(async move { append(&store, vec![keyed(&n.to_string(), &key)]).await[0] })
            });
            let appenders: Vec<_> = appenders.collect();
            let placed: Vec<_> =
                futures_util::future::join_all(appenders).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(placed.iter().filter(|place| matches!(place, Placement::New(_))).count(), 1);
            let found: BTreeSet<_> = placed.iter().map(|place| place.offset()).collect();
            assert_eq!(found, BTreeSet::from([round + 1]));
        }
        assert_eq!(all(&db.store).await.len(), 10);
    });
}

#[test]
fn an_idempotency_key_counts_within_a_batch_and_until_it_expires() {
    with_db(|db| async move {
        let placed = append(&db.store, vec![keyed("a", "k"), message("b"), keyed("c", "k")]).await;
        assert_eq!(placed, [Placement::New(1), Placement::New(2), Placement::Earlier(1)]);
        assert_eq!(append(&db.store, vec![keyed("d", "k")]).await, [Placement::Earlier(1)]);
        let later = NewMessage { time_ms: now_ms() + 5 * 60 * 1_000, ..keyed("e", "k") };
        assert_eq!(append(&db.store, vec![later]).await, [Placement::New(3)]);
        let cleared =
            db.store.delete_aged(store::Aged::IdempotencyKeys, now() + Duration::from_secs(600), 10).await;
        assert_eq!(cleared.unwrap(), 1);
        assert_eq!(append(&db.store, vec![keyed("f", "k")]).await, [Placement::New(4)]);
    });
}

#[test]
fn a_batch_that_the_database_refuses_stores_nothing() {
    with_db(|db| async move {
        append(&db.store, vec![message("a")]).await;
        let long = "k".repeat(256);
        let refused = db.store.append(channel(), vec![message("b"), keyed("c", &long)], KEEP).await;
        assert!(matches!(refused, Err(AppendError::Nothing(error)) if !error.is_unavailable()));
        assert_eq!(append(&db.store, vec![message("d")]).await, [Placement::New(2)]);
    });
}

/// The row of the channel is locked, so the batch waits in the database when the connection breaks.
#[test]
fn after_a_broken_connection_the_outcome_of_a_batch_is_unknown_until_it_is_settled() {
    with_db(|db| async move {
        append(&db.store, vec![message("a")]).await;
        for commits in [true, false] {
            let proxy = DatabaseProxy::to(&db.settings);
            let behind = Store::connect(&proxy.database()).unwrap();
            let mut raw = db.raw().await;
            let holder = raw.transaction().await.unwrap();
            holder.execute("SELECT 1 FROM channels FOR UPDATE", &[]).await.unwrap();
            let appending =
                tokio::spawn(async move { behind.append(channel(), vec![message("b")], KEEP).await });
            let watching = db.raw().await;
            let hangs = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%raised%'
                         AND datname = current_database()";
            eventually("the statement waits", async || {
                watching.query_one(hangs, &[]).await.unwrap().get::<_, i64>(0) == 1
            })
            .await;
            proxy.cut();
            assert!(matches!(appending.await.unwrap(), Err(AppendError::Unknown(_))));
            let top = all(&db.store).await.len() as u64;
            let (store, settling) = (db.store.clone(), channel());
            let settling =
                tokio::spawn(async move { store.open_channel(settling, ALL, true).await.unwrap() });
            eventually("the settling statement waits", async || {
                let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                           AND datname = current_database()";
                watching.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 2
            })
            .await;
            if !commits {
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                           WHERE datname = current_database() AND query LIKE '%raised%' AND wait_event_type = 'Lock'";
                watching.execute(end, &[]).await.unwrap();
            }
            drop(holder);
            let settled = settling.await.unwrap();
            assert_eq!(settled.top, top + u64::from(commits));
            assert_eq!(settled.newest.len() as u64, settled.top);
        }
    });
}

#[test]
fn an_append_that_cannot_reach_the_database_is_known_to_have_stored_nothing() {
    with_db(|db| async move {
        let proxy = DatabaseProxy::to(&db.settings);
        let behind = Store::connect(&proxy.database()).unwrap();
        proxy.cut();
        let outcome = behind.append(channel(), vec![message("a")], KEEP).await;
        assert!(matches!(outcome, Err(AppendError::Nothing(error)) if error.is_unavailable()));
        proxy.mend();
        assert_eq!(append(&behind, vec![message("b")]).await, [Placement::New(1)]);
    });
}

#[test]
fn the_journal_leaves_database_connections_for_other_statements() {
    with_db(|db| async move {
        let mut raw = db.raw().await;
        append(&db.store, vec![message("a")]).await;
        let holder = raw.transaction().await.unwrap();
        holder.execute("SELECT 1 FROM channels FOR UPDATE", &[]).await.unwrap();
        let hanging: Vec<_> = (0..50)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.append(channel(), vec![message("b")], KEEP).await.is_ok() })
            })
            .collect();
        let hangs = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let watching = db.raw().await;
        eventually("the statements wait", async || {
            watching.query_one(hangs, &[]).await.unwrap().get::<_, i64>(0) == 8
        })
        .await;
        db.store.ping().await.unwrap();
        drop(holder);
        for appending in hanging {
            appending.await.unwrap();
        }
    });
}

#[test]
fn only_messages_beyond_the_size_or_the_age_are_deleted() {
    with_db(|db| async move {
        let old = NewMessage { time_ms: now_ms() - 8 * 86_400_000, ..message("old") };
        append(&db.store, vec![old.clone(), old]).await;
        append(&db.store, (3..=10).map(|n| message(&n.to_string())).collect()).await;
        let kept = |size| vec![ChannelRetention { retention: Retention { size, ..KEEP }, ..kept(channel()) }];
        let rows = async || db.count("SELECT count(*) FROM channel_messages").await;
        assert!(db.store.clear_messages(kept(100), now()).await.unwrap());
        assert_eq!((rows().await, offsets(&all(&db.store).await)), (8, (3..=10).collect()));
        assert!(db.store.clear_messages(kept(5), now()).await.unwrap());
        assert_eq!((rows().await, offsets(&all(&db.store).await)), (5, (6..=10).collect()));
        assert!(db.store.clear_messages(kept(5), now() + Duration::from_secs(8 * 86_400)).await.unwrap());
        assert_eq!((rows().await, db.count("SELECT gone FROM channels").await), (0, 10));
    });
}

#[test]
fn every_operation_returns_the_epoch_of_the_database() {
    with_db(|db| async move {
        let open = async || db.store.open_channel(channel(), ALL, false).await.unwrap().epoch;
        let epoch = open().await;
        assert!(epoch.len() == 8 && epoch.bytes().all(|byte| byte.is_ascii_lowercase()));
        let appended = db.store.append(channel(), vec![message("a"), keyed("b", "k")], KEEP).await.unwrap();
        assert_eq!((appended.epoch, open().await), (epoch.clone(), epoch.clone()));
        assert_eq!(db.store.remove_messages(channel(), 2).await.unwrap().epoch, epoch);
        let all_alike = epoch.bytes().all(|byte| Some(byte) == epoch.bytes().next());
        assert!(!all_alike, "each letter is drawn separately: {epoch}");
    });
}
