//! Names of accounts and entries on the command line become the numbers and ids that the server knows.

use domain::account::account_key::AccountKey;
use form_urlencoded::Serializer;
use serde_json::Value;
use uuid::Uuid;

use super::{
    http_client::Request, listing::Listing, noun::Kind, noun::Verb, order::Values, sentence::Words,
    signed_in::SignedIn,
};
use crate::cli::error::CliError;

/// Replaces the names of accounts and entries by their numbers and ids, and keeps the words for people.
pub(super) async fn resolve(server: &SignedIn, verb: &Verb, values: &mut Values) -> Result<Words, CliError> {
    let mut words = Words::new();
    for parameter in verb.parameters {
        let Some(texts) = values.get_mut(parameter.id) else { continue };
        let typed = texts.join(",");
        for text in texts.iter_mut() {
            *text = match parameter.value {
                Kind::User | Kind::Users => number(server, text).await?,
                Kind::Subject if text.starts_with("email:") => number(server, text).await?,
                Kind::Named(path, plural) => named(server, path, plural, text).await?,
                _ => continue,
            };
        }
        let found = texts.join(",");
        let word = if found == typed { typed } else { format!("{found} ({typed})") };
        words.insert(parameter.id, word);
    }
    Ok(words)
}

/// The number of the account with this name.
///
/// # Errors
/// `Failure` if there is none.
async fn number(server: &SignedIn, name: &str) -> Result<String, CliError> {
    let name = name.trim();
    if let Some(number) = name.strip_prefix("id:") {
        return Ok(number.to_owned());
    }
    let address = match name.strip_prefix("email:") {
        None if name.parse::<i64>().is_ok() => return Ok(name.to_owned()),
        None => name,
        Some(address) => address,
    };
    let mut query = Serializer::new(String::new());
    let request =
        Request::get(&format!("/api/v1/admin/users?{}", query.append_pair("email", address).finish()));
    // The server lists addresses that begin so, in their order, so the address itself is among the first.
    let users = Listing::read(server, &request, "users", Some(200), None).await?.entries;
    let key = AccountKey::of(address);
    let same = |user: &&Value| user["email"].as_str().is_some_and(|email| AccountKey::of(email) == key);
    match users.iter().find(same).and_then(|user| user["id"].as_i64()) {
        Some(id) => Ok(id.to_string()),
        None => Err(CliError::Failure(format!("there is no account with the address `{address}`"))),
    }
}

/// The id of the entry with this id or name.
async fn named(server: &SignedIn, path: &str, plural: &'static str, name: &str) -> Result<String, CliError> {
    if Uuid::try_parse(name).is_ok() {
        return Ok(name.to_owned());
    }
    let request = Request::get(&format!("/api/v1/admin{path}"));
    let entries = Listing::read(server, &request, plural, None, None).await?.entries;
    let found: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["name"] == name)
        .filter_map(|entry| entry["id"].as_str())
        .collect();
    match found[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(CliError::Failure(format!("there is no entry with the name `{name}`"))),
        _ => Err(CliError::Failure(format!("several entries have the name `{name}`: give the id"))),
    }
}
