//! Tests of denials: a new connection that is denied is refused, and an open one is cut.

use super::*;

fn blocking(id: i64, subject: &str, lifted: bool) -> DenialRecord {
    DenialRecord { id, denial: Denial::User { subject: Subject::new(subject), lifted }, until_ms: None }
}

fn severed_when_cut<'a>(sockets: impl IntoIterator<Item = &'a Socket>) -> impl Future<Output = ()> {
    let sockets: Vec<_> = sockets.into_iter().collect();
    async move {
        eventually(|| sockets.iter().all(|socket| !socket.outbox.is_open())).await;
        sockets.iter().for_each(|socket| socket.reader.sever());
    }
}

#[actix_rt::test]
async fn a_block_cuts_the_users_connections_and_refuses_new_ones_until_it_is_lifted() {
    let f = start(|_| {});
    let (open, other, late) = (socket(), socket(), socket());
    let session = SessionId::random();
    let _held = [
        open.attach_as(&f.realtime, session, identity("ada")).await.unwrap(),
        other.attach_as(&f.realtime, SessionId::random(), identity("bob")).await.unwrap(),
    ];
    let rulings = [blocking(1, "ada", false)];
    let (closed, ()) = tokio::join!(f.realtime.deny(&rulings, 0), severed_when_cut([&open]));
    assert_eq!(closed, CloseCounts { sockets_closed: 1, pending: 0 });
    assert_eq!(open.outbox.end(), Some(ConnectionEnd::Cut(CloseReason::AccountDisabled.into())));
    assert!(other.outbox.is_open());

    let refused = late.attach_as(&f.realtime, session, identity("ada")).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::AccountDisabled)));
    f.realtime.deny(&[blocking(2, "ada", true)], 0).await;
    assert!(socket().attach_as(&f.realtime, session, identity("ada")).await.is_ok());
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_denied_token_cuts_only_the_connections_that_it_opened() {
    let f = start(|_| {});
    let (with, without) = (socket(), socket());
    let session = SessionId::random();
    let mut another = identity("ada");
    another.token.id = Some("another".into());
    let _held = [
        with.attach_as(&f.realtime, session, identity("ada")).await.unwrap(),
        without.attach_as(&f.realtime, session, another).await.unwrap(),
    ];
    let rulings = [DenialRecord { id: 1, denial: Denial::Token { id: "of ada".into() }, until_ms: None }];
    let (closed, ()) = tokio::join!(f.realtime.deny(&rulings, 0), severed_when_cut([&with]));
    assert_eq!(closed.sockets_closed, 1);
    assert!(without.outbox.is_open());
    f.realtime.stop();
}

#[actix_rt::test]
async fn after_a_renewal_only_a_denial_of_the_new_token_cuts_the_connection() {
    let f = start(|_| {});
    let (open, session) = (socket(), SessionId::random());
    let _held = open.attach_as(&f.realtime, session, identity("ada")).await.unwrap();
    let (subject, id) = (Subject::new("ada"), open.connection);
    let token = TokenMark { id: Some("new".into()), issued_at_ms: Some(9_000) };
    f.realtime.renew(session, id, &subject, &token, 0).await.unwrap();
    let revoked =
        |id: i64, jti: &str| DenialRecord { id, denial: Denial::Token { id: jti.into() }, until_ms: None };
    f.realtime.deny(&[revoked(1, "of ada")], 0).await;
    assert!(open.outbox.is_open());
    let rulings = [revoked(2, "new")];
    let (closed, ()) = tokio::join!(f.realtime.deny(&rulings, 0), severed_when_cut([&open]));
    assert_eq!(closed.sockets_closed, 1);
    let refused = f.realtime.renew(session, id, &subject, &token, 0).await.err();
    assert_eq!(refused, Some(AttachError::Closed(CloseReason::SessionRevoked)));
    f.realtime.stop();
}

/// Registrations race with the block of their user. No interleaving may leave a connection open.
#[actix_rt::test]
async fn no_interleaving_of_attach_and_block_leaves_an_open_connection() {
    let f = start(|settings| settings.revoke_wait = Duration::from_millis(500));
    for round in 0..300_u32 {
        let (name, racer) = (format!("user {round}"), socket());
        let attach = async {
            for _ in 0..round % 7 {
                tokio::task::yield_now().await;
            }
            racer.attach_as(&f.realtime, SessionId::random(), identity(&name)).await
        };
        let block = async {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            let rulings = [blocking(i64::from(round), &name, false)];
            tokio::join!(f.realtime.deny(&rulings, 0), severed_when_cut([&racer]))
        };
        let (_attached, _) = tokio::join!(attach, block);
        assert!(!racer.outbox.is_open(), "round {round} left a connection open");
    }
    f.realtime.stop();
}
