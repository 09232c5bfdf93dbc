//! The description of the interface: `/openapi.json`, and a viewer of it at `/docs`. Both are public.
//!
//! The viewer is a page with one script and one file of styles, which the program contains. Its policy permits nothing from
//! other hosts, and no code or style in the page itself.

use actix_web::{HttpRequest, HttpResponse, http::header};

use crate::http::{extractors::request_headers::header_value, openapi::document::served};

/// The policy of the viewer. Without Trusted Types, a text of the document could become a part of the page's structure.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// Caches may keep the files, and ask each time whether they have changed.
const REVALIDATE: &str = "no-cache";

/// `GET /openapi.json`. 304 if the client has this document.
pub(crate) async fn description(request: HttpRequest) -> HttpResponse {
    let served = served();
    let known = header_value(&request, &header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == served.etag || tag.trim() == "*"));
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::ETAG, served.etag.as_str()))
        .insert_header((header::CACHE_CONTROL, REVALIDATE));
    if known { answer.finish() } else { answer.content_type("application/json").body(served.body.clone()) }
}

/// `GET /docs`.
pub(crate) async fn page() -> HttpResponse {
    file("text/html; charset=utf-8", include_str!("../viewer/page.html"))
}

/// `GET /docs/viewer.js`.
pub(crate) async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("../viewer/viewer.js"))
}

/// `GET /docs/viewer.css`.
pub(crate) async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("../viewer/viewer.css"))
}

fn file(media: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, REVALIDATE))
        .body(content)
}
