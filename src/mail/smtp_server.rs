//! The SMTP server, to which mails are handed over. This is the only file that sends mails.
//!
//! Each mail has a connection of its own. The outcome is known when the server has answered the content of the mail; what
//! happens to the connection after that does not matter.

use std::{error::Error as _, sync::Arc, time::Duration};

use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use crate::{
    composer::Composed,
    sender::Sender,
    smtp_settings::{Encryption, SmtpSettings},
};

/// The longest wait for the answer to QUIT, after the mail was taken.
const QUIT_WITHIN: Duration = Duration::from_secs(2);
/// The longest part of a text of the server that is kept.
const LONGEST_ANSWER: usize = 200;

/// A mail was not taken. The reasons are for operators, and have no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// A later attempt may succeed: the server cannot be reached, or has asked to try again.
    #[error("{0}")]
    Temporary(String),
    /// No later attempt can succeed: the server refuses this mail.
    #[error("{0}")]
    Permanent(String),
}

/// The settings of the server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The file of the authorities has no usable certificate.
    #[error("has no usable certificate in PEM form")]
    Authorities,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// The SMTP server. Clones are cheap.
#[derive(Clone)]
pub struct SmtpServer(Arc<Inner>);

struct Inner {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    own_name: ClientId,
}

impl SmtpServer {
    /// The server with these settings. No connection is made.
    ///
    /// # Errors
    /// The certificates of the authorities cannot be used.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::Implicit | Encryption::StartTls => Some(tls(&settings)?),
        };
        let own_name = ClientId::Domain(settings.own_name.clone());
        Ok(Self(Arc::new(Inner { settings, tls, own_name })))
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.settings.timeout
    }

    /// Hands a mail over to the server.
    ///
    /// # Errors
    /// See [`SendError`]. After a time limit or a lost connection, the server may have taken the mail nevertheless.
    pub async fn send(
        &self,
        from: &Sender,
        to: &str,
        message_id: String,
        composed: &Composed,
    ) -> Result<(), SendError> {
        let message = message(from, to, message_id, composed)?;
        let limit = self.0.settings.timeout;
        let sent = timeout(limit, self.deliver(&message)).await;
        let connection = sent.unwrap_or_else(|_| {
            Err(SendError::Temporary(format!("the mail server took longer than {} s", limit.as_secs())))
        })?;
        // The mail is taken. A server that does not answer QUIT changes nothing.
        let _ = timeout(QUIT_WITHIN, close(connection)).await;
        Ok(())
    }

    async fn deliver(&self, message: &Message) -> Result<AsyncSmtpConnection, SendError> {
        let mut connection = self.connect().await?;
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        sent.map(|_| connection).map_err(|error| {
            let refused = error.is_permanent() || error.is_client();
            let reason = described(&error);
            if refused { SendError::Permanent(reason) } else { SendError::Temporary(reason) }
        })
    }

    /// An encrypted connection after the sign-in. Failures here do not concern the mail, so each of them is temporary: an operator
    /// can mend a wrong password.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let Inner { settings, tls, own_name } = &*self.0;
        let temporary = |error: &lettre::transport::smtp::Error| SendError::Temporary(described(error));
        let host = settings.host.trim_matches(['[', ']']);
        let implicit = tls.clone().filter(|_| settings.encryption == Encryption::Implicit);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (host, settings.port),
            Some(settings.timeout),
            own_name,
            implicit,
            None,
        );
        let mut connection = connecting.await.map_err(|error| temporary(&error))?;
        if let (Encryption::StartTls, Some(tls)) = (settings.encryption, tls) {
            connection.starttls(tls.clone(), own_name).await.map_err(|error| temporary(&error))?;
        }
        if let Some((user, password)) = &settings.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let signed_in = connection.auth(&mechanisms, &credentials).await;
            // The texts of some servers repeat the user.
            signed_in.map_err(|error| {
                let code = error.status().map_or_else(String::new, |code| format!(" ({code})"));
                SendError::Temporary(format!("the mail server refuses the user and the password{code}"))
            })?;
        }
        Ok(connection)
    }
}

async fn close(mut connection: AsyncSmtpConnection) {
    connection.abort().await;
}

fn tls(settings: &SmtpSettings) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(settings.host.trim_matches(['[', ']']).to_owned());
    if let Some(pem) = &settings.authorities {
        builder = builder.certificate_store(CertificateStore::None);
        let authority = Certificate::from_pem(pem).map_err(|_| SmtpError::Authorities)?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().map_err(|error| SmtpError::Tls(described(&error)))
}

fn message(from: &Sender, to: &str, message_id: String, composed: &Composed) -> Result<Message, SendError> {
    let wrong = |what: &str| SendError::Permanent(format!("the mail cannot be written: {what}"));
    let to: Address =
        to.parse().map_err(|_| wrong("the address of the recipient has a form that mail does not have"))?;
    let language = header::HeaderValue::new(
        header::HeaderName::new_from_ascii_str("Content-Language"),
        composed.language.to_string(),
    );
    // Programs that answer to mails by themselves must not answer to this one (RFC 3834).
    let automatic = header::HeaderValue::new(
        header::HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    );
    Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(None, to))
        .subject(composed.subject.clone())
        .message_id(Some(message_id))
        .date_now()
        .raw_header(language)
        .raw_header(automatic)
        .multipart(MultiPart::alternative_plain_html(composed.text.clone(), composed.html.clone()))
        .map_err(|_| wrong("it has a form that mail does not have"))
}

/// The failure for operators: the text of the library, which names no secret, and its cause.
fn described(error: &lettre::transport::smtp::Error) -> String {
    let text = match error.source() {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    };
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.chars().take(LONGEST_ANSWER).collect()
}
