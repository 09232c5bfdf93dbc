//! Tests of the pump over real TCP connections. Simple contexts replace the context of the connection actor.

use std::time::Instant;

use actix_rt::net::{TcpListener, TcpStream};
use actors::runtime::{Outbox, outbox};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{super::inbound::Messages, *};
use crate::socket::connection::deadlines::FLUSH_DEADLINE;

/// A context that sends nothing. Its drop reports the end that its outbox has at this moment. A driver reads the end in the
/// same way.
struct Witness(Outbox, std::sync::mpsc::Sender<Option<ConnectionEnd>>);

impl Stream for Witness {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.end());
    }
}

#[actix_rt::test]
async fn a_dropped_actor_sees_the_end_that_the_pump_declared() {
    type Way = fn(&mut Pump<TcpStream, Witness>);
    let cut = ConnectionEnd::Cut(CloseReason::WriteError.into());
    let ways: [(Way, ConnectionEnd); 2] = [
        (|pump| pump.begin_close(&ConnectionEnd::Cut(CloseReason::WriteError.into())), cut),
        (|pump| pump.on_stream_ended(), ConnectionEnd::Peer),
    ];
    for (way, end) in ways {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (outbox, reader) = outbox(1024, protocol::Encoding::Json);
        let (sender, seen) = std::sync::mpsc::channel();
        let witness = Witness(outbox, sender);
        let mut pump = Pump::new(stream, witness, inbound(), reader, Registration::default(), b"");
        way(&mut pump);
        assert_eq!(seen.try_recv(), Ok(Some(end)));
    }
}

type Silence = stream::Pending<Result<Bytes, Error>>;

struct Peer {
    stream: TcpStream,
    outbox: Outbox,
    pump: actix_rt::task::JoinHandle<()>,
}

async fn peer(limit: usize) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    for half in [&stream, &server] {
        // Small buffers, so that writing to a peer that does not read blocks soon.
        socket2::SockRef::from(half).set_recv_buffer_size(4096).unwrap();
        socket2::SockRef::from(half).set_send_buffer_size(4096).unwrap();
    }
    let (outbox, reader) = outbox(limit, protocol::Encoding::Json);
    let context: Silence = stream::pending();
    let pump = actix_rt::spawn(Pump::new(server, context, inbound(), reader, Registration::default(), b""));
    Peer { stream, outbox, pump }
}

impl Peer {
    async fn read_to_end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).await.map(|_| bytes)
    }

    /// Queues more bytes than fit into the buffers of the kernel, and waits until the pump is blocked, because the peer does
    /// not read.
    async fn stall(&self) {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        while self.outbox.queued_bytes() < 256 * 1024 {
            self.outbox.push(chunk.clone()).unwrap();
            tokio::task::yield_now().await;
        }
    }
}

#[actix_rt::test]
async fn messages_that_are_queued_together_leave_in_one_frame() {
    let mut peer = peer(1024).await;
    peer.outbox.push(Bytes::from_static(b"{\"id\":1}")).unwrap();
    peer.outbox.push(Bytes::from_static(b"{\"id\":2}")).unwrap();
    peer.outbox.close(CloseReason::Expired);
    let bytes = peer.read_to_end().await.unwrap();
    assert!(bytes.starts_with(b"\x81\x11{\"id\":1}\n{\"id\":2}\x88"), "{bytes:?}");
}

#[actix_rt::test]
async fn a_cut_sends_the_close_frame_and_nothing_that_was_queued() {
    let mut peer = peer(1024).await;
    peer.outbox.push(Bytes::from_static(b"secret")).unwrap();
    peer.outbox.cut(CloseReason::SessionRevoked, None);
    let bytes = peer.read_to_end().await.unwrap();
    assert_eq!(bytes, [&b"\x88\x11\x11\x94"[..], b"session revoked"].concat());
    drop(peer.stream);
    peer.pump.await.unwrap();
}

