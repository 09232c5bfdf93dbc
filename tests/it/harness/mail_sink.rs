//! An SMTP server of a few lines: it takes mails, refuses them, hangs, or drops connections, and remembers what it has taken.
//!
//! It speaks SMTP over TCP, with TLS from the first byte on, or with STARTTLS. Its certificate is signed by an authority of the
//! tests. It has threads of its own, so that it works while a test waits for a child process.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::{Certificates, eventually, lasting_port, secret_watch};

/// The user and the password that the server asks for. The password has characters that a URL must encode.
const USER: &str = "relay@example.com";
const SMTP_PASSWORD: &str = "p:w/of the relay 7x";

/// How connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpTls {
    Implicit,
    StartTls,
    /// No encryption, and no offer of it.
    None,
}

/// What the server does with mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpMode {
    /// It takes them.
    Takes,
    /// It answers the recipient with this code.
    RefusesRecipient(u16),
    /// It answers the content with this code.
    RefusesContent(u16),
    /// It reads the content and does not answer.
    Hangs,
    /// It takes the content, and ends the connection without an answer.
    TakesAndDrops,
    /// It ends the connection in the middle of the content.
    DropsInContent,
    /// It ends each connection at once.
    Away,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(crate) struct TakenMail {
    pub(crate) recipient: String,
    /// The whole content.
    pub(crate) content: String,
    /// Whether it came over TLS after the right user and password.
    pub(crate) trusted: bool,
}

impl TakenMail {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> String {
        let (head, _) = self.content.split_once("\r\n\r\n").expect("a head");
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let line = unfolded.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    }

    /// The part of this media type, decoded.
    pub(crate) fn part(&self, media: &str) -> String {
        let kind = self.header("content-type");
        let boundary =
            kind.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("parts");
        let (delimiter, kind) = (format!("--{boundary}"), format!("content-type: {media}"));
        let mut parts = self.content.split(&delimiter).skip(1);
        let part = parts.find(|part| part.to_ascii_lowercase().contains(&kind)).expect("the part");
        let (head, body) = part.trim_start().split_once("\r\n\r\n").expect("a head of the part");
        let head = head.to_ascii_lowercase();
        if head.contains("base64") {
            let joined: String = body.split_whitespace().collect();
            return String::from_utf8(STANDARD.decode(joined).expect("base64")).expect("UTF-8");
        }
        if head.contains("quoted-printable") { quoted_printable(body) } else { body.to_owned() }
    }

    /// The URL in the text.
    pub(crate) fn link(&self) -> String {
        let text = self.part("text/plain");
        let link = text.split_whitespace().find(|word| word.contains("#token=")).expect("a link").to_owned();
        secret_watch::note("link of a mail", link.split_once('=').expect("a token").1);
        link
    }
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let (mut bytes, mut rest) = (Vec::new(), joined.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'=').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).expect("UTF-8")
}

struct State {
    mode: SmtpMode,
    taken: Vec<TakenMail>,
    /// Contents that were read, also those that were not taken.
    contents: usize,
}

/// An SMTP server.
pub(crate) struct MailSink {
    address: SocketAddr,
    tls: SmtpTls,
    certificates: Certificates,
    state: Arc<Mutex<State>>,
}

impl MailSink {
    pub(crate) fn start(tls: SmtpTls) -> Self {
        let certificates = Certificates::new();
        let pair = certificates.server("smtp", 5);
        let chain = vec![CertificateDer::from_pem_file(&pair.certificate).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_file(&pair.key).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let config = Arc::new(config.expect("a certificate and its key"));
        let listener = TcpListener::bind(("127.0.0.1", lasting_port())).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { mode: SmtpMode::Takes, taken: Vec::new(), contents: 0 }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, config) = (Arc::clone(&shared), Arc::clone(&config));
                std::thread::spawn(move || serve(stream, tls, &config, &shared));
            }
        });
        secret_watch::note("password of the mail server", SMTP_PASSWORD);
        Self { address, tls, certificates, state }
    }

    /// The URL of the server, with the user and the password, as `SMTP_URL` has it.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.tls {
            SmtpTls::Implicit => "smtps",
            SmtpTls::StartTls => "starttls",
            SmtpTls::None => "smtp",
        };
        let encoded =
            |text: &str| text.replace('@', "%40").replace(':', "%3A").replace('/', "%2F").replace(' ', "%20");
        format!("{scheme}://{}:{}@localhost:{}", encoded(USER), encoded(SMTP_PASSWORD), self.address.port())
    }

    /// The port of the server.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate of the authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.certificates.authority_file()
    }

    /// Does this with mails from now on.
    pub(crate) fn set(&self, mode: SmtpMode) {
        self.state.lock().mode = mode;
    }

    /// The mails that were taken, in their order.
    pub(crate) fn taken(&self) -> Vec<TakenMail> {
        self.state.lock().taken.clone()
    }

    /// How many contents were read, also of mails that were not taken.
    pub(crate) fn contents(&self) -> usize {
        self.state.lock().contents
    }

    /// The mails to this address.
    pub(crate) fn to(&self, address: &str) -> Vec<TakenMail> {
        self.taken().into_iter().filter(|mail| mail.recipient == address).collect()
    }

    /// Waits for the first mail to this address.
    pub(crate) async fn first_to(&self, address: &str) -> TakenMail {
        eventually("a mail", async || !self.to(address).is_empty()).await;
        self.to(address).remove(0)
    }
}

