//! When a channel is due for a check, and when its row is deleted. Within an epoch, no offset of a channel name is given twice.

use std::{collections::HashMap, time::Duration};

use logic::journal::Placement;
use protocol::channel_name::ChannelName;

use super::{ALL, ChannelRetention, KEEP, append, channel, kept, keyed, message, now, offsets, with_db};
use crate::{harness::eventually, store::Db};

const DAY: Duration = Duration::from_secs(86_400);
/// The store raises the floor to a multiple of this number.
const STEP: i64 = 1 << 16;

fn named(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

impl Db {
    /// The floor: the offset above which new channels begin.
    async fn floor(&self) -> i64 {
        self.count("SELECT floor FROM channel_epoch").await
    }

    /// Deletes the rows of these channels if they keep nothing and have had no publication for a day at the time
    /// `now() + after`. Returns the number of deleted rows.
    async fn forget(&self, names: &[ChannelName], after: Duration) -> u64 {
        let kept: Vec<_> =
            names.iter().cloned().map(|name| ChannelRetention { meta_ttl: DAY, ..kept(name) }).collect();
        self.store.forget_channels(kept, now() + after).await.unwrap().unwrap_or(0)
    }

    /// Deletes all publications and idempotency keys of the channel.
    async fn empty(&self, name: &ChannelName) {
        self.store.remove_messages(name.clone(), u64::MAX).await.unwrap();
        while !self.store.clear_messages(vec![kept(name.clone())], now()).await.unwrap() {}
        self.store.delete_aged(store::Aged::IdempotencyKeys, now() + 365 * DAY, 100).await.unwrap();
    }
}

#[test]
fn a_channel_is_forgotten_when_it_keeps_nothing_and_had_no_publication_for_a_day() {
    with_db(|db| async move {
        let names = [channel()];
        append(&db.store, vec![message("a"), message("b"), keyed("c", "k")]).await;
        assert_eq!(db.forget(&names, 365 * DAY).await, 0, "publications are kept");
        db.store.clear_messages(vec![kept(channel())], now() + 8 * DAY).await.unwrap();
        assert_eq!(db.forget(&names, 365 * DAY).await, 0, "an idempotency key is kept");
        db.store.delete_aged(store::Aged::IdempotencyKeys, now() + DAY, 100).await.unwrap();
        assert_eq!(db.forget(&names, DAY / 2).await, 0, "too early");
        assert_eq!(db.floor().await, 0);
        assert_eq!(db.forget(&names, 365 * DAY).await, 1);
        assert_eq!((db.count("SELECT count(*) FROM channels").await, db.floor().await), (0, STEP));
    });
}

#[test]
fn a_channel_without_a_row_begins_above_the_floor_in_every_operation() {
    with_db(|db| async move {
        append(&db.store, vec![message("a"), message("b"), message("c")]).await;
        db.empty(&channel()).await;
        assert_eq!(db.forget(&[channel()], 365 * DAY).await, 1);
        let open = async |name: &str, settle| {
            let opened = db.store.open_channel(named(name), ALL, settle).await.unwrap();
            (opened.top, opened.newest.len(), opened.whole)
        };
        let floor = STEP.unsigned_abs();
        assert_eq!(open("chat:lobby", false).await, (floor, 0, true));
        assert_eq!(db.store.remove_messages(channel(), u64::MAX).await.unwrap().upto, floor);
        assert_eq!(db.store.remove_messages(channel(), 3).await.unwrap().upto, 3);
        assert_eq!(append(&db.store, vec![message("d")]).await, [Placement::New(floor + 1)]);
        assert_eq!(open("chat:settled", true).await, (floor, 0, true));
        for (name, first) in [("chat:settled", message("e")), ("chat:keyed", keyed("e", "k"))] {
            let placed = db.store.append(named(name), vec![first], KEEP).await.unwrap().placed;
            assert_eq!(placed, [Placement::New(floor + 1)]);
            let read = db.store.read_channel(named(name), ALL).await.unwrap();
            assert_eq!(offsets(&read), [floor + 1]);
        }
    });
}

/// The append uses a statement that was prepared earlier, and waits for the deletion.
#[test]
fn an_append_that_waits_while_its_channel_is_forgotten_begins_above_the_floor() {
    with_db(|db| async move {
        for (number, appended) in [message("plain"), keyed("keyed", "k")].into_iter().enumerate() {
            let other = async |message| {
                db.store.append(named("chat:other"), vec![message], KEEP).await.unwrap();
            };
            other(message("warm")).await;
            other(keyed("warm", &number.to_string())).await;
            let first = append(&db.store, vec![message("before")]).await[0].offset();
            let mut raw = db.raw().await;
            let forgetting = raw.transaction().await.unwrap();
            forgetting.batch_execute("LOCK TABLE channels IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
            let store = db.store.clone();
            let appending = tokio::spawn(async move { append(&store, vec![appended]).await });
            let watching = db.raw().await;
            let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
            eventually("the statement waits", async || {
                watching.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1
            })
            .await;
            let floor = 100 * (i64::try_from(number).unwrap() + 1);
            let sql = format!(
                "DELETE FROM channels WHERE name = 'chat:lobby'; UPDATE channel_epoch SET floor = {floor}"
            );
            forgetting.batch_execute(&sql).await.unwrap();
            forgetting.commit().await.unwrap();
            let placed = appending.await.unwrap();
            assert!(first < floor.unsigned_abs());
            assert_eq!(placed, [Placement::New(floor.unsigned_abs() + 1)]);
        }
    });
}

#[test]
fn a_channel_that_is_being_written_is_forgotten_only_afterwards() {
    with_db(|db| async move {
        append(&db.store, vec![message("a")]).await;
        db.empty(&channel()).await;
        let mut raw = db.raw().await;
        let writing = raw.transaction().await.unwrap();
        writing.execute("UPDATE channels SET version = NULL", &[]).await.unwrap();
        let forget = || {
            let (store, kept) = (db.store.clone(), vec![kept(channel())]);
            async move { store.forget_channels(kept, now() + 365 * DAY).await.unwrap() }
        };
        // Other channels are written while the row is locked and the forgetting waits for it.
        let waiting = tokio::spawn(forget());
        let mut written = 0;
        while !waiting.is_finished() {
            let other = db.store.append(named("chat:other"), vec![message("b")], KEEP).await.unwrap();
            written += 1;
            assert_eq!(other.placed, [Placement::New(written)]);
        }
        assert_eq!(waiting.await.unwrap(), None);
        assert!(written > 0, "no append while the row was locked");
        writing.rollback().await.unwrap();
        assert_eq!(forget().await, Some(1));
    });
}

#[test]
fn no_offset_is_given_twice_while_channels_are_forgotten_and_begin_anew() {
    with_db(|db| async move {
        let names: Vec<_> = (0..6).map(|number| named(&format!("chat:{number}"))).collect();
        let appenders = (0..4).map(|appender| {
            let (store, names) = (db.store.clone(), names.clone());
            tokio::spawn(async move {
                let mut given = Vec::new();
                for round in 0..120_usize {
                    let name = &names[(round + appender) % names.len()];
                    let text = format!("{appender}-{round}");
                    let new = if round % 2 == 0 { message(&text) } else { keyed(&text, &text) };
                    let placed = store.append(name.clone(), vec![new], KEEP).await.unwrap().placed;
                    given.push((name.clone(), placed[0].offset()));
                }
                given
            })
        });
        let appenders: Vec<_> = appenders.collect();
        let mut forgotten = 0;
        while !appenders.iter().all(tokio::task::JoinHandle::is_finished) {
            for name in &names {
                db.empty(name).await;
                forgotten += db.forget(std::slice::from_ref(name), 365 * DAY).await;
            }
        }
        let mut given: HashMap<ChannelName, Vec<u64>> = HashMap::new();
        for appender in appenders {
            for (name, offset) in appender.await.unwrap() {
                given.entry(name).or_default().push(offset);
            }
        }
        assert!(forgotten > 0, "no channel was forgotten during the appends");
        for (name, mut offsets) in given {
            offsets.sort_unstable();
            assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {offsets:?}");
        }
    });
}

#[test]
fn a_channel_is_due_after_it_was_written_and_when_something_may_expire() {
    with_db(|db| async move {
        let due = async |after: Duration| db.store.due_channels(now() + after, 10).await.unwrap().len();
        let check = async || {
            let kept = vec![ChannelRetention { meta_ttl: DAY / 2, ..kept(channel()) }];
            db.store.schedule_channels(kept, Vec::new(), now()).await.unwrap();
        };
        append(&db.store, vec![message("a")]).await;
        assert_eq!(due(Duration::ZERO).await, 1);
        check().await;
        assert_eq!((due(DAY - Duration::from_secs(1)).await, due(DAY).await), (0, 1), "once a day");
        append(&db.store, vec![message("b")]).await;
        assert_eq!(due(Duration::ZERO).await, 1, "written");
        db.store.remove_messages(channel(), 2).await.unwrap();
        check().await;
        assert_eq!(
            (due(Duration::ZERO).await, due(Duration::from_secs(1)).await),
            (0, 1),
            "the removed publications still have rows"
        );
        db.store.clear_messages(vec![kept(channel())], now()).await.unwrap();
        db.raw().await.execute("UPDATE channels SET updated_at = $1", &[&now()]).await.unwrap();
        check().await;
        assert_eq!(
            (due(DAY / 2 - Duration::from_secs(1)).await, due(DAY / 2).await),
            (0, 1),
            "to be forgotten"
        );
        db.store.schedule_channels(Vec::new(), vec![channel()], now()).await.unwrap();
        assert_eq!(
            (due(DAY - Duration::from_secs(1)).await, due(DAY).await),
            (0, 1),
            "its retention is unknown"
        );
    });
}

/// A channel is used once and forgotten, a hundred times. Each time, its offsets grow by [`STEP`]; they do not double.
#[test]
fn the_floor_grows_by_one_step_with_each_generation_of_forgotten_channels() {
    with_db(|db| async move {
        for generation in 0..100 {
            let placed = append(&db.store, vec![message("a")]).await;
            assert_eq!(placed, [Placement::New((generation * STEP + 1).unsigned_abs())]);
            db.empty(&channel()).await;
            assert_eq!(db.forget(&[channel()], 365 * DAY).await, 1);
        }
        assert_eq!(db.floor().await, 100 * STEP);
    });
}

#[test]
fn a_forgotten_channel_below_the_floor_does_not_raise_it() {
    with_db(|db| async move {
        db.raw().await.batch_execute("UPDATE channel_epoch SET floor = 655360").await.unwrap();
        let sql = "INSERT INTO channels (name, top, gone, created_at, updated_at) VALUES ('chat:lobby', 7, 7, $1, $1)";
        db.raw().await.execute(sql, &[&now()]).await.unwrap();
        assert_eq!(db.forget(&[channel()], 365 * DAY).await, 1);
        assert_eq!(db.floor().await, 655_360);
    });
}

#[test]
fn when_a_channel_is_forgotten_at_offset_2_to_the_52_or_more_a_new_epoch_begins_with_small_offsets() {
    with_db(|db| async move {
        for top in [1_i64 << 52, (1 << 53) + 1, i64::MAX] {
            let epoch = async || db.store.open_channel(channel(), ALL, false).await.unwrap().epoch;
            let before = epoch().await;
            let sql = "INSERT INTO channels (name, top, gone, created_at, updated_at)
                       VALUES ('chat:lobby', $1, $1, $2, $2)";
            db.raw().await.execute(sql, &[&top, &now()]).await.unwrap();
            assert_eq!(db.forget(&[channel()], 365 * DAY).await, 1);
            assert_ne!(epoch().await, before);
            assert_eq!(db.floor().await, 0);
            db.raw().await.batch_execute("DELETE FROM channels").await.unwrap();
        }
        assert_eq!(append(&db.store, vec![message("a")]).await, [Placement::New(1)]);
    });
}
