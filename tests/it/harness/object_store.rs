//! [`ObjectStore`]: a store that speaks the protocol of Amazon S3, the program `versitygw`. It verifies every signature, and keeps its
//! objects as files of a directory of the test.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rusty_s3::{
    Bucket, Credentials, S3Action as _, UrlStyle,
    actions::{CreateBucket, PutObject},
};
use service::{AnchorPlace, ObjectAnchor, ObjectStoreSettings};

use super::{Certificates, eventually, lasting_port, scratch_dir, secret_watch};

const KEY_ID: &str = "AKIDOFTESTS";
const SECRET: &str = "a-secret-of-the-object-store-4711";
const REGION: &str = "eu-test-1";
/// The name of the bucket.
pub(crate) const BUCKET: &str = "anchors";

/// A running store with one bucket.
pub(crate) struct ObjectStore {
    child: Child,
    address: SocketAddr,
    certificates: Option<Certificates>,
    directory: tempfile::TempDir,
}

impl ObjectStore {
    /// A store over plain HTTP.
    pub(crate) async fn start() -> Self {
        Self::run(None).await
    }

    /// A store over TLS, with a certificate that only clients of its own authority accept.
    pub(crate) async fn start_with_tls() -> Self {
        Self::run(Some(Certificates::new())).await
    }

    async fn run(certificates: Option<Certificates>) -> Self {
        secret_watch::note("secret of the object store", SECRET);
        let directory = scratch_dir();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, lasting_port()));
        let mut command = Command::new(program());
        command.args(["--port", &address.to_string(), "--quiet", "--region", REGION]);
        command.args(["--virtual-domain", &format!("localhost:{}", address.port())]);
        if let Some(certificates) = &certificates {
            let pair = certificates.server("store", 5);
            command.arg("--cert").arg(pair.certificate).arg("--key").arg(pair.key);
        }
        command.arg("posix").arg("--sidecar");
        for name in ["meta", "data"] {
            let path = directory.path().join(name);
            std::fs::create_dir(&path).expect("a directory");
            command.arg(path);
        }
        let log = std::fs::File::create(directory.path().join("log")).expect("a log");
        command.env("ROOT_ACCESS_KEY", KEY_ID).env("ROOT_SECRET_KEY", SECRET);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the same file")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("versitygw: {error}: run scripts/ensure.sh s3, or set PORTCULLIS_SKIP_S3=1")
        });
        let store = Self { child, address, certificates, directory };
        store.create_bucket().await;
        store
    }

    async fn create_bucket(&self) {
        let endpoint = self.settings("").endpoint;
        let bucket = Bucket::new(endpoint, UrlStyle::Path, BUCKET, REGION).expect("a bucket");
        let credentials = Credentials::new(KEY_ID, SECRET);
        let rest = match &self.certificates {
            Some(certificates) => certificates.rest(),
            None => super::client(),
        };
        let rest = rest.build().expect("a client");
        eventually("the bucket", async || {
            let url = CreateBucket::new(&bucket, &credentials).sign(Duration::from_secs(60));
            rest.put(url).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Puts an object beside this one, without any condition.
    pub(crate) async fn put_beside(&self, object: &Path, name: &str, text: &str) {
        let root = self.directory.path().join("data").join(BUCKET);
        let path = object.with_file_name(name);
        let key = path.strip_prefix(root).expect("an object").to_str().expect("a path in UTF-8");
        let bucket =
            Bucket::new(self.settings("").endpoint, UrlStyle::Path, BUCKET, REGION).expect("a bucket");
        let credentials = Credentials::new(KEY_ID, SECRET);
        let url = PutObject::new(&bucket, Some(&credentials), key).sign(Duration::from_secs(60));
        let rest = super::client().build().expect("a client");
        let answer = rest.put(url).body(text.to_owned()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// The settings of an anchor below this prefix.
    pub(crate) fn settings(&self, prefix: &str) -> ObjectStoreSettings {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        ObjectStoreSettings {
            endpoint: format!("{scheme}://localhost:{}", self.address.port()).parse().expect("a URL"),
            region: REGION.to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            virtual_host: false,
            key_id: KEY_ID.to_owned(),
            secret: SECRET.into(),
            authorities: self.certificates.as_ref().map(Certificates::authority_file),
        }
    }

    /// The anchor below this prefix.
    pub(crate) fn anchor(&self, prefix: &str) -> AnchorPlace {
        anchor(&self.settings(prefix))
    }

    /// The variables of a command that uses this store. The secret is in a file.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let file = self.directory.path().join("secret");
        std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let settings = self.settings("");
        let mut variables = vec![
            ("AUDIT_ANCHOR_ENDPOINT", settings.endpoint.to_string()),
            ("AUDIT_ANCHOR_REGION", settings.region),
            ("AUDIT_ANCHOR_KEY_ID", settings.key_id),
            ("AUDIT_ANCHOR_SECRET_FILE", text(&file)),
        ];
        variables.extend(settings.authorities.map(|path| ("AUDIT_ANCHOR_CA_FILE", text(&path))));
        variables
    }

    /// The files of the objects below this prefix, in the order of their names.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut directories = vec![self.directory.path().join("data").join(BUCKET).join(prefix)];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() { directories.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The anchor of these settings.
pub(crate) fn anchor(settings: &ObjectStoreSettings) -> AnchorPlace {
    AnchorPlace::Objects(Box::new(ObjectAnchor::open(settings).expect("an anchor")))
}

/// Whether the tests with an object store are left out.
pub(crate) fn is_skipped() -> bool {
    std::env::var("PORTCULLIS_SKIP_S3").is_ok_and(|value| value == "1")
}

/// The program, where `scripts/ensure.sh s3` puts it, or else on the path.
fn program() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let of_user = cache.or(home).map(|cache| cache.join("portcullis/tools/versitygw"));
    let places = [Some(PathBuf::from("/var/lib/portcullis/tools/versitygw")), of_user];
    let found = places.into_iter().flatten().find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from("versitygw"))
}
