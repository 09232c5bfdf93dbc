//! The one route table: paths, methods and handlers.
//!
//! Called by `app` and by tests; `route_table` has the form of the table. An unknown path is a 404. An unknown method of a
//! known path is a 405 that names the methods of the path.

use actix_web::{
    App, Error, HttpResponse,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
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
        acme_challenge, admin, attempts, audit_log, auth_status, channel_terms, csrf_token, dev_mail,
        devices, health, jwks, mailed_links, openapi, passkeys, password_strength, personal_data, profile,
        profile_debug, refresh, registration, sessions, sign_in, sign_out, ssf, step_up, two_factor,
        ws_ticket,
    },
    route_table::{
        PathRoutes, RouteGroup, delete, get, get_only, group, list, not_found, patch, path, post, put,
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
    groups().into_iter().for_each(|group| group.add_to(cfg));
    cfg.default_service(web::to(not_found));
}

/// Each method and its path, in the order of the table.
#[must_use]
pub fn route_table() -> Vec<(&'static str, String)> {
    groups().iter().flat_map(RouteGroup::entries).collect()
}

/// The route table.
fn groups() -> Vec<RouteGroup> {
    vec![
        group("/api/v1/auth", auth_routes()),
        group("/api/v1/profile", profile_routes()),
        group("/api/v1/sessions", session_routes()),
        group("/api/v1/devices", device_routes()),
        group("/api/v1/2fa", two_factor_routes()),
        group("/api/v1/webauthn", passkey_routes()),
        group("/api/v1/admin", admin_routes()).with_certificate(),
        group("/api/v1/ssf", ssf_routes()).with_certificate(),
        group("", other_routes()),
    ]
}

fn auth_routes() -> Vec<PathRoutes> {
    vec![
        path("/csrf-token", [get(csrf_token::issue)]),
        path("/register", [post(registration::register)]),
        path("/password-strength", [post(password_strength::judge)]),
        path("/jwt/login", [post(sign_in::login)]),
        path("/login", [post(sign_in::deprecated_login)]),
        path("/2fa/verify", [post(two_factor::verify)]),
        path("/refresh", [post(refresh::refresh)]),
        path("/logout", [post(sign_out::sign_out), delete(sign_out::sign_out)]),
        path("/status", [get(auth_status::show)]),
        path("/step-up", [post(step_up::step_up)]),
        path("/verify-email", [post(mailed_links::verify)]),
        path("/verify-email/resend", [post(mailed_links::resend)]),
        path("/forgot", [post(mailed_links::forgot)]),
        path("/reset", [post(mailed_links::reset)]),
        path("/not-me", [post(mailed_links::not_me)]),
    ]
}

fn profile_routes() -> Vec<PathRoutes> {
    vec![
        path("", [get(profile::show), put(profile::update), delete(personal_data::erase)]),
        path("/export", [get_only(personal_data::export)]),
        path("/password", [post(profile::change_password)]),
        list("/attempts", attempts::list),
        path("/debug", [get(profile_debug::show)]),
    ]
}

fn session_routes() -> Vec<PathRoutes> {
    vec![
        path("", [get(sessions::list), delete(sessions::end_others)]).compressed(),
        path("/{sid}", [delete(sessions::end)]),
    ]
}

fn device_routes() -> Vec<PathRoutes> {
    vec![list("", devices::list), path("/{id}", [patch(devices::change), delete(devices::forget)])]
}

fn two_factor_routes() -> Vec<PathRoutes> {
    vec![
        path("", [get(two_factor::show)]),
        path("/totp", [post(two_factor::begin_totp), delete(two_factor::remove_totp)]),
        path("/totp/confirm", [post(two_factor::confirm_totp)]),
        path("/backup-codes", [post(two_factor::backup_codes)]),
    ]
}

fn passkey_routes() -> Vec<PathRoutes> {
    vec![
        path("/register/begin", [post(passkeys::begin_registration)]),
        path("/register/finish", [post(passkeys::finish_registration)]),
        path("/login/begin", [post(passkeys::begin_login)]),
        path("/login/finish", [post(passkeys::finish_login)]),
        list("/credentials", passkeys::list),
        path("/credentials/{id}", [patch(passkeys::rename), delete(passkeys::remove)]),
    ]
}

/// The routes of operators.
fn admin_routes() -> Vec<PathRoutes> {
    let mut routes = vec![
        path("/revocations", [get(admin::revocations::list), post(admin::revocations::create)]).compressed(),
        list("/revocations/{revocation}", admin::revocations::show),
        list("/revocations/{revocation}/receipt", admin::revocations::receipt),
        list("/attempts", admin::attempts::list),
        list("/attempts/stuffing", admin::attempts::stuffing),
        list("/sessions", admin::sessions::list),
        list("/connections", admin::connections::list),
        list("/settings", admin::settings::list),
        list("/statistics", admin::statistics::read),
        path("/drill", [post(admin::drill::run)]),
        path("/node", [get(admin::node::show)]),
    ];
    routes.extend(admin_user_routes());
    routes.extend(admin_device_routes());
    routes.extend(admin_gate_routes());
    routes.extend(admin_channel_routes());
    routes.extend(admin_audit_routes());
    routes.extend(admin_webhook_routes());
    routes.extend(admin_mail_routes());
    routes
}

