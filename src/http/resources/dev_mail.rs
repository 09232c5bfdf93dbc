//! `/dev/mail`: the mails of a development server, with their links. Elsewhere these paths are answered with 404.
//!
//! The pages have no scripts and no styles. The HTML of a mail is shown in a frame without any permission.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use service::{Services, ShownMail};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::profile_debug::Development;
use crate::http::{
    extractors::{
        body::{Query, Shape},
        path_id::path_id,
        request_headers::header_value,
    },
    problem::Problem,
};

/// The policy of the pages: nothing but the frame with the mail.
const PAGE_POLICY: &str =
    "default-src 'none'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The policy of the HTML of a mail: its own styles, and nothing else.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'self'; sandbox";
const X_FRAME_OPTIONS: HeaderName = header::X_FRAME_OPTIONS;

/// Which mails to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailboxQuery {
    /// Only mails to this address.
    to: Option<String>,
}

impl Shape for MailboxQuery {
    const FIELDS: &'static str = "to (an e-mail address)";
}

/// A mail with its texts and its link.
#[derive(Serialize, ToSchema)]
#[schema(as = DevelopmentMail)]
pub(crate) struct DevMailView {
    id: Uuid,
    kind: &'static str,
    to: String,
    language: String,
    state: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    subject: String,
    /// The URL of the link.
    link: Option<String>,
    text: String,
    html: String,
}

impl DevMailView {
    fn of(shown: ShownMail) -> Self {
        let ShownMail { mail, composed, link } = shown;
        Self {
            id: mail.id,
            kind: mail.kind.as_str(),
            to: mail.address,
            language: composed.language.to_string(),
            state: mail.state.as_str(),
            created_at: mail.created_at,
            subject: composed.subject,
            link: link.map(|link| link.expose_secret().to_owned()),
            text: composed.text,
            html: composed.html,
        }
    }
}

/// The newest mails.
#[derive(Serialize, ToSchema)]
#[schema(as = DevelopmentMails)]
pub(crate) struct DevMailbox {
    mails: Vec<DevMailView>,
}

/// `GET /dev/mail`: the newest mails, as a page or, with `Accept: application/json`, as JSON.
pub(crate) async fn list(
    _development: Development,
    request: HttpRequest,
    services: web::Data<Services>,
    query: Query<MailboxQuery>,
) -> Result<HttpResponse, Problem> {
    let mails = services.mails.viewer.newest(query.0.to).await?;
    let mails: Vec<_> = mails.into_iter().map(DevMailView::of).collect();
    if wants_json(&request) {
        return Ok(HttpResponse::Ok().json(DevMailbox { mails }));
    }
    let rows: String = mails.iter().map(row).collect();
    let none = if mails.is_empty() { "<p>There is no mail yet.</p>" } else { "" };
    let table = format!(
        "<table border=\"1\" cellpadding=\"6\"><tr><th>Time</th><th>To</th><th>Subject</th><th>State</th></tr>{rows}</table>{none}"
    );
    Ok(page("Mails of this development server", &table))
}

/// `GET /dev/mail/{id}`: a mail as text, and its HTML in a frame.
pub(crate) async fn show(
    _development: Development,
    request: HttpRequest,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let mail = DevMailView::of(services.mails.viewer.one(path_id(&request, "mail")?).await?);
    if wants_json(&request) {
        return Ok(HttpResponse::Ok().json(mail));
    }
    let link = mail.link.as_deref().map(escaped);
    let link = link.map_or_else(String::new, |link| format!("<p>Link: <a href=\"{link}\">{link}</a></p>"));
    let body = format!(
        "<p><a href=\"/dev/mail\">All mails</a></p><p>To {}, {}, {}</p>{link}<h2>Text</h2><pre>{}</pre><h2>HTML</h2>\
         <p><a href=\"/dev/mail/{id}/html\">Alone</a></p><iframe sandbox src=\"/dev/mail/{id}/html\" width=\"640\" height=\"760\" title=\"The mail\"></iframe>",
        escaped(&mail.to),
        escaped(mail.kind),
        escaped(mail.state),
        escaped(&mail.text),
        id = mail.id,
    );
    Ok(page(&mail.subject, &body))
}

/// `GET /dev/mail/{id}/html`: the HTML of a mail.
pub(crate) async fn html(
    _development: Development,
    request: HttpRequest,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let mail = services.mails.viewer.one(path_id(&request, "mail")?).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, MAIL_POLICY))
        .insert_header((X_FRAME_OPTIONS, "SAMEORIGIN"))
        .body(mail.composed.html))
}

fn wants_json(request: &HttpRequest) -> bool {
    header_value(request, &header::ACCEPT).is_some_and(|accept| accept.contains("application/json"))
}

fn row(mail: &DevMailView) -> String {
    let at = mail.created_at;
    format!(
        "<tr><td>{:02}:{:02}:{:02}</td><td>{}</td><td><a href=\"/dev/mail/{}\">{}</a></td><td>{}</td></tr>",
        at.hour(),
        at.minute(),
        at.second(),
        escaped(&mail.to),
        mail.id,
        escaped(&mail.subject),
        mail.state,
    )
}

fn page(title: &str, body: &str) -> HttpResponse {
    let title = escaped(title);
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(text)
}

/// A text in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_an_attribute_or_begin_a_tag() {
        assert_eq!(escaped("<a href=\"'x'&\">"), "&lt;a href=&quot;&#39;x&#39;&amp;&quot;&gt;");
    }
}
