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
    /// The paths of its files. If the paths of several layers fit a file, the longest path decides.
    paths: &'static [&'static str],
    /// Other layers that it may name.
    layers: &'static [&'static str],
    /// Kinds of external crates (see [`KINDS`]) that it may name.
    kinds: &'static [&'static str],
}

/// External crates that only some layers may name, by kind. Every layer may name an external crate that is not listed here.
pub(crate) const KINDS: [(&str, &[&str]); 6] = [
    ("web", &["actix_web", "actix_http", "actix_server", "actix_service", "actix_codec", "actix_tls"]),
    ("websocket", &["actix_web_actors"]),
    ("actors", &["actix", "actix_rt"]),
    ("sql", &["tokio_postgres", "deadpool_postgres", "refinery", "tokio_postgres_rustls"]),
    ("async", &["tokio", "futures_util", "async_trait"]),
    ("client", &["reqwest"]),
];

/// The layers that are library crates.
const CORE: &[&str] = &["protocol", "logic", "domain", "actors", "store", "mail", "service"];

/// The layers that the composition root, the lifecycle and the command line may name: all except `loadtest` and `fuzz`.
const COMPOSITION: &[&str] = &[
    "protocol",
    "logic",
    "domain",
    "actors",
    "store",
    "mail",
    "service",
    "config",
    "lifecycle",
    "http",
    "socket",
    "pages",
    "postgres",
    "acme",
    "drill",
    "process",
    "app",
    "cli",
];

pub(crate) const LAYERS: &[Layer] = &[
    Layer { name: "protocol", paths: &["protocol/src"], layers: &[], kinds: &[] },
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
    // The texts of mails and their way to an SMTP server.
    Layer { name: "mail", paths: &["src/mail"], layers: &["domain"], kinds: &["async"] },
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
        name: "socket",
        paths: &["src/socket"],
        layers: &["protocol", "logic", "domain", "actors", "service"],
        kinds: &["web", "websocket", "actors", "async"],
    },
    // The pages are files: their scripts get everything else from REST.
    Layer { name: "pages", paths: &["src/pages"], layers: &[], kinds: &["web"] },
    // The settings contain option types of the layers that they configure.
    Layer {
        name: "config",
        paths: &["src/config"],
        layers: &["protocol", "logic", "domain", "actors", "store", "mail", "service", "socket", "process"],
        kinds: &[],
    },
    // This layer checks that the private server answers, and creates its database. The store can connect only after that.
    Layer { name: "postgres", paths: &["src/postgres"], layers: &[], kinds: &["sql", "async"] },
    Layer {
        name: "acme",
        paths: &["src/acme"],
        layers: &["domain", "store", "service", "config", "process"],
        kinds: &["async", "client"],
    },
    // The client of drills uses this node from outside. Of the settings it needs the rule by which a listener is reached.
    Layer {
        name: "drill",
        paths: &["src/drill"],
        layers: &["protocol", "domain", "actors", "service", "config", "process"],
        kinds: &["async", "client"],
    },
    // This layer concerns the process as a whole: its files, secrets, certificates, logs and metrics.
    Layer { name: "process", paths: &["src"], layers: &["domain", "config", "process"], kinds: &[] },
    Layer {
        name: "lifecycle",
        paths: &["src/lifecycle.rs"],
        layers: COMPOSITION,
        kinds: &["web", "actors", "async"],
    },
    Layer {
        name: "app",
        paths: &["src/app", "src/lib.rs"],
        layers: COMPOSITION,
        kinds: &["web", "actors", "async"],
    },
    // Commands against a running server are its clients.
    Layer {
        name: "cli",
        paths: &["src/cli", "src/main.rs"],
        layers: COMPOSITION,
        kinds: &["web", "async", "client"],
    },
    Layer {
        name: "loadtest",
        paths: &["loadtest"],
        layers: &["protocol", "logic"],
        kinds: &["async", "client"],
    },
    // The targets call the code that reads foreign input: decoders, headers, URLs of databases, settings.
    Layer { name: "fuzz", paths: &["fuzz"], layers: &["protocol", "logic", "domain", "store"], kinds: &[] },
];

