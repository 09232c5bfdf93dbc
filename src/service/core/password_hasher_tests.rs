//! Tests of the password hasher: its answers and its bounds.

use super::*;

const QUEUE: usize = 8;

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

#[tokio::test]
async fn a_hash_matches_only_its_own_password() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let hash = hasher.hash(secret("correct horse")).await.unwrap();
    let phc = secrecy::ExposeSecret::expose_secret(&hash).to_owned();
    assert!(hasher.verify(&secret("correct horse"), Some(phc.clone())).await.unwrap().ok);
    assert!(!hasher.verify(&secret("battery staple"), Some(phc)).await.unwrap().ok);
}

#[tokio::test]
async fn a_weak_password_is_refused_and_a_strong_password_is_hashed() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let email = || "ada@example.com".to_owned();
    for weak in ["short", "password1234", "ada@example.com"] {
        let refused = hasher.hash_if_strong(secret(weak), email()).await;
        assert!(matches!(refused, Err(Failure::BadRequest { .. })), "{weak}");
    }
    let hash = hasher.hash_if_strong(secret("correct-zebra-lantern-42"), email()).await.unwrap();
    let phc = hash.expose_secret().to_owned();
    assert!(hasher.verify(&secret("correct-zebra-lantern-42"), Some(phc)).await.unwrap().ok);
}

#[tokio::test]
async fn every_password_is_wrong_without_a_usable_hash() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    for phc in [None, Some(String::new()), Some("$argon2id$v=19$m=99999999,t=9,p=9$AA$AA".to_owned())] {
        assert!(!hasher.verify(&secret("password"), phc).await.unwrap().ok);
    }
}

#[tokio::test]
async fn a_user_gets_another_hasher_only_after_the_work_is_done() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let own = hasher.for_user(UserId(1)).unwrap();
    assert!(matches!(hasher.for_user(UserId(1)), Err(Failure::TooMany { .. })));
    hasher.for_user(UserId(2)).unwrap().run(|| ()).await.unwrap();
    let (began, begins) = tokio::sync::oneshot::channel();
    let (ends, end) = std::sync::mpsc::channel::<()>();
    let work = tokio::spawn(async move {
        let work = move || {
            let _ = began.send(());
            let _ = end.recv();
        };
        own.run(work).await
    });
    begins.await.unwrap();
    // The request is dropped; the work continues.
    work.abort();
    assert!(work.await.is_err());
    assert!(matches!(hasher.for_user(UserId(1)), Err(Failure::TooMany { .. })));
    drop(ends);
    while hasher.for_user(UserId(1)).is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn signed_in_users_take_at_most_half_of_the_queue() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let permits = u32::try_from(hasher.permits.available_permits()).unwrap();
    let all = Arc::clone(&hasher.permits).acquire_many_owned(permits).await.unwrap();
    let mut own = (0..QUEUE as i64).map(|user| hasher.for_user(UserId(user)).unwrap());
    let waiting: Vec<_> =
        own.by_ref().take(QUEUE / 2).map(|own| tokio::spawn(async move { own.run(|| ()).await })).collect();
    while hasher.waiting.load(Ordering::Acquire) < QUEUE / 2 {
        tokio::task::yield_now().await;
    }
    let refused = own.next().unwrap().run(|| ()).await;
    assert!(matches!(refused, Err(Failure::Busy { .. })));
    let sign_ins: Vec<_> = (0..QUEUE / 2)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.run(|| ()).await })
        })
        .collect();
    while hasher.waiting.load(Ordering::Acquire) < QUEUE {
        tokio::task::yield_now().await;
    }
    drop(all);
    for done in waiting.into_iter().chain(sign_ins) {
        done.await.unwrap().unwrap();
    }
    assert_eq!(hasher.waiting_users.load(Ordering::Acquire), 0);
}

#[tokio::test]
async fn a_request_beyond_the_queue_is_refused_and_the_queue_recovers() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let permits = u32::try_from(hasher.permits.available_permits()).unwrap();
    let all = Arc::clone(&hasher.permits).acquire_many_owned(permits).await.unwrap();
    let waiting: Vec<_> = (0..QUEUE)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.run(|| ()).await })
        })
        .collect();
    while hasher.waiting.load(Ordering::Acquire) < QUEUE {
        tokio::task::yield_now().await;
    }
    assert!(matches!(hasher.run(|| ()).await, Err(Failure::Busy { .. })));
    drop(all);
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    assert_eq!(hasher.waiting.load(Ordering::Acquire), 0);
    hasher.run(|| ()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_permit_goes_to_the_next_request() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let free = hasher.permits.available_permits();
    let permits = futures_util::future::join_all((0..free).map(|_| hasher.permit())).await;
    let next = tokio::spawn({
        let hasher = hasher.clone();
        async move { hasher.run(|| ()).await }
    });
    while hasher.waiting.load(Ordering::Acquire) == 0 {
        tokio::task::yield_now().await;
    }
    drop(permits);
    next.await.unwrap().unwrap();
    assert_eq!(hasher.permits.available_permits(), free);
}

#[tokio::test]
async fn a_finished_hash_returns_its_permit() {
    let hasher = PasswordHasher::new(Handle::current(), QUEUE);
    let free = hasher.permits.available_permits();
    let permit = hasher.permit().await.unwrap();
    assert_eq!(hasher.permits.available_permits(), free - 1);
    hasher.verify_with(permit, &secret("password"), None).await.unwrap();
    assert_eq!(hasher.permits.available_permits(), free);
}

#[test]
fn hashing_leaves_one_core_free_if_there_are_several() {
    assert_eq!([1, 2, 3, 8].map(at_once), [1, 1, 2, 7]);
}
