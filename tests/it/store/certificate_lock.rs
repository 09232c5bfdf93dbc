//! The lock under which one node at a time orders a certificate.

use super::with_db;

#[test]
fn only_one_node_holds_the_lock_of_a_name_until_it_lets_go() {
    with_db(|db| async move {
        let lock = async |name| db.store.try_lock_certificate(name).await.unwrap();
        let held = lock("a.example.com").await;
        assert!(held.is_some() && lock("a.example.com").await.is_none());
        assert!(lock("b.example.com").await.is_some());
        drop(held);
        crate::harness::eventually("the release", async || lock("a.example.com").await.is_some()).await;
    });
}
