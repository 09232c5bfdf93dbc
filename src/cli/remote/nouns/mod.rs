//! The table of nouns: every command against a server. A test holds it against the description of the interface.

mod accounts;
mod channels;
mod gates;
mod mails;
mod records;
mod sessions;
mod webhooks;

use super::noun::Noun;

/// Every noun, in the order of the help.
pub(super) const NOUNS: [&Noun; 17] = [
    &accounts::USER_NOUN,
    &accounts::DEVICE,
    &accounts::ERASURE,
    &sessions::SESSION,
    &sessions::CONNECTION,
    &sessions::REVOCATION,
    &sessions::ATTEMPT,
    &gates::BAN,
    &gates::KEY,
    &gates::ISSUER,
    &channels::CHANNEL,
    &records::AUDIT,
    &records::STATISTICS,
    &records::SETTINGS,
    &records::NODE,
    &webhooks::WEBHOOK,
    &mails::MAIL,
];

/// The noun with this name.
pub(super) fn noun(name: &str) -> Option<&'static Noun> {
    NOUNS.into_iter().find(|noun| noun.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::{
        cli::remote::noun::{Method, Part},
        http::route_table,
    };

    const PREFIX: &str = "/api/v1/admin";

    fn description() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        serde_json::from_slice(&std::fs::read(path).expect("the description")).expect("JSON")
    }

    /// The path with `{}` in place of the names of its parts.
    fn form(path: &str) -> String {
        let path = if path.starts_with("/api/") { path.to_owned() } else { format!("{PREFIX}{path}") };
        path.split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    fn word(method: Method) -> &'static str {
        match method {
            Method::Get => "GET",
            Method::Post | Method::Create => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    #[test]
    fn every_request_of_operators_has_a_command() {
        let known: BTreeSet<_> = NOUNS
            .iter()
            .flat_map(|noun| noun.verbs)
            .map(|verb| (word(verb.method), form(verb.path)))
            // `audit tail --follow`.
            .chain([("GET", form("/audit/events/stream"))])
            .collect();
        let routes =
            route_table().into_iter().filter(|(method, path)| path.starts_with(PREFIX) && *method != "HEAD");
        let missing: Vec<_> = routes
            .map(|(method, path)| (method, form(&path)))
            .filter(|route| !known.contains(route))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// What the commands of this request offer: parameters of the query with `?` in front, and fields of the body.
    fn offered(method: &str, path: &str) -> BTreeSet<String> {
        let verbs = NOUNS.iter().flat_map(|noun| noun.verbs);
        let verbs = verbs.filter(|verb| word(verb.method) == method && form(verb.path) == path);
        let mut names: BTreeSet<String> = BTreeSet::new();
        for verb in verbs {
            names.extend(verb.parameters.iter().filter_map(|parameter| match parameter.part {
                Part::Query(name) => Some(format!("?{name}")),
                Part::Body(name) => Some(name.to_owned()),
                Part::Path | Part::Program => None,
            }));
            if verb.is_paged() {
                names.extend(["?limit", "?cursor"].map(str::to_owned));
            }
            if verb.path == "/audit/proofs/inclusion" {
                names.insert("?id".to_owned());
            }
        }
        names
    }

    /// What the description has for this request, in the same form.
    fn described(description: &Value, method: &str, path: &str) -> BTreeSet<String> {
        let paths = description["paths"].as_object().expect("paths");
        let (_, operations) = paths.iter().find(|(known, _)| form(known) == path).expect(path);
        let operation = &operations[method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query = parameters.filter(|parameter| parameter["in"] == "query");
        let mut names: BTreeSet<String> =
            query.map(|parameter| format!("?{}", parameter["name"].as_str().expect("a name"))).collect();
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        if let Some(schema) = body.as_str().and_then(|body| body.rsplit('/').next()) {
            let fields = &description["components"]["schemas"][schema]["properties"];
            names.extend(fields.as_object().expect("fields").keys().cloned());
        }
        names
    }

    #[test]
    fn every_parameter_and_field_of_the_description_has_an_option_and_no_option_is_unknown() {
        let (description, mut wrong) = (description(), Vec::new());
        for verb in NOUNS.iter().flat_map(|noun| noun.verbs) {
            let (method, path) = (word(verb.method), form(verb.path));
            let (offered, described) = (offered(method, &path), described(&description, method, &path));
            if offered != described {
                wrong.push(format!("{method} {path}: offered {offered:?}, described {described:?}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
