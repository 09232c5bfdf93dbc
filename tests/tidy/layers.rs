//! Allowed dependencies: for each layer, the other layers and the kinds of external crates that it may name.
//!
//! For a layer that is a crate, the compiler permits only the dependencies of its manifest, and the manifest is checked
//! against the table. Layers inside the server's crate are checked by the paths in their code.

use super::{
    references::references,
    workspace::{File, Workspace},
};

/// A layer of the system, with the layers and external crates that it may name.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    /// The places of its files. A file belongs to the layer with the longest path that fits it.
    paths: &'static [&'static str],
    /// Other layers that it may name.
    layers: &'static [&'static str],
    /// Kinds of external crates (see [`KINDS`]) that it may name.
    kinds: &'static [&'static str],
}

/// External crates that only some layers may name, by kind. Every layer may name an external crate that is not listed
/// here.
pub(crate) const KINDS: [(&str, &[&str]); 6] = [
    ("web", &["actix_web", "actix_http", "actix_server", "actix_service", "actix_codec", "actix_tls"]),
    ("websocket", &["actix_web_actors"]),
    ("actors", &["actix", "actix_rt"]),
    ("sql", &["tokio_postgres", "deadpool_postgres", "refinery", "tokio_postgres_rustls"]),
    ("async", &["tokio", "futures_util", "async_trait"]),
    ("client", &["reqwest"]),
];

/// The layers that are crates of their own.
const CORE: &[&str] = &["protocol", "logic", "domain", "actors", "store", "service"];

const COMPOSITION: &[&str] = &[
    "protocol",
    "logic",
    "domain",
    "actors",
    "store",
    "service",
    "config",
    "lifecycle",
    "http",
    "socket",
    "pages",
    "mail",
    "cluster",
    "postgres",
    "process",
    "app",
    "cli",
];

pub(crate) const LAYERS: &[Layer] = &[
    Layer {
        name: "protocol",
        paths: &[
            "protocol/src",
            "actors/src/protocol",
            "actors/src/id.rs",
            "actors/src/close.rs",
            "actors/src/audit.rs",
        ],
        layers: &[],
        kinds: &[],
    },
    Layer { name: "logic", paths: &["actors/src/logic"], layers: &["protocol"], kinds: &[] },
    Layer { name: "domain", paths: &["src/domain"], layers: &["protocol"], kinds: &[] },
    Layer {
        name: "actors",
        paths: &["actors/src"],
        layers: &["protocol", "logic", "domain"],
        kinds: &["actors", "async"],
    },
    Layer {
        name: "store",
        paths: &["src/store"],
        layers: &["protocol", "logic", "domain"],
        kinds: &["sql", "async"],
    },
    Layer {
        name: "service",
        paths: &["src/service"],
        layers: &["protocol", "logic", "domain", "actors", "store", "mail"],
        kinds: &["async", "client"],
    },
    Layer {
        name: "http",
        paths: &["src/http"],
        layers: &["protocol", "logic", "domain", "actors", "service"],
        kinds: &["web", "async"],
    },
    Layer {
        name: "pages",
        paths: &["src/pages"],
        layers: &["protocol", "domain", "actors", "service"],
        kinds: &["web", "async"],
    },
    Layer {
        name: "socket",
        paths: &["src/socket"],
        layers: &["protocol", "logic", "domain", "actors", "service"],
        kinds: &["web", "websocket", "actors", "async"],
    },
    Layer {
        name: "cluster",
        paths: &["src/cluster"],
        layers: &["protocol", "logic", "actors", "store"],
        kinds: &["async"],
    },
    Layer { name: "mail", paths: &["src/mail"], layers: &["domain"], kinds: &["async", "client"] },
    // The settings contain option types of the layers that they configure.
    Layer {
        name: "config",
        paths: &["src/config", "src/config.rs"],
        layers: &["protocol", "logic", "domain", "actors", "store", "service", "socket", "process"],
        kinds: &[],
    },
    // This layer checks that its server answers and creates the database. The store can connect only after that.
    Layer { name: "postgres", paths: &["src/postgres"], layers: &[], kinds: &["sql", "async"] },
    // This layer concerns the process as a whole: its files, secrets, certificates, logs and metrics.
    Layer { name: "process", paths: &["src"], layers: &["domain", "config", "process"], kinds: &[] },
    Layer {
        name: "lifecycle",
        paths: &["src/lifecycle.rs", "src/lifecycle"],
        layers: COMPOSITION,
        kinds: &["web", "actors", "async"],
    },
    Layer {
        name: "app",
        paths: &["src/app", "src/app.rs", "src/lib.rs"],
        layers: COMPOSITION,
        kinds: &["web", "actors", "async"],
    },
    Layer {
        name: "cli",
        paths: &["src/cli", "src/cli.rs", "src/main.rs"],
        layers: COMPOSITION,
        kinds: &["web", "async"],
    },
    Layer {
        name: "loadtest",
        paths: &["loadtest"],
        layers: &["protocol", "logic"],
        kinds: &["async", "client"],
    },
    // Whatever reads what others have written: decoders, headers, addresses of databases, settings.
    Layer { name: "fuzz", paths: &["fuzz"], layers: &["protocol", "logic", "domain", "store"], kinds: &[] },
];

