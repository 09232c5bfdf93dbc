//! The headers that only pages have. `http::response_headers` adds those that every answer has.

use actix_web::{HttpResponseBuilder, http::header};

/// What a page may do: load scripts, styles and pictures of this server, and talk to this server (`'self'` includes WebSockets).
/// Pictures may be written in the page (`data:`), because the QR code of an authenticator app is a secret that must have no
/// address. `lit-html` is the template library; no other policy may make structure out of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types lit-html";

/// Adds the headers of a page. Caches may keep the page, and ask each time whether it has changed.
pub(super) fn add_page_headers(answer: &mut HttpResponseBuilder) {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
}
