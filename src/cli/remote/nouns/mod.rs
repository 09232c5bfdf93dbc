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
pub(super) const NOUNS: [&Noun; 19] = [
    &accounts::USER_NOUN,
    &accounts::DEVICE,
    &accounts::ERASURE,
    &sessions::SESSION,
    &sessions::CONNECTION,
    &sessions::REVOCATION,
    &sessions::DRILL,
    &sessions::RECEIPT,
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
        cli::remote::noun::{Form, Kind, Method, Part, Verb},
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

    /// The words that this schema permits; none if it permits other texts, too.
    fn words(description: &Value, schema: &Value) -> BTreeSet<String> {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return words(description, &description["components"]["schemas"][name]);
        }
        let listed = schema["enum"].as_array().into_iter().flatten();
        let texts = listed.filter_map(Value::as_str).map(str::to_owned);
        let variants = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
        texts.chain(variants.flat_map(|variant| words(description, variant))).collect()
    }

    /// The words of a parameter of the query or a field of the body in the description.
    fn described_words(description: &Value, verb: &Verb, part: Part) -> BTreeSet<String> {
        let (method, path) = (word(verb.method), form(verb.path));
        let paths = description["paths"].as_object().expect("paths");
        let (_, operations) = paths.iter().find(|(known, _)| form(known) == path).expect("a path");
        let operation = &operations[method.to_lowercase()];
        let schema = match part {
            Part::Query(name) => {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let found =
                    parameters.into_iter().find(|found| found["in"] == "query" && found["name"] == name);
                found.map(|found| found["schema"].clone())
            }
            Part::Body(name) => {
                let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
                let schema = body.as_str().and_then(|body| body.rsplit('/').next());
                schema.map(|schema| description["components"]["schemas"][schema]["properties"][name].clone())
            }
            Part::Path | Part::Program => None,
        };
        schema.map(|schema| words(description, &schema)).unwrap_or_default()
    }

    #[test]
    fn a_parameter_with_words_in_the_description_offers_all_of_them_and_no_others() {
        let (description, mut wrong, mut compared) = (description(), Vec::new(), 0);
        for verb in NOUNS.iter().flat_map(|noun| noun.verbs) {
            for parameter in verb.parameters {
                let mut described = described_words(&description, verb, parameter.part);
                // Only the server makes the account of drills.
                described.remove("canary");
                // `--ended` sends one of the two words.
                if described.is_empty() || parameter.form == Form::Flag {
                    continue;
                }
                let Kind::Word(words) = parameter.value else {
                    wrong
                        .push(format!("{} --{}: any text, described {described:?}", verb.path, parameter.id));
                    continue;
                };
                compared += 1;
                let offered: BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).collect();
                if offered != described {
                    wrong.push(format!(
                        "{} --{}: offered {offered:?}, described {described:?}",
                        verb.path, parameter.id
                    ));
                }
            }
        }
        assert!(wrong.is_empty() && compared > 10, "{compared}: {wrong:#?}");
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
