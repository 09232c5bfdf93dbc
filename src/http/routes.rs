//! The one route table: paths, methods and handlers.
//!
//! Called by `app` and by tests. An unknown path is a 404. An unknown method of a known path is a 405 that names the methods
//! of the path.

use actix_web::{
    App, Error, HttpResponse, Resource, Route,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    http::StatusCode,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use domain::request::SOCKET_PATHS;
use service::Services;

use super::{
    api::handler::handle,
    middleware::middleware,
    problem::Problem,
    resources::{
        admin, attempts, auth_status, csrf_token, devices, health, passkeys, profile, profile_debug, refresh,
        registration, sessions, sign_in, sign_out, step_up, two_factor, ws_ticket,
    },
    settings::HttpSettings,
};

/// The whole REST application: the routes, the middleware around them, and the data that both need.
pub fn app(
    services: web::Data<Services>,
    settings: web::Data<HttpSettings>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>,
> {
    App::new().app_data(services).app_data(settings).wrap(from_fn(middleware)).configure(configure)
}

/// Adds every route. The handlers need `web::Data` of `Services` and `HttpSettings`.
pub fn configure(cfg: &mut ServiceConfig) {
    cfg.service(web::scope("/api/v1/auth").configure(auth_routes).default_service(web::to(not_found)))
        .service(web::scope("/api/v1/profile").configure(profile_routes).default_service(web::to(not_found)))
        .service(web::scope("/api/v1/sessions").configure(session_routes).default_service(web::to(not_found)))
        .service(web::scope("/api/v1/devices").configure(device_routes).default_service(web::to(not_found)))
        .service(web::scope("/api/v1/2fa").configure(two_factor_routes).default_service(web::to(not_found)))
        .service(web::scope("/api/v1/webauthn").configure(passkey_routes).default_service(web::to(not_found)))
        .service(web::scope("/api/v1/admin").configure(admin_routes).default_service(web::to(not_found)))
        .service(only("POST", web::resource("/api/{method}").route(web::post().to(handle))))
        .service(only("POST", web::resource("/api/v1/ws/ticket").route(web::post().to(ws_ticket::issue))))
        .service(only("GET, HEAD", web::resource(["/health", "/health/live"]).route(get().to(health::live))))
        .service(only("GET, HEAD", web::resource("/health/ready").route(get().to(health::ready))))
        .service(only("GET", web::resource(SOCKET_PATHS).route(web::get().to(upgrade_required))))
        .default_service(web::to(not_found));
}

fn auth_routes(cfg: &mut ServiceConfig) {
    cfg.service(only("GET, HEAD", web::resource("/csrf-token").route(get().to(csrf_token::issue))))
        .service(only("POST", web::resource("/register").route(web::post().to(registration::register))))
        .service(only("POST", web::resource("/jwt/login").route(web::post().to(sign_in::login))))
        .service(only("POST", web::resource("/login").route(web::post().to(sign_in::deprecated_login))))
        .service(only("POST", web::resource("/2fa/verify").route(web::post().to(two_factor::verify))))
        .service(only("POST", web::resource("/refresh").route(web::post().to(refresh::refresh))))
        .service(only(
            "POST, DELETE",
            web::resource("/logout")
                .route(web::post().to(sign_out::sign_out))
                .route(web::delete().to(sign_out::sign_out)),
        ))
        .service(only("GET, HEAD", web::resource("/status").route(get().to(auth_status::show))))
        .service(only("POST", web::resource("/step-up").route(web::post().to(step_up::step_up))));
}

fn profile_routes(cfg: &mut ServiceConfig) {
    cfg.service(only(
        "GET, HEAD, PUT",
        web::resource("").route(get().to(profile::show)).route(web::put().to(profile::update)),
    ))
    .service(only("POST", web::resource("/password").route(web::post().to(profile::change_password))))
    .service(only("GET, HEAD", web::resource("/attempts").route(get().to(attempts::list))))
    .service(only("GET, HEAD", web::resource("/debug").route(get().to(profile_debug::show))));
}

fn session_routes(cfg: &mut ServiceConfig) {
    cfg.service(only(
        "GET, HEAD, DELETE",
        web::resource("").route(get().to(sessions::list)).route(web::delete().to(sessions::end_others)),
    ))
    .service(only("DELETE", web::resource("/{sid}").route(web::delete().to(sessions::end))));
}

fn device_routes(cfg: &mut ServiceConfig) {
    cfg.service(only("GET, HEAD", web::resource("").route(get().to(devices::list)))).service(only(
        "PATCH, DELETE",
        web::resource("/{id}")
            .route(web::patch().to(devices::change))
            .route(web::delete().to(devices::forget)),
    ));
}

fn two_factor_routes(cfg: &mut ServiceConfig) {
    cfg.service(only("GET, HEAD", web::resource("").route(get().to(two_factor::show))))
        .service(only(
            "POST, DELETE",
            web::resource("/totp")
                .route(web::post().to(two_factor::begin_totp))
                .route(web::delete().to(two_factor::remove_totp)),
        ))
        .service(only("POST", web::resource("/totp/confirm").route(web::post().to(two_factor::confirm_totp))))
        .service(only(
            "POST",
            web::resource("/backup-codes").route(web::post().to(two_factor::backup_codes)),
        ));
}

fn passkey_routes(cfg: &mut ServiceConfig) {
    let post = web::post;
    cfg.service(only(
        "POST",
        web::resource("/register/begin").route(post().to(passkeys::begin_registration)),
    ))
    .service(only("POST", web::resource("/register/finish").route(post().to(passkeys::finish_registration))))
    .service(only("POST", web::resource("/login/begin").route(post().to(passkeys::begin_login))))
    .service(only("POST", web::resource("/login/finish").route(post().to(passkeys::finish_login))))
    .service(only("GET, HEAD", web::resource("/credentials").route(get().to(passkeys::list))))
    .service(only(
        "PATCH, DELETE",
        web::resource("/credentials/{id}")
            .route(web::patch().to(passkeys::rename))
            .route(web::delete().to(passkeys::remove)),
    ));
}

fn admin_routes(cfg: &mut ServiceConfig) {
    cfg.service(only("POST", web::resource("/revocations").route(web::post().to(admin::revoke))))
        .service(only("GET, HEAD", web::resource("/sessions").route(get().to(admin::sessions))))
        .service(only("GET, HEAD", web::resource("/connections").route(get().to(admin::connections))));
}

/// A route for GET and HEAD. The answer to HEAD is the same without the body.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Adds a 405 for the methods that are not in `allow`.
fn only(allow: &'static str, resource: Resource) -> Resource {
    resource.default_service(web::to(move || async move {
        Err::<HttpResponse, _>(Problem::method_not_allowed(allow))
    }))
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}

/// Answers a request for a socket path that does not ask for an upgrade.
async fn upgrade_required() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "This path speaks WebSocket only."))
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
