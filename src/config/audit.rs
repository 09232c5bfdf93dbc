//! The audit log: `AUDIT_SIGNING_KEY`, `AUDIT_ANCHOR` and the settings of its object store. `settings` reads them for the server, and
//! tools read them alone.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use service::{AnchorPlace, AuditLogSettings, ObjectAnchor, ObjectStoreSettings};
use store::DatabaseSettings;
use url::Url;

use super::{
    environment::{Environment, environment},
    error::ConfigError,
    reader::{Command, Reader, SECRET_MIN},
    table::{
        AUDIT_ANCHOR, AUDIT_ANCHOR_CA_FILE, AUDIT_ANCHOR_ENDPOINT, AUDIT_ANCHOR_KEY_ID, AUDIT_ANCHOR_REGION,
        AUDIT_ANCHOR_SECRET, AUDIT_ANCHOR_STYLE, AUDIT_SIGNING_KEY,
    },
    variables::Variables,
};

/// What the place of an anchor in an object store begins with.
const OBJECTS: &str = "s3://";

/// The settings of the audit log for tools.
///
/// # Errors
/// A setting is wrong.
pub fn audit_log_settings(variables: &Variables) -> Result<AuditLogSettings, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    read.production = environment(&mut read) == Environment::Production;
    let settings = audit_log(&mut read);
    read.finish(settings)
}

pub(super) fn audit_log(read: &mut Reader<'_>) -> AuditLogSettings {
    let signing = read.secret(&AUDIT_SIGNING_KEY);
    if let Some(secret) = signing.as_ref().filter(|_| read.production) {
        read.check_strength(AUDIT_SIGNING_KEY.name, secret, SECRET_MIN);
    }
    let anchor = read.secret_text(&AUDIT_ANCHOR);
    let anchor = anchor.and_then(|text| place(read, AUDIT_ANCHOR.name, text.expose_secret()));
    AuditLogSettings { signing, anchor, sequencing: true }
}

/// The anchor that this text names: the URL of a database, the path of a file, or a prefix in an object store, which the settings
/// describe.
///
/// # Errors
/// What is wrong with the text or with the settings.
pub fn anchor_place(variables: &Variables, text: &str) -> Result<AnchorPlace, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    match place(&mut read, "--anchor", text) {
        Some(place) => read.finish(place),
        None => Err(ConfigError { problems: read.problems().to_vec() }),
    }
}

/// The anchor that this text names. `name` is where the text comes from. `None` if there is a problem.
fn place(read: &mut Reader<'_>, name: &str, text: &str) -> Option<AnchorPlace> {
    if let Some(place) = text.strip_prefix(OBJECTS) {
        return objects(read, name, place).map(Box::new).map(AnchorPlace::Objects);
    }
    if !text.contains("://") {
        return Some(AnchorPlace::File(PathBuf::from(text)));
    }
    let database = DatabaseSettings::parse(&text.to_owned().into());
    let database = database.map_err(|error| read.problem(format!("{name}: {error}"))).ok()?;
    Some(AnchorPlace::Database(Box::new(database)))
}

/// The anchor in an object store, at this bucket and prefix.
fn objects(read: &mut Reader<'_>, name: &str, place: &str) -> Option<ObjectAnchor> {
    let (bucket, prefix) =
        bucket_and_prefix(place).map_err(|error| read.problem(format!("{name}: {error}"))).ok()?;
    let region = read.text(&AUDIT_ANCHOR_REGION).unwrap_or_default();
    let endpoint = endpoint(read, &region);
    let virtual_host = read.word(&AUDIT_ANCHOR_STYLE) == "virtual-host";
    let key_id = read.text(&AUDIT_ANCHOR_KEY_ID);
    let secret = read.secret(&AUDIT_ANCHOR_SECRET);
    let authorities = read.path(&AUDIT_ANCHOR_CA_FILE).map(PathBuf::from);
    for (name, is_missing) in
        [(AUDIT_ANCHOR_KEY_ID.name, key_id.is_none()), (AUDIT_ANCHOR_SECRET.name, secret.is_none())]
    {
        if is_missing {
            read.missing(name, format!("{name}: missing, and an anchor in an object store needs it"));
        }
    }
    let (endpoint, key_id, secret): (_, _, SecretString) = (endpoint?, key_id?, secret?);
    let settings =
        ObjectStoreSettings { endpoint, region, bucket, prefix, virtual_host, key_id, secret, authorities };
    ObjectAnchor::open(&settings)
        .map_err(|error| read.problem(format!("{}: {error}", AUDIT_ANCHOR_ENDPOINT.name)))
        .ok()
}

/// The URL of the store. `None` if there is a problem.
fn endpoint(read: &mut Reader<'_>, region: &str) -> Option<Url> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if region.is_empty() || !region.chars().all(is_name) {
        read.problem(format!("{}: a region is a word like us-east-1", AUDIT_ANCHOR_REGION.name));
        return None;
    }
    let text = read.text(&AUDIT_ANCHOR_ENDPOINT);
    let text = text.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let fits = |url: &Url| {
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && bare
    };
    let url = Url::parse(&text).ok().filter(fits);
    if url.is_none() {
        let name = AUDIT_ANCHOR_ENDPOINT.name;
        read.problem(format!("{name}: the URL of an object store is like https://s3.example.com"));
    }
    url
}

/// The bucket and the prefix in `BUCKET/PREFIX`.
fn bucket_and_prefix(place: &str) -> Result<(String, String), &'static str> {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_name) {
        return Err("the name of a bucket has 3 to 63 letters, digits, dots and hyphens");
    }
    let prefix = prefix.trim_matches('/');
    let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(is_name);
    // The names of objects have at most 1,024 bytes, and begin with the prefix.
    if !prefix.is_empty() && (prefix.len() > 512 || !prefix.split('/').all(is_part)) {
        return Err(
            "a prefix has at most 512 letters, digits, dots and hyphens, with slashes between its parts",
        );
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix_have_names_that_need_no_encoding() {
        let read =
            |place: &str| bucket_and_prefix(place).map(|(bucket, prefix)| format!("{bucket}|{prefix}"));
        assert_eq!(read("bucket").as_deref(), Ok("bucket|"));
        assert_eq!(read("my.bucket-1/a/b_c/").as_deref(), Ok("my.bucket-1|a/b_c"));
        for wrong in
            ["", "ab", "a b c", "bucket/..", "bucket/a//b", "bucket/a?b", "bu:cket", "bucket/ä", "b@cket"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