/// A connection, encrypted or not.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn encrypted(tcp: TcpStream, config: &Arc<ServerConfig>) -> Option<Self> {
        let connection = ServerConnection::new(Arc::clone(config)).ok()?;
        Some(Self::Tls(Box::new(StreamOwned::new(connection, tcp))))
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self {
            Self::Plain(tcp) => tcp.read_exact(&mut byte),
            Self::Tls(tls) => tls.read_exact(&mut byte),
        }
        .ok()?;
        Some(byte[0])
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.byte()?);
        }
        line.truncate(line.len() - 2);
        String::from_utf8(line).ok()
    }

    fn say(&mut self, text: &str) -> Option<()> {
        let text = format!("{text}\r\n");
        match self {
            Self::Plain(tcp) => tcp.write_all(text.as_bytes()),
            Self::Tls(tls) => tls.write_all(text.as_bytes()).and_then(|()| tls.flush()),
        }
        .ok()
    }
}

/// The dialogue of one connection. It ends with `None` if the connection ends.
fn serve(tcp: TcpStream, tls: SmtpTls, config: &Arc<ServerConfig>, state: &Mutex<State>) -> Option<()> {
    if state.lock().mode == SmtpMode::Away {
        return None;
    }
    let mut stream = match tls {
        SmtpTls::Implicit => Stream::encrypted(tcp, config)?,
        SmtpTls::StartTls | SmtpTls::None => Stream::Plain(tcp),
    };
    stream.say("220 sink ESMTP")?;
    let (mut recipient, mut signed_in) = (String::new(), false);
    loop {
        let line = stream.line()?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let encrypted = matches!(stream, Stream::Tls(_));
        match verb.as_str() {
            "EHLO" if tls == SmtpTls::StartTls && !encrypted => {
                stream.say("250-sink\r\n250-8BITMIME\r\n250 STARTTLS")?;
            }
            "EHLO" => stream.say("250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")?,
            "STARTTLS" => {
                stream.say("220 go ahead")?;
                let Stream::Plain(tcp) = stream else { return None };
                stream = Stream::encrypted(tcp, config)?;
            }
            "AUTH" => {
                signed_in = is_right(&line);
                stream.say(if signed_in { "235 welcome" } else { "535 wrong" })?;
            }
            "MAIL" => stream.say("250 ok")?,
            "RCPT" => {
                recipient = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                match state.lock().mode {
                    SmtpMode::RefusesRecipient(code) => stream.say(&format!("{code} not this recipient"))?,
                    _ => stream.say("250 ok")?,
                }
            }
            "DATA" => {
                stream.say("354 the content, please")?;
                take(&mut stream, state, &recipient, encrypted && signed_in)?;
            }
            "QUIT" => {
                stream.say("221 bye")?;
                return Some(());
            }
            _ => stream.say("250 ok")?,
        }
    }
}

fn is_right(line: &str) -> bool {
    let expected = STANDARD.encode(format!("\0{USER}\0{SMTP_PASSWORD}"));
    line.split(' ').nth(2) == Some(expected.as_str())
}

/// Reads the content, and answers it.
fn take(stream: &mut Stream, state: &Mutex<State>, recipient: &str, trusted: bool) -> Option<()> {
    let mut content = String::new();
    loop {
        if state.lock().mode == SmtpMode::DropsInContent && content.len() > 200 {
            state.lock().contents += 1;
            return None;
        }
        match stream.line()?.as_str() {
            "." => break,
            line => {
                content.push_str(line.strip_prefix('.').unwrap_or(line));
                content.push_str("\r\n");
            }
        }
    }
    let mail = TakenMail { recipient: recipient.to_owned(), content, trusted };
    let mode = {
        let mut state = state.lock();
        state.contents += 1;
        if matches!(state.mode, SmtpMode::Takes | SmtpMode::TakesAndDrops) {
            state.taken.push(mail);
        }
        state.mode
    };
    match mode {
        SmtpMode::RefusesContent(code) => stream.say(&format!("{code} not this content")),
        SmtpMode::Hangs => {
            while state.lock().mode == SmtpMode::Hangs {
                std::thread::sleep(Duration::from_millis(10));
            }
            None
        }
        SmtpMode::TakesAndDrops => None,
        _ => stream.say("250 taken"),
    }
}
