//! The form of the route table: groups of paths, and the methods of each path with their handlers.
//!
//! `routes` writes the table, and `configure` there adds it to the application. Because the table is data, tests compare it
//! with the description of the interface. A path answers 405 to every method that it does not have.

use std::borrow::Cow;

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard,
    http::Method,
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{client_certificate, compression::compress, problem::Problem};

/// The handler of a method.
pub(super) struct MethodRoute {
    methods: &'static [&'static str],
    route: Route,
}

/// A path, and the methods that it has.
pub(super) struct PathRoutes {
    path: &'static str,
    routes: Vec<MethodRoute>,
    compressed: bool,
    needs_certificate: bool,
}

/// Paths that begin with the same prefix. An unknown path below the prefix is a 404.
pub(super) struct RouteGroup {
    prefix: &'static str,
    paths: Vec<PathRoutes>,
    needs_certificate: bool,
}

fn method<F, A>(methods: &'static [&'static str], route: Route, handler: F) -> MethodRoute
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    MethodRoute { methods, route: route.to(handler) }
}

/// GET and HEAD. The answer to HEAD is the same without the body.
pub(super) fn get<F, A>(handler: F) -> MethodRoute
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    method(&["GET", "HEAD"], web::route().guard(guard::Any(guard::Get()).or(guard::Head())), handler)
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $method:ident;)*) => {
        $(
            $(#[$doc])*
            pub(super) fn $name<F, A>(handler: F) -> MethodRoute
            where
                F: Handler<A>,
                A: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                method(&[stringify!($method)], web::method(Method::$method), handler)
            }
        )*
    };
}

methods! {
    /// GET without HEAD.
    get_only = GET;
    /// POST.
    post = POST;
    /// PUT.
    put = PUT;
    /// PATCH.
    patch = PATCH;
    /// DELETE.
    delete = DELETE;
}

/// A path with these methods.
pub(super) fn path<const N: usize>(path: &'static str, routes: [MethodRoute; N]) -> PathRoutes {
    PathRoutes { path, routes: routes.into(), compressed: false, needs_certificate: false }
}

/// A list; a long answer is compressed.
pub(super) fn list<F, A>(at: &'static str, handler: F) -> PathRoutes
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    path(at, [get(handler)]).compressed()
}

/// The paths below `prefix`.
pub(super) fn group(prefix: &'static str, paths: Vec<PathRoutes>) -> RouteGroup {
    RouteGroup { prefix, paths, needs_certificate: false }
}

impl PathRoutes {
    /// Long answers are compressed.
    pub(super) fn compressed(self) -> Self {
        Self { compressed: true, ..self }
    }

    /// Requests need a client certificate, if `CLIENT_CA_FILE` is set.
    pub(super) fn with_certificate(self) -> Self {
        Self { needs_certificate: true, ..self }
    }

    fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.routes.iter().flat_map(|route| route.methods).copied()
    }

    fn add_to(self, cfg: &mut ServiceConfig) {
        let allow = self.methods().collect::<Vec<_>>().join(", ");
        let resource =
            self.routes.into_iter().fold(web::resource(self.path), |resource, one| resource.route(one.route));
        let resource = without_other_methods(resource, allow.into());
        match (self.compressed, self.needs_certificate) {
            (false, false) => cfg.service(resource),
            (true, false) => cfg.service(resource.wrap(from_fn(compress))),
            (false, true) => cfg.service(resource.wrap(from_fn(client_certificate::require))),
            (true, true) => {
                let resource = resource.wrap(from_fn(compress));
                cfg.service(resource.wrap(from_fn(client_certificate::require)))
            }
        };
    }
}

/// Answers 405 to the methods that are not in `allow`.
fn without_other_methods(resource: Resource, allow: Cow<'static, str>) -> Resource {
    resource.default_service(web::to(move || {
        let refusal = Problem::method_not_allowed(allow.clone());
        async move { Err::<HttpResponse, _>(refusal) }
    }))
}

impl RouteGroup {
    /// Every request below the prefix needs a client certificate, if `CLIENT_CA_FILE` is set.
    pub(super) fn with_certificate(self) -> Self {
        Self { needs_certificate: true, ..self }
    }

    /// Each method and its whole path, in the order of the table.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.paths.iter().flat_map(|path| {
            let whole = format!("{}{}", self.prefix, path.path);
            path.methods().map(move |method| (method, whole.clone()))
        })
    }

    /// Adds the paths to the application.
    pub(super) fn add_to(self, cfg: &mut ServiceConfig) {
        let add_paths = |cfg: &mut ServiceConfig| self.paths.into_iter().for_each(|path| path.add_to(cfg));
        if self.prefix.is_empty() {
            return add_paths(cfg);
        }
        let scope = web::scope(self.prefix).configure(add_paths).default_service(web::to(not_found));
        if self.needs_certificate {
            cfg.service(scope.wrap(from_fn(client_certificate::require)));
        } else {
            cfg.service(scope);
        }
    }
}

/// The answer to a path that is not in the table.
pub(super) async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}