/// Whether the file is the path, or is in the folder of this path.
fn is_below(path: &str, file: &str) -> bool {
    file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The layer of a file.
pub(crate) fn layer_of(file: &str) -> Option<&'static Layer> {
    let fits =
        |layer: &Layer| layer.paths.iter().filter(|path| is_below(path, file)).map(|path| path.len()).max();
    LAYERS.iter().filter(|layer| fits(layer).is_some()).max_by_key(|layer| fits(layer))
}

/// The layer that a path into another crate leads to.
fn layer_of_crate(path: &[String]) -> Option<&'static str> {
    let name = path.first()?;
    CORE.iter().find(|core| *core == name).copied()
}

/// The parts of the table that lead nowhere: paths without a file, and names of layers that are not in the table.
pub(crate) fn dead_entries(files: &[File]) -> Vec<String> {
    let mut wrong = Vec::new();
    for layer in LAYERS {
        let paths = layer.paths.iter().filter(|path| !files.iter().any(|file| is_below(path, &file.path)));
        wrong.extend(paths.map(|path| format!("{}: there is no file at {path}", layer.name)));
        let named = layer.layers.iter().filter(|named| LAYERS.iter().all(|known| known.name != **named));
        wrong.extend(named.map(|named| format!("{}: there is no layer {named}", layer.name)));
    }
    wrong
}

/// Every place where a layer names a layer or an external crate that it must not name.
pub(crate) fn violations(workspace: &Workspace) -> Vec<String> {
    let mut wrong = Vec::new();
    for tree in workspace.crates.iter().flat_map(|found| &found.trees) {
        for reference in references(tree, &workspace.files) {
            let from = &workspace.files[reference.from].path;
            let Some(layer) = layer_of(from) else {
                wrong.push(format!("{from}: belongs to no layer"));
                continue;
            };
            let line = reference.line;
            let named = match reference.to {
                Some(to) => layer_of(&workspace.files[to].path).map(|layer| layer.name),
                None => layer_of_crate(&reference.path),
            };
            if let Some(named) = named.filter(|named| *named != layer.name && !layer.layers.contains(named)) {
                let path = reference.path.join("::");
                wrong.push(format!("{from}:{line}: {} must not name {named}: {path}", layer.name));
            }
            if reference.to.is_none() {
                let kind = KINDS.iter().find(|(_, crates)| crates.contains(&reference.path[0].as_str()));
                if let Some((kind, _)) = kind.filter(|(kind, _)| !layer.kinds.contains(kind)) {
                    let named = &reference.path[0];
                    wrong.push(format!("{from}:{line}: {} must not name {named} ({kind})", layer.name));
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
            wrong.push(format!("{manifest}: belongs to no layer"));
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

/// The files that name `actix_web_actors`, the crate of the deprecated context. Test code is not searched.
pub(crate) fn naming_the_context(files: &[File]) -> Vec<&str> {
    let ours = files.iter().filter(|file| !file.test && file.source.code.contains("actix_web_actors"));
    ours.map(|file| file.path.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> Vec<String> {
        let name = path.split('/').nth(1).expect("a folder");
        let folder = format!("mod {name};");
        let rest = path.strip_prefix(&format!("src/{name}/")).expect("a file of that folder");
        let parent = format!("mod {};", rest.trim_end_matches(".rs"));
        let lib = format!("{folder}\nmod lifecycle;\nmod tls;\nmod app;");
        violations(&Workspace::of(&[
            ("src/lib.rs", &lib),
            (&format!("src/{name}/mod.rs"), &parent),
            (path, code),
            ("src/lifecycle.rs", "pub struct Stop;"),
            ("src/tls.rs", "pub struct Certificate;"),
            ("src/app/mod.rs", "pub struct App;"),
        ]))
    }

    #[test]
    fn forbidden_dependencies_are_found() {
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
    fn every_file_belongs_to_one_layer() {
        for (file, layer) in [
            ("src/http/api/mod.rs", "http"),
            ("src/tls.rs", "process"),
            ("src/store/lib.rs", "store"),
            ("src/config/mod.rs", "config"),
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
