//! A removal deletes exactly the requested publications and no later ones, even if the database carries it out late.

use logic::journal::Placement;
use store::Store;

use super::{ALL, all, append, channel, message, offsets, with_db};
use crate::harness::{DatabaseProxy, eventually};

#[test]
fn removed_publications_are_not_returned_and_offsets_continue() {
    with_db(|db| async move {
        assert_eq!(db.store.remove_messages(channel(), 7).await.unwrap().upto, 0);
        append(&db.store, vec![message("a"), message("b")]).await;
        assert_eq!(db.store.remove_messages(channel(), 7).await.unwrap().upto, 2);
        assert_eq!(all(&db.store).await, []);
        let opened = db.store.open_channel(channel(), ALL, false).await.unwrap();
        assert_eq!((opened.top, opened.newest.len()), (2, 0));
        assert_eq!(append(&db.store, vec![message("c")]).await, [Placement::New(3)]);
        assert_eq!(offsets(&all(&db.store).await), [3]);
    });
}

#[test]
fn a_removal_deletes_up_to_its_offset_and_a_later_one_with_a_smaller_offset_restores_nothing() {
    with_db(|db| async move {
        append(&db.store, (1..=5).map(|n| message(&n.to_string())).collect()).await;
        assert_eq!(db.store.remove_messages(channel(), 3).await.unwrap().upto, 3);
        assert_eq!(offsets(&all(&db.store).await), [4, 5]);
        assert_eq!(db.store.remove_messages(channel(), 1).await.unwrap().upto, 1);
        assert_eq!(offsets(&all(&db.store).await), [4, 5]);
    });
}

/// The row of the channel is locked, so the removal waits in the database while its connection breaks. A publication is
/// committed before the removal is carried out.
#[test]
fn a_removal_that_is_carried_out_late_does_not_delete_later_publications() {
    with_db(|db| async move {
        append(&db.store, vec![message("a"), message("b")]).await;
        let proxy = DatabaseProxy::to(&db.settings);
        let behind = Store::connect(&proxy.database()).unwrap();
        let (mut raw, watching) = (db.raw().await, db.raw().await);
        let holder = raw.transaction().await.unwrap();
        holder.execute("SELECT 1 FROM channels FOR UPDATE", &[]).await.unwrap();
        let removing = tokio::spawn(async move { behind.remove_messages(channel(), 2).await });
        let waiting_removals = async |removals: i64| {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%removed%'
                       AND datname = current_database()";
            eventually("the number of removals that wait", async || {
                watching.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == removals
            })
            .await;
        };
        waiting_removals(1).await;
        proxy.cut();
        removing.await.unwrap().unwrap_err();
        holder
            .batch_execute(
                "UPDATE channels SET top = 3;
                 INSERT INTO channel_messages (channel, seq, data, created_at) SELECT channel, 3, data, created_at
                 FROM channel_messages WHERE seq = 2",
            )
            .await
            .unwrap();
        holder.commit().await.unwrap();
        waiting_removals(0).await;
        eventually("the removal is carried out", async || offsets(&all(&db.store).await) == [3]).await;
        let opened = db.store.open_channel(channel(), ALL, true).await.unwrap();
        assert_eq!((opened.top, opened.whole), (3, true));
    });
}
