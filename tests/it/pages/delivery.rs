//! How pages and their files are delivered: headers, caching, compression, unknown paths, and the settings of pages.

use reqwest::{Method, StatusCode, header};

use super::Window;
use crate::harness::{Answer, App, Ask, client};

/// Every page that a visitor may open without a session.
const OPEN: [&str; 6] = ["/", "/register", "/verify", "/forgot", "/reset", "/not-me"];

/// The addresses of the files that this page names.
fn files_of(page: &Answer) -> Vec<String> {
    let parts = page.text.split('"').filter(|part| part.starts_with("/assets/"));
    parts.map(str::to_owned).collect()
}

fn header_of(answer: &Answer, name: &header::HeaderName) -> String {
    answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_page_has_a_strict_policy_and_is_revalidated() {
    let app = App::start();
    for path in
        OPEN.into_iter().chain(["/account", "/account/sessions", "/chat", "/console", "/console/users"])
    {
        let page = app.get(path).ask().await.expect(200);
        let policy = header_of(&page, &header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("require-trusted-types-for 'script'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header_of(&page, &header::CACHE_CONTROL), "no-cache", "{path}");
        assert_eq!(header_of(&page, &header::CONTENT_TYPE), "text/html; charset=utf-8", "{path}");
        let tag = header_of(&page, &header::ETAG);
        app.get(path).header(header::IF_NONE_MATCH, tag).ask().await.expect(304);
    }
}

#[tokio::test]
async fn a_file_with_the_current_version_is_cached_for_a_year_and_one_with_another_is_not() {
    let app = App::start();
    let page = app.get("/").ask().await.expect(200);
    let files = files_of(&page);
    assert!(files.len() >= 6, "{files:?}");
    for path in files {
        let file = app.get(&path).ask().await.expect(200);
        assert!(header_of(&file, &header::CACHE_CONTROL).contains("immutable"), "{path}");
    }
    let other = app.get("/assets/0000/lib/rest.js").ask().await.expect(200);
    assert_eq!(header_of(&other, &header::CACHE_CONTROL), "no-cache");
    app.get("/assets/0000/lib/nothing.js").ask().await.expect(404);
    app.get("/assets/0000/sign-in/index.html").ask().await.expect(404);
}

#[tokio::test]
async fn a_file_is_compressed_for_clients_that_accept_it_and_head_has_the_same_headers() {
    let app = App::start();
    let page = app.get("/").ask().await.expect(200);
    let path = files_of(&page).into_iter().find(|path| path.ends_with("lib/rest.js")).expect("the file");
    let plain = app.get(&path).ask().await.expect(200);
    let packed = app.get(&path).header(header::ACCEPT_ENCODING, "gzip").send().await.expect("an answer");
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    assert!(packed.headers().get_all(header::VARY).iter().any(|vary| vary == "accept-encoding"));
    assert!(packed.bytes().await.expect("a body").len() * 2 < plain.text.len());
    let head = app.request(Method::HEAD, &path).ask().await.expect(200);
    assert_eq!(header_of(&head, &header::ETAG), header_of(&plain, &header::ETAG));
    assert_eq!(header_of(&head, &header::CONTENT_LENGTH), plain.text.len().to_string());
    assert!(head.text.is_empty());
}

#[tokio::test]
async fn an_unknown_path_is_a_page_for_browsers_and_a_problem_for_other_clients() {
    let app = App::start();
    let page = app.get("/nowhere").header(header::ACCEPT, "text/html,*/*").ask().await.expect(404);
    assert!(page.text.starts_with("<!doctype html>"));
    for (path, accept) in
        [("/nowhere", "*/*"), ("/api/v1/nowhere", "text/html"), ("/api/nowhere/x", "text/html")]
    {
        let problem = app.get(path).header(header::ACCEPT, accept).ask().await.expect(404);
        assert_eq!(problem.body["code"], "not_found", "{path}");
    }
    let refused = app.post("/").ask().await.expect(405);
    assert_eq!(
        (&refused.body["code"], header_of(&refused, &header::ALLOW).as_str()),
        (&"method_not_allowed".into(), "GET, HEAD")
    );
}

#[tokio::test]
async fn without_pages_their_paths_do_not_exist() {
    let app = App::with(|settings| settings.pages.on = false);
    for path in OPEN {
        app.get(path).header(header::ACCEPT, "text/html").ask().await.expect(404);
    }
    app.get("/health").ask().await.expect(200);
}

#[tokio::test]
async fn a_console_with_a_listener_of_its_own_is_not_on_the_others() {
    let app = App::with(|settings| settings.listen.console = Some(([127, 0, 0, 1], 0).into()));
    app.get("/console").ask().await.expect(404);
    app.get("/console/users").ask().await.expect(404);
    app.get("/").ask().await.expect(200);
    let console = app.console_address();
    let client = client().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let asked = |path: &str| client.get(format!("http://{console}{path}")).send();
    assert_eq!(asked("/console").await.expect("an answer").status(), StatusCode::OK);
    assert_eq!(asked("/").await.expect("an answer").headers()[header::LOCATION], "/console");
    assert_eq!(asked("/api/v1/auth/status").await.expect("an answer").status(), StatusCode::OK);
}

/// Scripts, styles and pictures of the first view, compressed.
#[tokio::test]
async fn the_first_view_is_below_100_kib() {
    let app = App::start();
    let Some(mut window) = Window::on(&app, "/").await else { return };
    window.sees("Forgotten password").await;
    let bytes = window
        .value("performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)")
        .await;
    let bytes = bytes.as_f64().expect("a number");
    assert!((10_000.0..100.0 * 1024.0).contains(&bytes), "{bytes}");
    window.finish().await;
}

#[tokio::test]
async fn a_browser_gets_a_page_that_leads_back_from_an_unknown_path() {
    let app = App::start();
    let Some(mut window) = Window::on(&app, "/nowhere/at/all").await else { return };
    window.sees("There is nothing here").await;
    window.press("Go to the start").await;
    window.arrives_at("/").await;
    window.finish().await;
}