#[actix_rt::test]
async fn a_cut_resets_the_connection_of_a_peer_that_does_not_read() {
    let mut peer = peer(1024 * 1024).await;
    peer.stall().await;
    let cut_at = Instant::now();
    peer.outbox.cut(CloseReason::SessionRevoked, None);
    (&mut peer.pump).await.unwrap();
    assert!(cut_at.elapsed() >= CUT_DEADLINE);
    let error = peer.read_to_end().await.expect_err("a reset is an error, not an end");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[actix_rt::test]
async fn a_peer_with_an_overflowed_queue_receives_the_reason_when_it_reads_again() {
    let mut peer = overflowed().await;
    let bytes = peer.read_to_end().await.unwrap();
    assert!(bytes.ends_with(b"\x88\x06\x0b\xc0slow"), "{} bytes", bytes.len());
    assert!(bytes.len() < 300 * 1024, "queued messages were sent: {} bytes", bytes.len());
    peer.pump.await.unwrap();
}

#[actix_rt::test]
async fn a_cut_does_not_wait_for_a_slow_peer() {
    let peer = overflowed().await;
    let cut_at = Instant::now();
    peer.outbox.cut(CloseReason::SessionRevoked, None);
    peer.pump.await.unwrap();
    assert!(cut_at.elapsed() < WRITE_DEADLINE / 2);
}

/// A peer that does not read, with an overflowed queue.
async fn overflowed() -> Peer {
    let peer = peer(300 * 1024).await;
    peer.stall().await;
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    while peer.outbox.push(chunk.clone()).is_ok() {}
    assert_eq!(peer.outbox.end(), Some(ConnectionEnd::Shed(CloseReason::Slow.into())));
    tokio::task::yield_now().await;
    peer
}

#[actix_rt::test]
async fn a_cut_overtakes_a_close_that_still_flushes() {
    let peer = peer(1024 * 1024).await;
    peer.stall().await;
    peer.outbox.close(CloseReason::Expired);
    tokio::task::yield_now().await;
    let cut_at = Instant::now();
    peer.outbox.cut(CloseReason::SessionRevoked, None);
    peer.pump.await.unwrap();
    assert!(cut_at.elapsed() < FLUSH_DEADLINE);
}

#[actix_rt::test]
async fn a_slow_peer_does_not_prolong_an_orderly_end() {
    let Peer { mut stream, outbox, mut pump } = {
        let peer = peer(1024 * 1024).await;
        peer.stall().await;
        peer
    };
    let closed_at = Instant::now();
    outbox.close(CloseReason::Expired);
    let mut part = [0; 512];
    loop {
        tokio::select! {
            ended = &mut pump => break ended.unwrap(),
            () = actix_rt::time::sleep(Duration::from_millis(100)) => {
                let _ = stream.read(&mut part).await;
            }
        }
    }
    let passed = closed_at.elapsed();
    assert!(passed >= FLUSH_DEADLINE && passed < WRITE_DEADLINE / 2, "{passed:?}");
}

#[actix_rt::test]
async fn code_3000_closes_without_a_close_frame() {
    let mut peer = peer(1024).await;
    peer.outbox.push(Bytes::from_static(b"{\"id\":1}")).unwrap();
    peer.outbox.close(protocol::close::CloseMessage::custom(3000, "connection closed").unwrap());
    assert_eq!(peer.read_to_end().await.unwrap(), b"\x81\x08{\"id\":1}");
}

#[actix_rt::test]
async fn a_peer_that_closes_ends_the_pump_and_the_outbox() {
    let mut peer = peer(1024).await;
    peer.stream.shutdown().await.unwrap();
    (&mut peer.pump).await.unwrap();
    assert!(!peer.outbox.is_open());
}

/// A stream that takes only as many bytes as the test allows.
struct Narrow {
    tcp: TcpStream,
    allowed: std::rc::Rc<std::cell::Cell<usize>>,
    written: std::rc::Rc<std::cell::Cell<usize>>,
}

impl AsyncRead for Narrow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = bytes.len().min(self.allowed.get());
        self.allowed.set(self.allowed.get() - taken);
        self.written.set(self.written.get() + taken);
        if taken > 0 { Poll::Ready(Ok(taken)) } else { Poll::Pending }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl SocketStream for Narrow {
    fn descriptor(&self) -> std::os::fd::BorrowedFd<'_> {
        self.tcp.descriptor()
    }

    fn peer(&self) -> Option<std::net::SocketAddr> {
        self.tcp.peer()
    }
}

