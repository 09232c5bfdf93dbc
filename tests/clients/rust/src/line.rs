//! The network connection of a client to the server, which a scenario can cut. It forwards bytes and does not interpret
//! them. `talk.rs` uses it.

use std::{io, net::SocketAddr, sync::{Arc, atomic::{AtomicUsize, Ordering}}};

use tokio::{io::copy_bidirectional, net::{TcpListener, TcpStream}, sync::watch, task::JoinHandle};

pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    opened: Arc<AtomicUsize>,
    whole: watch::Sender<bool>,
    answering: JoinHandle<()>,
}

impl Line {
    /// Opens a line to this host and port.
    pub(crate) async fn open(host: String) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, opened) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let (whole, state) = watch::channel(true);
        let answering = tokio::spawn(answer(listener, host, Arc::clone(&opened), state));
        Ok(Self { address, opened, whole, answering })
    }

    /// Cuts the line, as if the network were lost: open connections are closed, and new ones are dropped until the line is
    /// restored.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn restore(&self) {
        self.whole.send_replace(true);
    }

    /// How often a client has connected, or has tried to.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer(listener: TcpListener, host: String, opened: Arc<AtomicUsize>, state: watch::Receiver<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        opened.fetch_add(1, Ordering::SeqCst);
        if *state.borrow() {
            tokio::spawn(forward(near, host.clone(), state.clone()));
        }
    }
}

/// Forwards bytes until either side closes, or the line is cut or dropped.
async fn forward(mut near: TcpStream, host: String, mut state: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(host).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = state.wait_for(|whole| !whole) => {}
    }
}
