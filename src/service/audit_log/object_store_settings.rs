//! [`ObjectStoreSettings`]: which bucket of an object store is the anchor, and how it is reached. `config` makes them.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;

/// A bucket of an object store that speaks the protocol of Amazon S3, and a prefix in it.
#[derive(Clone, Debug)]
pub struct ObjectStoreSettings {
    /// The URL of the store, without the bucket.
    pub endpoint: Url,
    /// The region, which is part of each signature.
    pub region: String,
    /// The name of the bucket.
    pub bucket: String,
    /// What the names of the objects begin with; without a slash at its ends. May be empty.
    pub prefix: String,
    /// Whether the name of the bucket is part of the host, not of the path.
    pub virtual_host: bool,
    /// The id of the key that signs requests.
    pub key_id: String,
    /// The secret of this key.
    pub secret: SecretString,
    /// The certificates that may have signed that of the store, in PEM form. Without it, those of the system count.
    pub authorities: Option<PathBuf>,
}