#[actix_rt::test]
async fn frames_that_were_taken_for_a_slow_peer_wait_for_the_gate_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (gate, outbox, reader) = actors::runtime::switched_outbox(1024 * 1024, protocol::Encoding::Json);
    let narrow = Narrow { tcp, allowed: std::rc::Rc::default(), written: std::rc::Rc::default() };
    let (allowed, written) = (narrow.allowed.clone(), narrow.written.clone());
    let context: Silence = stream::pending();
    let mut pump = Pump::new(narrow, context, inbound(), reader, Registration::default(), b"");
    let mut poll = |bytes: usize| {
        allowed.set(bytes);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut pump).poll(&mut cx).is_pending());
        (written.get(), pump.deadline.is_some())
    };
    for _ in 0..3 {
        outbox.push(Bytes::from(vec![b'x'; 20_000])).unwrap();
    }
    assert_eq!(poll(10_000), (10_000, true), "the peer is slow");
    gate.close();
    assert_eq!(poll(usize::MAX), (20_004, false), "only the frame that was partly sent");
    assert_eq!(poll(usize::MAX), (20_004, false));
    gate.open();
    assert_eq!(poll(usize::MAX), (3 * 20_004, false));
}

fn inbound() -> Inbound {
    Inbound::new(protocol::Encoding::Json, LIMIT)
}

const LIMIT: usize = 4 * 1024;

/// A context that takes at most 16 messages per poll, like the context of `actix-web-actors`.
struct Taker {
    inbound: Inbound,
    messages: Messages,
    most_held: std::rc::Rc<std::cell::Cell<usize>>,
    taken: std::rc::Rc<std::cell::Cell<usize>>,
}

impl Stream for Taker {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.most_held.set(self.most_held.get().max(self.inbound.held()));
        for _ in 0..16 {
            match Pin::new(&mut self.messages).poll_next(cx) {
                Poll::Ready(message) => assert!(matches!(message, Some(Ok(_))), "{message:?}"),
                Poll::Pending => return Poll::Pending,
            }
            self.taken.set(self.taken.get() + 1);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[actix_rt::test]
async fn the_pump_reads_no_more_until_messages_are_decoded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut flooder = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let (outbox, reader) = outbox(1024, protocol::Encoding::Json);
    let inbound = inbound();
    let (most_held, taken) =
        <(std::rc::Rc<std::cell::Cell<usize>>, std::rc::Rc<std::cell::Cell<usize>>)>::default();
    let context = Taker {
        inbound: inbound.clone(),
        messages: inbound.messages(),
        most_held: most_held.clone(),
        taken: taken.clone(),
    };
    let pump = actix_rt::spawn(Pump::new(server, context, inbound, reader, Registration::default(), b""));
    // A thousand bytes of zeros behind a mask of zeros.
    let frame = [&[0x81, 0xfe, 0x03, 0xe8, 0, 0, 0, 0][..], &[0; 1000]].concat();
    let frames = 8 * 1024;
    flooder.write_all(&frame.repeat(frames)).await.unwrap();
    while taken.get() < frames {
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(most_held.get() <= LIMIT + 139, "{} bytes were waiting to be decoded", most_held.get());
    outbox.close(CloseReason::Expired);
    drop(flooder);
    pump.await.unwrap();
}

#[actix_rt::test]
async fn replies_and_answers_to_pings_leave_while_the_gate_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (gate, outbox, reader) = actors::runtime::switched_outbox(1024, protocol::Encoding::Json);
    let narrow = Narrow { tcp, allowed: std::rc::Rc::default(), written: std::rc::Rc::default() };
    narrow.allowed.set(usize::MAX);
    let (written, inbound) = (narrow.written.clone(), inbound());
    let context = Answerer(inbound.messages());
    let mut pump = Pump::new(narrow, context, inbound.clone(), reader, Registration::default(), b"");
    gate.close();
    outbox.push(Bytes::from_static(b"delivery")).unwrap();
    outbox.push_from_owner(Bytes::from_static(b"reply")).unwrap();
    inbound.feed(&[0x89, 0x80, 0, 0, 0, 0]);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut pump).poll(&mut cx).is_pending());
    assert_eq!((written.get(), pump.unsent.len()), (2 + 125 + 2 + 5, 0));
}

/// A context that answers every message, like an actor that answers pings.
struct Answerer(Messages);

