//! Reads of a channel: the database sends no more than the requested range and size.

use std::sync::Arc;

use logic::{
    history::{bounded, weight},
    journal::{NewMessage, Placement, Range},
};
use protocol::{
    ClientInfo, Payload,
    id::{ConnectionId, Subject},
};
use store::Store;

use super::{ALL, all, append, channel, message, now_ms, offsets, with_db};
use crate::harness::{DatabaseProxy, eventually};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A message with this many bytes, which the database cannot compress.
fn large(bytes: usize, seed: usize) -> NewMessage {
    let mut state = u64::try_from(seed).unwrap() + 1;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from(state >> 58).unwrap()).to_string().replace(['"', '\\'], "x")
    };
    message(&(0..bytes).map(letter).collect::<String>())
}

#[test]
fn ranges_are_read_forwards_and_backwards() {
    with_db(|db| async move {
        append(&db.store, (1..=20).map(|n| message(&n.to_string())).collect()).await;
        let read = async |range| offsets(&db.store.read_channel(channel(), range).await.unwrap());
        assert_eq!(read(Range { after: 3, limit: 3, ..ALL }).await, [4, 5, 6]);
        assert_eq!(read(Range { before: 3, ..ALL }).await, [1, 2]);
        assert_eq!(read(Range { before: 9, limit: 2, reverse: true, ..ALL }).await, [8, 7]);
        assert_eq!(read(Range { bytes: 1, ..ALL }).await, [1], "the first message is always read");
        assert_eq!(read(Range { bytes: 1, before: 9, reverse: true, ..ALL }).await, [8]);
        assert_eq!(read(Range { size: 2, ..ALL }).await, [19, 20]);
        assert_eq!(read(Range { younger_than_ms: now_ms(), ..ALL }).await, [0_u64; 0]);
        assert_eq!(read(Range { after: 20, ..ALL }).await, [0_u64; 0]);
    });
}

#[test]
fn the_database_sends_no_more_than_the_requested_bytes() {
    with_db(|db| async move {
        for seed in 0..10 {
            append(&db.store, (0..10).map(|n| large(60 * KIB, 10 * seed + n)).collect()).await;
        }
        let proxy = DatabaseProxy::to(&db.settings);
        let behind = Store::connect(&proxy.database()).unwrap();
        let newest = Range { limit: 512, bytes: MIB, reverse: true, ..ALL };
        let before = proxy.carried();
        let opened = behind.open_channel(channel(), newest, false).await.unwrap();
        assert_eq!((opened.newest.len(), opened.top, opened.whole), (17, 100, false));
        let page = behind.read_channel(channel(), Range { bytes: 448 * KIB, ..newest }).await.unwrap();
        assert_eq!(offsets(&page), (94..=100).rev().collect::<Vec<_>>());
        let carried = proxy.carried() - before;
        assert!((17 + 7) * 60 * KIB < carried && carried < MIB + 448 * KIB + 32 * KIB, "{carried} bytes");
    });
}

#[test]
fn opening_a_channel_reports_whether_all_kept_messages_were_read() {
    with_db(|db| async move {
        let open = async |newest| {
            let opened = db.store.open_channel(channel(), newest, false).await.unwrap();
            (offsets(&opened.newest), opened.whole)
        };
        assert_eq!(open(ALL).await, (vec![], true));
        append(&db.store, (1..=5).map(|n| message(&n.to_string())).collect()).await;
        assert_eq!(open(Range { limit: 5, ..ALL }).await, (vec![1, 2, 3, 4, 5], true));
        assert_eq!(open(Range { limit: 4, ..ALL }).await, (vec![2, 3, 4, 5], false));
        assert_eq!(open(Range { limit: 4, size: 4, ..ALL }).await, (vec![2, 3, 4, 5], true));
        // Each message weighs 131 bytes: three bytes of data, and a fixed overhead.
        assert_eq!(open(Range { bytes: 5 * 131, ..ALL }).await, (vec![1, 2, 3, 4, 5], true));
        assert_eq!(open(Range { bytes: 5 * 131 - 1, ..ALL }).await, (vec![2, 3, 4, 5], false));
        assert_eq!(open(Range { bytes: 1, ..ALL }).await, (vec![5], false));
        db.store.remove_messages(channel(), 2).await.unwrap();
        assert_eq!(open(Range { limit: 3, ..ALL }).await, (vec![3, 4, 5], true));
        assert_eq!(open(Range { younger_than_ms: now_ms(), ..ALL }).await, (vec![], true));
    });
}

