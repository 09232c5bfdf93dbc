//! Mails: the SMTP server, the sender, the texts, and the address of the pages that links open.

use std::{path::PathBuf, time::Duration};

use mail::{Sender, SmtpSettings};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    reader::Reader,
    table::{
        MAIL_FROM, MAIL_MAX_AGE_HOURS, MAIL_TEMPLATES_DIR, PUBLIC_URL, SMTP_CA_FILE, SMTP_TIMEOUT_SECONDS,
        SMTP_URL,
    },
    web::WebSettings,
};

/// How mails are sent. `app` opens the files.
#[derive(Clone, Debug)]
pub struct MailSetup {
    /// `SMTP_URL`, `SMTP_TIMEOUT_SECONDS`.
    pub smtp: Option<SmtpSettings>,
    /// `SMTP_CA_FILE`.
    pub authorities: Option<PathBuf>,
    /// `MAIL_FROM`.
    pub from: Sender,
    /// `MAIL_TEMPLATES_DIR`.
    pub templates: Option<PathBuf>,
    /// `MAIL_MAX_AGE_HOURS`.
    pub max_age: Duration,
    /// `PUBLIC_URL`, without a slash at its end.
    pub public_url: Option<String>,
    /// Shows each mail in the terminal, in short. Not an environment variable: `portcullis dev` sets it.
    pub show: Option<fn(&str)>,
}

pub(super) fn mail(read: &mut Reader<'_>, web: &WebSettings, verify: bool) -> MailSetup {
    let smtp = smtp(read, web);
    let authorities = read.path(&SMTP_CA_FILE).map(PathBuf::from);
    if smtp.is_none() && read.production && !read.is_unreadable(SMTP_URL.name) {
        let lost =
            if verify { ", and new accounts wait for an operator (REQUIRE_EMAIL_VERIFICATION)" } else { "" };
        read.warning(format!(
            "SMTP_URL: missing: no mail is sent, so users are not told of sign-ins and cannot choose a new password by themselves{lost}"
        ));
    }
    MailSetup {
        smtp,
        authorities,
        from: from(read, web),
        templates: read.path(&MAIL_TEMPLATES_DIR).map(PathBuf::from),
        max_age: read.duration(&MAIL_MAX_AGE_HOURS),
        public_url: public_url(read),
        show: None,
    }
}

fn smtp(read: &mut Reader<'_>, web: &WebSettings) -> Option<SmtpSettings> {
    let timeout = read.duration(&SMTP_TIMEOUT_SECONDS);
    let given = read.secret_text(&SMTP_URL)?;
    let settings: SmtpSettings = match given.expose_secret().parse() {
        Ok(settings) => settings,
        Err(error) => {
            read.problem(format!("{}: {error}", SMTP_URL.name));
            return None;
        }
    };
    if read.production && settings.is_exposed() {
        read.problem(
            "SMTP_URL: links and passwords would cross the network without encryption: use `smtps://` or `starttls://`",
        );
    }
    let own_name = if web.domain.is_empty() { settings.own_name.clone() } else { web.domain.clone() };
    Some(SmtpSettings { timeout, own_name, ..settings })
}

/// The sender: that of the setting, or `no-reply` at the name of the server.
fn from(read: &mut Reader<'_>, web: &WebSettings) -> Sender {
    let placeholder = || "no-reply@localhost".parse().ok();
    let given = read.parsed(&MAIL_FROM);
    let default = || format!("no-reply@{}", web.domain).parse().ok();
    given.or_else(default).or_else(placeholder).expect("the placeholder is an address")
}

/// The origin of the pages.
fn public_url(read: &mut Reader<'_>) -> Option<String> {
    let given = read.text(&PUBLIC_URL)?;
    let origin = Url::parse(&given).ok().filter(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        ["http", "https"].contains(&url.scheme()) && url.has_host() && url.username().is_empty() && bare
    });
    let Some(origin) = origin else {
        read.problem("PUBLIC_URL: must be `https://`, a host and perhaps a port, and nothing else");
        return None;
    };
    if read.production && origin.scheme() != "https" {
        read.problem("PUBLIC_URL: must begin with `https://`: the pages that links open handle secrets");
    }
    Some(origin.origin().ascii_serialization())
}