impl Stream for Answerer {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.0).poll_next(cx);
        next.map(|_| Some(Ok(Bytes::from([&[0x8a, 125][..], &[b'p'; 125]].concat()))))
    }
}

#[actix_rt::test]
async fn answers_that_wait_for_a_peer_that_does_not_read_are_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flooder = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    socket2::SockRef::from(&flooder).set_recv_buffer_size(4096).unwrap();
    socket2::SockRef::from(&server).set_send_buffer_size(4096).unwrap();
    let (_outbox, reader) = outbox(1024, protocol::Encoding::Json);
    let inbound = inbound();
    let context = Answerer(inbound.messages());
    let mut pump = Pump::new(server, context, inbound, reader, Registration::default(), b"");
    let pings = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'p'; 125]].concat().repeat(64);
    let (mut sent, mut most) = (0, 0);
    // After some time the kernel's buffers are full, because the server stops reading. Then nothing more can be sent.
    for _ in 0..10_000 {
        sent += flooder.try_write(&pings[sent % pings.len()..]).unwrap_or(0);
        std::future::poll_fn(|cx| {
            assert!(Pin::new(&mut pump).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        most = most.max(pump.unsent.len());
        tokio::task::yield_now().await;
    }
    assert!(sent > 128 * 1024, "the flood was only {sent} bytes");
    // The answers to the bytes of one read come in addition to the limit.
    assert!(most > LIMIT && most <= 3 * LIMIT, "{most} bytes wait for a peer that does not read");
}

#[actix_rt::test]
async fn messages_wait_during_a_pause_and_come_after_it() {
    let inbound = inbound();
    let mut messages = inbound.messages();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    inbound.set_paused(true);
    let count = inbound.room() / 6;
    inbound.feed(&[0x81, 0x80, 0, 0, 0, 0].repeat(count));
    assert!(Pin::new(&mut messages).poll_next(&mut cx).is_pending());
    assert!(inbound.is_drained() && inbound.room() < 6);
    assert!(inbound.set_paused(false) && !inbound.is_drained());
    let mut arrived = 0;
    while let Poll::Ready(message) = Pin::new(&mut messages).poll_next(&mut cx) {
        assert!(matches!(message, Some(Ok(_))), "{message:?}");
        arrived += 1;
    }
    assert_eq!((arrived, inbound.held()), (count, 0));
}

#[actix_rt::test]
async fn during_a_pause_the_pump_reads_only_until_the_reader_is_full() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut flooder = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let (outbox, reader) = outbox(1024, protocol::Encoding::Json);
    let inbound = inbound();
    let (most_held, taken) = Default::default();
    let context = Taker {
        inbound: inbound.clone(),
        messages: inbound.messages(),
        most_held: std::rc::Rc::clone(&most_held),
        taken: std::rc::Rc::clone(&taken),
    };
    inbound.set_paused(true);
    let pump =
        actix_rt::spawn(Pump::new(server, context, inbound.clone(), reader, Registration::default(), b""));
    let frame = [&[0x81, 0xfe, 0x03, 0xe8, 0, 0, 0, 0][..], &[0; 1000]].concat();
    let frames = 16;
    flooder.write_all(&frame.repeat(frames)).await.unwrap();
    while inbound.room() > 0 {
        assert!(outbox.is_open());
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
    // The push wakes the pump, which then has an opportunity to read more.
    outbox.push(Bytes::from_static(b"{}")).unwrap();
    flooder.read_exact(&mut [0; 4]).await.unwrap();
    assert_eq!((taken.get(), outbox.is_open()), (0, true));
    assert!(inbound.held() <= LIMIT + 139, "{} bytes are held", inbound.held());
    assert!(inbound.set_paused(false));
    outbox.push(Bytes::from_static(b"{}")).unwrap();
    while taken.get() < frames {
        assert!(outbox.is_open());
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
    drop(flooder);
    pump.await.unwrap();
}

#[actix_rt::test]
async fn a_refused_frame_is_reported_once() {
    let inbound = inbound();
    let mut messages = inbound.messages();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    inbound.feed(&[0x82]);
    assert!(matches!(Pin::new(&mut messages).poll_next(&mut cx), Poll::Ready(Some(Err(_)))));
    assert!(Pin::new(&mut messages).poll_next(&mut cx).is_pending());
}