/// A value that PostgreSQL stores compressed or out of line counts with its uncompressed size.
#[test]
fn a_message_weighs_the_same_in_the_database_and_in_memory_and_tags_weigh_no_less_in_the_database() {
    with_db(|db| async move {
        let payload = |bytes: usize| Payload::parse(&format!("\"{}\"", "x".repeat(bytes))).unwrap();
        let info = |conn: usize, chan: Option<usize>| ClientInfo {
            user: Subject::new("corp:ada"),
            client: ConnectionId::random(),
            conn_info: Some(payload(conn)),
            chan_info: chan.map(payload),
        };
        let by = |info: ClientInfo, text: &str| NewMessage { info: Some(Arc::new(info)), ..message(text) };
        let batch = vec![
            message("a"),
            by(info(10, None), "b"),
            by(info(50 * KIB, Some(3_000)), "é€"),
            NewMessage { data: payload(60 * KIB), ..message("") },
            large(60 * KIB, 1),
            by(info(1, Some(1)), "c"),
        ];
        append(&db.store, batch.clone()).await;
        let kept = all(&db.store).await;
        let mut total = 0;
        for publication in &kept {
            total += weight(publication);
            for bytes in [total - 1, total] {
                let read = db.store.read_channel(channel(), Range { bytes, ..ALL }).await.unwrap();
                assert_eq!(read, bounded(kept.iter().cloned(), usize::MAX, bytes), "{bytes} bytes");
            }
        }
        let tags = vec![("a".to_owned(), "nul \0 and \"".to_owned())];
        append(&db.store, vec![NewMessage { tags, ..message("d") }]).await;
        let tagged = weight(&all(&db.store).await[6]);
        let read =
            async |bytes| db.store.read_channel(channel(), Range { bytes, ..ALL }).await.unwrap().len();
        assert_eq!((read(total + tagged - 1).await, read(total + tagged + 64).await), (6, 7));
    });
}

/// A lock of this test blocks every read of a row, but no write.
#[test]
fn an_append_is_answered_while_reads_use_all_their_connections() {
    with_db(|db| async move {
        append(&db.store, vec![message("a")]).await;
        let mut raw = db.raw().await;
        raw.batch_execute(
            "ALTER TABLE channel_messages RENAME TO stored_messages;
             CREATE VIEW channel_messages AS
             SELECT * FROM stored_messages WHERE pg_advisory_xact_lock_shared(7)::text IS NOT NULL;
             GRANT ALL ON channel_messages TO portcullis_server",
        )
        .await
        .unwrap();
        let holder = raw.transaction().await.unwrap();
        holder.execute("SELECT pg_advisory_xact_lock(7)", &[]).await.unwrap();
        let reading: Vec<_> = (0..50)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.read_channel(channel(), ALL).await.is_ok() })
            })
            .collect();
        let watching = db.raw().await;
        let hangs = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
        eventually("the statements wait", async || {
            watching.query_one(hangs, &[]).await.unwrap().get::<_, i64>(0) == 4
        })
        .await;
        assert_eq!(append(&db.store, vec![message("b")]).await, [Placement::New(2)]);
        assert_eq!(watching.query_one(hangs, &[]).await.unwrap().get::<_, i64>(0), 4);
        drop(holder);
        for reading in reading {
            reading.await.unwrap();
        }
    });
}
