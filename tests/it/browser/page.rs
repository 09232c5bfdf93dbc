//! The page that the browser opens: one file. Its origin is not that of the server.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const PAGE: &str = include_str!("page.html");

/// Serves the page at every path of `http://localhost:<port>`, until this value is dropped.
pub(super) struct Page {
    port: u16,
    serving: JoinHandle<()>,
}

impl Page {
    pub(super) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Self { port, serving }
    }

    pub(super) fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The URL of the page, with the port of the server that the page calls.
    pub(super) fn url(&self, server: u16) -> String {
        format!("{}/?api=http://localhost:{server}", self.origin())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        // A browser may open a connection in advance and close it unused.
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}
