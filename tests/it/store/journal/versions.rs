//! Versions in the journal: each version is compared with the newest version of the channel, which can be in an earlier message
//! of the same batch.

use logic::version::Version;

use super::*;

fn versioned(number: u64, epoch: &str) -> NewMessage {
    let version = Some(Version { number, epoch: epoch.to_owned() });
    NewMessage { version, ..message(&format!("{number}{epoch}")) }
}

#[test]
fn versions_of_one_batch_are_compared_with_each_other_and_with_earlier_ones() {
    with_db(|db| async move {
        let batch =
            vec![versioned(2, ""), message("plain"), versioned(1, ""), versioned(2, ""), versioned(3, "")];
        let placed = append(&db.store, batch).await;
        let expected = [
            Placement::New(1),
            Placement::New(2),
            Placement::Outdated(2),
            Placement::Outdated(2),
            Placement::New(3),
        ];
        assert_eq!(placed, expected);
        let placed = append(&db.store, vec![versioned(3, ""), versioned(1, "b"), versioned(3, "a")]).await;
        assert_eq!(placed, [Placement::Outdated(3), Placement::New(4), Placement::New(5)]);
        assert_eq!(append(&db.store, vec![versioned(3, "a")]).await, [Placement::Outdated(5)]);
        assert_eq!(offsets(&all(&db.store).await), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn of_sixteen_messages_with_the_same_version_one_is_published() {
    with_db(|db| async move {
        for number in 1..=10 {
            let appenders = (0..16).map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { append(&store, vec![versioned(number, "e")]).await[0] })
            });
            let appenders: Vec<_> = appenders.collect();
            let placed: Vec<_> =
                futures_util::future::join_all(appenders).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(placed.iter().filter(|place| matches!(place, Placement::New(_))).count(), 1);
            assert!(placed.iter().all(|place| place.offset() == number), "{placed:?}");
        }
    });
}

#[test]
fn the_idempotency_key_of_an_outdated_message_is_stored_with_its_answer() {
    with_db(|db| async move {
        append(&db.store, vec![versioned(2, ""), message("x")]).await;
        let old = || NewMessage { idempotency_key: Some("k".to_owned()), ..versioned(1, "") };
        assert_eq!(append(&db.store, vec![old()]).await, [Placement::Outdated(2)]);
        append(&db.store, vec![message("y")]).await;
        assert_eq!(append(&db.store, vec![old()]).await, [Placement::Earlier(2)]);
        assert_eq!(append(&db.store, vec![keyed("z", "k")]).await, [Placement::Earlier(2)]);
    });
}
