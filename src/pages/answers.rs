//! The requests for pages and their files. GET and HEAD only; nothing here depends on the caller.

use std::fmt;

use actix_web::{
    Error, HttpRequest, HttpResponse, Resource, ResponseError,
    error::ErrorNotFound,
    guard,
    http::{
        Method, StatusCode,
        header::{self, AcceptEncoding, Encoding, Header as _, HeaderName},
    },
    web::{self, ServiceConfig},
};

use super::{
    file::File,
    page_table::{NOT_FOUND, PAGES, Page},
    policy::add_page_headers,
    site::Site,
};

const METHODS: &str = "GET, HEAD";
/// For files whose address contains the hash of their content.
const LASTING: &str = "public, max-age=31536000, immutable";
/// For all other files: the next answer may be another one.
const PASSING: &str = "no-cache";

/// Stored with the connections of the console's own listener (`CONSOLE_ADDR`).
pub struct ConsoleListener;

/// The pages of a server, shared as `web::Data`.
pub struct PageRoutes {
    /// The files.
    pub site: Site,
    /// Whether the console has a listener of its own. The other listeners then do not serve it.
    pub console_apart: bool,
}

/// Adds the routes of pages and files, and answers a browser that asks for an unknown path with a page.
pub fn configure(cfg: &mut ServiceConfig, routes: web::Data<PageRoutes>) {
    cfg.app_data(routes).service(only_reading(web::resource("/assets/{version}/{path:.+}"), asset));
    for page in PAGES {
        let show = move |request: HttpRequest, routes: web::Data<PageRoutes>| async move {
            show(&request, &routes, *page)
        };
        cfg.service(only_reading(web::resource(page.path), show));
    }
    cfg.default_service(web::to(unknown_path));
}

/// A resource with one handler for GET and HEAD, which refuses the other methods with 405.
fn only_reading<F, A>(resource: Resource, handler: F) -> Resource
where
    F: actix_web::Handler<A>,
    A: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let reading = guard::Any(guard::Get()).or(guard::Head());
    resource
        .route(web::route().guard(reading).to(handler))
        .default_service(web::to(|| async { Err::<HttpResponse, _>(OnlyReading) }))
}

/// The refusal of other methods. The middleware of `http` renders it as a problem document, and keeps its header.
#[derive(Debug)]
struct OnlyReading;

impl fmt::Display for OnlyReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither GET nor HEAD")
    }
}

impl ResponseError for OnlyReading {
    fn status_code(&self) -> StatusCode {
        StatusCode::METHOD_NOT_ALLOWED
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, METHODS)).finish()
    }
}

/// `GET /assets/{version}/{path}`. A page of another version of this program, which is still open or comes from another node,
/// gets the file of this version; caches do not keep it.
async fn asset(
    request: HttpRequest,
    routes: web::Data<PageRoutes>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    let (version, path) = path.into_inner();
    let file = routes.site.file(&path).filter(|_| !path.ends_with(".html")).ok_or_else(not_found)?;
    let caching = if routes.site.is_lasting(&version) { LASTING } else { PASSING };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, caching));
    Ok(finish(&request, answer, &file))
}

/// The shell of a page. On the console's own listener, `/` leads to the console.
fn show(request: &HttpRequest, routes: &PageRoutes, page: Page) -> Result<HttpResponse, Error> {
    let on_console_listener = request.conn_data::<ConsoleListener>().is_some();
    if page.console && routes.console_apart && !on_console_listener {
        return unknown(request, routes);
    }
    if page.path == "/" && on_console_listener && request.query_string().is_empty() {
        return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/console")).finish());
    }
    let file = routes.site.file(page.shell).ok_or_else(not_found)?;
    let mut answer = HttpResponse::Ok();
    add_page_headers(&mut answer);
    Ok(finish(request, answer, &file))
}

async fn unknown_path(request: HttpRequest, routes: web::Data<PageRoutes>) -> Result<HttpResponse, Error> {
    unknown(&request, &routes)
}

/// 404: a page if a browser asks for one, and otherwise a problem document.
fn unknown(request: &HttpRequest, routes: &PageRoutes) -> Result<HttpResponse, Error> {
    let shell = routes.site.file(NOT_FOUND).filter(|_| wants_page(request));
    let file = shell.ok_or_else(not_found)?;
    let mut answer = HttpResponse::NotFound();
    add_page_headers(&mut answer);
    Ok(finish(request, answer, &file))
}

/// Whether the request is a browser's navigation. Other clients do not name HTML among the types that they accept.
fn wants_page(request: &HttpRequest) -> bool {
    let accepts = header_text(request, &header::ACCEPT).is_some_and(|types| types.contains("text/html"));
    accepts && [Method::GET, Method::HEAD].contains(request.method()) && !request.path().starts_with("/api/")
}

/// The middleware of `http` renders this error as a problem document.
fn not_found() -> Error {
    ErrorNotFound("no such page or file")
}

/// The answer with this file: compressed if the client accepts that, or 304 if the client has it.
fn finish(request: &HttpRequest, mut answer: actix_web::HttpResponseBuilder, file: &File) -> HttpResponse {
    answer
        .insert_header((header::ETAG, file.tag.as_str()))
        .append_header((header::VARY, header::ACCEPT_ENCODING.as_str()));
    if has(request, &file.tag) {
        return answer.status(StatusCode::NOT_MODIFIED).finish();
    }
    answer.content_type(file.media);
    match file.gzip.clone().filter(|_| accepts_gzip(request)) {
        Some(gzip) => answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(gzip),
        None => answer.body(file.content.clone()),
    }
}

/// Whether the client has the file with this tag. Tags are compared without regard to their weakness (RFC 9110, 13.1.2).
fn has(request: &HttpRequest, tag: &str) -> bool {
    let tags = header_text(request, &header::IF_NONE_MATCH).unwrap_or_default();
    tags.split(',')
        .map(|known| known.trim())
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    let gzip = Encoding::gzip();
    AcceptEncoding::parse(request)
        .is_ok_and(|accepted| accepted.negotiate([&gzip, &Encoding::identity()].into_iter()) == Some(gzip))
}

fn header_text<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