/// What operators do with channels and their messages.
fn admin_channel_routes() -> Vec<PathRoutes> {
    vec![
        list("/channels", admin::channels::list),
        list("/channels/subscribers", admin::channels::subscribers),
        list("/channels/history", admin::channels::history),
        path("/channels/messages/remove", [post(admin::channels::remove_message)]),
        path("/channels/messages/erase", [post(admin::channels::erase_messages)]),
    ]
}

/// The routes for operators about addresses, keys of the server API, and issuers.
fn admin_gate_routes() -> Vec<PathRoutes> {
    vec![
        path("/bans", [get(admin::bans::list), post(admin::bans::create)]).compressed(),
        path("/bans/lift", [post(admin::bans::lift)]),
        path("/api-keys", [get(admin::api_keys::list), post(admin::api_keys::create)]).compressed(),
        path("/api-keys/{key}/revoke", [post(admin::api_keys::revoke)]),
        list("/issuers", admin::issuers::list),
    ]
}

fn admin_user_routes() -> Vec<PathRoutes> {
    vec![
        path("/users", [get(admin::users::list), post(admin::users::create)]).compressed(),
        path("/users/{id}", [get(admin::users::show), patch(admin::users::change)]),
        path("/users/{id}/password-reset", [post(admin::users::reset_password)]),
        path("/users/{id}/factor-reset", [post(admin::users::reset_factors)]),
        list("/erasures", admin::erasures::list),
        path("/users/{id}/export", [get_only(admin::erasures::export)]),
        path("/users/{id}/erasure", [post(admin::erasures::request), delete(admin::erasures::cancel)]),
    ]
}

fn admin_device_routes() -> Vec<PathRoutes> {
    vec![
        list("/users/{id}/devices", admin::devices::list),
        path("/users/{id}/devices/{device}", [get(admin::devices::show)]),
        path("/users/{id}/devices/{device}/distrust", [post(admin::devices::distrust)]),
        path("/users/{id}/devices/{device}/forget", [post(admin::devices::forget)]),
    ]
}

fn admin_audit_routes() -> Vec<PathRoutes> {
    vec![
        list("/audit/events", admin::audit::list),
        path("/audit/events/stream", [get_only(admin::audit::follow)]),
        path("/audit/export", [get_only(admin::audit::export)]),
        list("/audit/proofs/inclusion", admin::audit::inclusion),
        list("/audit/proofs/consistency", admin::audit::consistency),
    ]
}

/// Mails to users.
fn admin_mail_routes() -> Vec<PathRoutes> {
    vec![list("/mail", admin::mail::list), path("/mail/{mail}/send-again", [post(admin::mail::send_again)])]
}

/// Webhooks and their deliveries.
fn admin_webhook_routes() -> Vec<PathRoutes> {
    vec![
        path("/webhooks", [get(admin::webhooks::list), post(admin::webhooks::create)]).compressed(),
        path(
            "/webhooks/{webhook}",
            [get(admin::webhooks::show), patch(admin::webhooks::change), delete(admin::webhooks::delete)],
        ),
        path("/webhooks/{webhook}/test", [post(admin::webhooks::test)]),
        list("/webhooks/{webhook}/deliveries", admin::webhooks::deliveries),
        path("/webhooks/{webhook}/replay", [post(admin::webhooks::replay)]),
    ]
}

/// Streams of Security Event Tokens.
fn ssf_routes() -> Vec<PathRoutes> {
    vec![
        path(
            "/streams",
            [get(ssf::show), post(ssf::create), patch(ssf::change), put(ssf::replace), delete(ssf::delete)],
        ),
        path("/status", [get(ssf::status), post(ssf::set_status)]),
        path("/verify", [post(ssf::verify)]),
        path("/poll/{id}", [post(ssf::poll)]),
    ]
}

fn other_routes() -> Vec<PathRoutes> {
    let [own_socket, sdk_socket] = SOCKET_PATHS;
    vec![
        path("/api/{method}", [post(handle)]).compressed().with_certificate(),
        path("/api/v1/ws/ticket", [post(ws_ticket::issue)]),
        path("/api/v1/channels/terms", [get(channel_terms::show)]),
        path("/api/v1/audit/checkpoint", [get(audit_log::checkpoint)]),
        path("/api/v1/audit/key", [get(audit_log::key)]),
        path("/.well-known/ssf-configuration", [get(ssf::configuration)]),
        path("/.well-known/ssf-jwks.json", [get(ssf::key_set)]),
        path("/health", [get(health::live)]),
        path("/health/live", [get(health::live)]),
        path("/health/ready", [get(health::ready)]),
        path("/.well-known/acme-challenge/{token}", [get(acme_challenge::show)]),
        path("/.well-known/jwks.json", [get(jwks::key_set)]),
        path("/openapi.json", [get(openapi::description)]).compressed(),
        path("/dev/mail", [get(dev_mail::list)]),
        path("/dev/mail/{mail}", [get(dev_mail::show)]),
        path("/dev/mail/{mail}/html", [get(dev_mail::html)]),
        path("/docs", [get(openapi::page)]),
        path("/docs/viewer.js", [get(openapi::script)]),
        path("/docs/viewer.css", [get(openapi::style)]),
        path(own_socket, [get_only(upgrade_required)]),
        path(sdk_socket, [get_only(upgrade_required)]),
    ]
}

/// Answers a request without an upgrade on the path of a WebSocket.
async fn upgrade_required() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "This path accepts only WebSockets."))
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