/// The layer of a file.
pub(crate) fn layer_of(file: &str) -> Option<&'static Layer> {
    let lies_in =
        |path: &&str| file == *path || file.strip_prefix(*path).is_some_and(|rest| rest.starts_with('/'));
    let fits = |layer: &Layer| layer.paths.iter().filter(|path| lies_in(path)).map(|path| path.len()).max();
    LAYERS.iter().filter(|layer| fits(layer).is_some()).max_by_key(|layer| fits(layer))
}

/// The layer that a path into another crate leads to. In a crate with several layers, the first module of the path
/// decides.
fn layer_of_crate(path: &[String]) -> Option<&'static str> {
    let name = path.first()?.as_str();
    let below = path.get(1).map(String::as_str);
    match (name, below) {
        ("portcullis_actors", Some("protocol" | "id" | "close" | "audit")) => Some("protocol"),
        ("portcullis_actors", Some("logic")) => Some("logic"),
        ("portcullis_actors", _) => Some("actors"),
        ("portcullis", _) => None,
        _ => CORE.iter().find(|core| **core == name).copied(),
    }
}

/// Every place where a layer names a layer or an external crate that it must not name.
pub(crate) fn violations(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for tree in workspace.crates.iter().flat_map(|found| &found.trees) {
        for reference in references(tree, &workspace.files) {
            let from = &workspace.files[reference.from].path;
            let Some(layer) = layer_of(from) else {
                wrong.push(format!("{from}: no layer says what it may know"));
                continue;
            };
            let line = reference.line;
            let named = match reference.to {
                Some(to) => layer_of(&workspace.files[to].path).map(|layer| layer.name),
                None => layer_of_crate(&reference.path),
            };
            if let Some(named) = named.filter(|named| *named != layer.name && !layer.layers.contains(named)) {
                let path = reference.path.join("::");
                wrong.push(format!("{from}:{line}: {} must not know {named}: {path}", layer.name));
            }
            if reference.to.is_none() {
                let kind = KINDS.iter().find(|(_, crates)| crates.contains(&reference.path[0].as_str()));
                if let Some((kind, _)) = kind.filter(|(kind, _)| !layer.kinds.contains(kind)) {
                    let named = &reference.path[0];
                    wrong.push(format!("{from}:{line}: {} must not know {named} ({kind})", layer.name));
                }
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

/// The dependencies in manifests that the layer of the crate must not have.
pub(crate) fn manifest_violations(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for found in workspace.crates.iter().filter(|found| !found.directory.is_empty()) {
        let manifest = format!("{}/Cargo.toml", found.directory);
        let layer = LAYERS.iter().find(|layer| layer.name == found.name || layer.name == found.directory);
        let Some(layer) = layer else {
            wrong.push(format!("{manifest}: no layer says what it may know"));
            continue;
        };
        for dependency in &found.dependencies {
            let name = dependency.replace('-', "_");
            let is_layer = CORE.contains(&name.as_str()) && !layer.layers.contains(&name.as_str());
            let kind = KINDS.iter().find(|(_, crates)| crates.contains(&name.as_str()));
            let is_kind = kind.is_some_and(|(kind, _)| !layer.kinds.contains(kind));
            if is_layer || is_kind {
                wrong.push(format!("{manifest}: {} must not list {dependency}", layer.name));
            }
        }
    }
    wrong
}

/// Files, without tests, that name `actix_web_actors`, the crate of the deprecated context.
pub(crate) fn naming_the_context(files: &[File]) -> Vec<&str> {
    let ours = files.iter().filter(|file| !file.test && file.source.code.contains("actix_web_actors"));
    ours.map(|file| file.path.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> Vec<String> {
        let name = path.split('/').nth(1).expect("a room");
        let room = format!("mod {name};");
        let rest = path.strip_prefix(&format!("src/{name}/")).expect("a file of a room");
        let sign = format!("mod {};", rest.trim_end_matches(".rs"));
        let lib = format!("{room}\nmod lifecycle;\nmod tls;\nmod app;");
        violations(&Workspace::of(&[
            ("src/lib.rs", &lib),
            (&format!("src/{name}/mod.rs"), &sign),
            (path, code),
            ("src/lifecycle.rs", "pub struct Stop;"),
            ("src/tls.rs", "pub struct Certificate;"),
            ("src/app.rs", "pub struct App;"),
        ]))
    }

    #[test]
    fn what_is_forbidden_is_found() {
        for (file, code) in [
            ("src/http/auth.rs", "use store::Store;"),
            ("src/http/auth.rs", "use domain::role::Role;\nfn f() { store::go() }"),
            ("src/http/auth.rs", "mod tests_of_mine;\n#[cfg(test)]\nmod tests {}\nuse store::Store;"),
            ("src/http/auth.rs", "use crate::app::App;"),
            ("src/socket/pump.rs", "use tokio_postgres::Client;"),
            ("src/socket/pump.rs", "fn f() -> crate::app::App { todo() }"),
            ("src/service/sign_in.rs", "use actix_web::web;"),
            ("src/service/sign_in.rs", "use crate::tls::Certificate;"),
            ("src/store/users.rs", "use service::Services;"),
            ("src/domain/token.rs", "use tokio::time::sleep;"),
            ("src/domain/token.rs", "use actors::Outbox;"),
            ("src/postgres/find.rs", "use crate::lifecycle::Stop;"),
        ] {
            assert_eq!(found(file, code).len(), 1, "{file}: {code}: {:?}", found(file, code));
        }
        for (file, code) in [
            ("src/http/auth.rs", "use service::{Caller, store};\nuse domain::store::X;"),
            ("src/http/auth.rs", "// use store::Store;\n#[cfg(test)]\nuse store::Store;"),
            ("src/socket/pump.rs", "use {service::Caller, tokio::time};"),
            ("src/cli/serve.rs", "use crate::{app::App, lifecycle::Stop, tls::Certificate};"),
        ] {
            assert!(found(file, code).is_empty(), "{file}: {code}: {:?}", found(file, code));
        }
    }

    #[test]
    fn every_place_has_one_layer() {
        for (file, layer) in [
            ("src/http/api/mod.rs", "http"),
            ("src/tls.rs", "process"),
            ("src/store/lib.rs", "store"),
            ("src/config.rs", "config"),
            ("actors/src/logic/lib.rs", "logic"),
            ("actors/src/runtime/mod.rs", "actors"),
            ("src/main.rs", "cli"),
        ] {
            assert_eq!(layer_of(file).map(|layer| layer.name), Some(layer), "{file}");
        }
        assert!(layer_of("elsewhere/src/lib.rs").is_none());
    }

    #[test]
    fn manifests_are_checked() {
        let crates = |name: &str, dependencies: &[&str]| {
            let mut workspace = Workspace::of(&[("src/lib.rs", "")]);
            workspace.crates[0].directory = "src".to_owned();
            workspace.crates[0].name = name.to_owned();
            workspace.crates[0].dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
            manifest_violations(&workspace)
        };
        assert_eq!(crates("store", &["service", "actix-web", "tokio-postgres"]).len(), 2);
        assert_eq!(crates("logic", &["tokio", "domain", "serde"]).len(), 2);
        assert_eq!(crates("service", &["store", "domain", "actors", "reqwest"]).len(), 0);
        assert_eq!(crates("elsewhere", &[]).len(), 1);
    }
}
