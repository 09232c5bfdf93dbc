//! [`ObjectAnchor`]: checkpoints in an object store, one object each. Only `anchor` uses it.
//!
//! The name of an object is `PREFIX/ORIGIN/COUNTDOWN-SIZE.checkpoint`. The countdown falls while the size grows, so a list, which has
//! the order of the names, begins with the newest checkpoint. An object is created and never replaced.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::transparency_log::{checkpoint::Checkpoint, note::NoteVerifier};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    error::AuditLogError,
    object_store::{Created, ObjectStore},
    object_store_settings::ObjectStoreSettings,
    same_checkpoint::require_same,
};

/// How many objects are read at once.
const AT_ONCE: usize = 16;
/// The names in a page of a list, which is the most that stores give.
const PAGE: usize = 1_000;
/// What the names of checkpoints end with.
const SUFFIX: &str = ".checkpoint";

/// The checkpoints below a prefix. Clones are cheap.
#[derive(Clone)]
pub struct ObjectAnchor {
    store: ObjectStore,
    prefix: String,
    /// Whether the store is known to refuse a second object with the name of a first one.
    conditional: Arc<AtomicBool>,
}

impl ObjectAnchor {
    /// The anchor of these settings.
    ///
    /// # Errors
    /// The settings do not fit together, or the file of the authorities cannot be used.
    pub fn open(settings: &ObjectStoreSettings) -> Result<Self, String> {
        let prefix = if settings.prefix.is_empty() { String::new() } else { format!("{}/", settings.prefix) };
        Ok(Self { store: ObjectStore::open(settings)?, prefix, conditional: Arc::default() })
    }

    /// The bucket and the prefix, for messages.
    pub(super) fn place(&self) -> String {
        format!("s3://{}/{}", self.store.bucket(), self.prefix)
    }

    /// Adds a checkpoint. The first one of a size stays.
    ///
    /// # Errors
    /// `Anchor` if the store refuses, or would replace an object; `Diverged` if the anchor has another checkpoint of this size.
    pub(super) async fn add(&self, origin: &str, size: u64, note: &str) -> Result<(), AuditLogError> {
        let name = format!("{}{}", self.folder(origin), object(size));
        if self.store.create(&name, note).await.map_err(AuditLogError::Anchor)? == Created::Before {
            let known = self.store.get(&name).await.map_err(AuditLogError::Anchor)?;
            return require_same(&known, note, size);
        }
        if !self.conditional.load(Ordering::Relaxed) {
            // A store that does not know the condition writes all the same. The same content is written, so nothing is lost.
            if self.store.create(&name, note).await.map_err(AuditLogError::Anchor)? == Created::Now {
                return Err(AuditLogError::Anchor(format!(
                    "{}: the store ignores `If-None-Match: *`, so a checkpoint could be replaced: use a store with conditional writes",
                    self.place()
                )));
            }
            self.conditional.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// All checkpoints, in any order.
    ///
    /// # Errors
    /// The store refuses, or cannot be reached.
    pub(super) async fn notes(&self) -> Result<Vec<String>, AuditLogError> {
        let (mut notes, mut from) = (Vec::new(), None);
        loop {
            let page = self.store.names(&self.prefix, from.as_deref(), PAGE).await;
            let page = page.map_err(AuditLogError::Anchor)?;
            let names = page.names.into_iter().filter(|name| size_in(name).is_some());
            // Each request owns what it needs, so that the job can run on any thread.
            let requests = names.map(|name| {
                let store = self.store.clone();
                async move { store.get(&name).await }
            });
            let read = stream::iter(requests).buffer_unordered(AT_ONCE);
            notes.extend(read.try_collect::<Vec<_>>().await.map_err(AuditLogError::Anchor)?);
            match page.next {
                Some(next) if Some(&next) != from.as_ref() => from = Some(next),
                Some(_) => {
                    return Err(AuditLogError::Anchor(format!("{}: the list repeats a page", self.place())));
                }
                None => return Ok(notes),
            }
        }
    }

    /// The largest checkpoint of this origin, if there is one. Only its object is read.
    ///
    /// # Errors
    /// The store refuses or cannot be reached, the newest checkpoint names this key and is forged, or its object has not the checkpoint
    /// of its name.
    pub(super) async fn newest_of(
        &self,
        origin: &str,
        key: &NoteVerifier,
    ) -> Result<Option<Checkpoint>, AuditLogError> {
        let mut from = None;
        let (name, size) = loop {
            let page = self.store.names(&self.folder(origin), from.as_deref(), AT_ONCE).await;
            let page = page.map_err(AuditLogError::Anchor)?;
            let found = page.names.into_iter().find_map(|name| Some((size_in(&name)?, name)));
            match (found, page.next) {
                (Some((size, name)), _) => break (name, size),
                // Only foreign objects so far.
                (None, Some(next)) => from = Some(next),
                (None, None) => return Ok(None),
            }
        };
        let note = self.store.get(&name).await.map_err(AuditLogError::Anchor)?;
        let newest = Checkpoint::of_some_key(&note, key).map_err(|_| AuditLogError::Diverged { size })?;
        if (newest.origin.as_str(), newest.size) == (origin, size) {
            return Ok(Some(newest));
        }
        Err(AuditLogError::Anchor(format!(
            "s3://{}/{name} has not the checkpoint of its name",
            self.store.bucket()
        )))
    }

    /// What the names of the checkpoints of an origin begin with. Different origins have different folders.
    fn folder(&self, origin: &str) -> String {
        let mut folder = self.prefix.clone();
        for byte in origin.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => folder.push(byte.into()),
                b'/' => folder.push('.'),
                other => {
                    let _ = write!(folder, "~{other:02x}");
                }
            }
        }
        folder.push('/');
        folder
    }
}

/// The last part of the name of a checkpoint of this size.
fn object(size: u64) -> String {
    format!("{:020}-{size}{SUFFIX}", u64::MAX - size)
}

/// The size in the name of an object; `None` if it is not the name of a checkpoint.
fn size_in(name: &str) -> Option<u64> {
    let last = name.rsplit('/').next()?;
    let size = last.strip_suffix(SUFFIX)?.split_once('-')?.1.parse().ok()?;
    (object(size) == last).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_begins_with_the_newest_checkpoint() {
        let sizes = [u64::MAX, 1 << 40, 300, 299, 10, 9, 1, 0];
        let names = sizes.map(object);
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names.map(|name| size_in(&format!("a/b/{name}"))), sizes.map(Some));
    }

    #[test]
    fn foreign_names_are_no_checkpoints() {
        for name in ["", "a", "7.checkpoint", "18446744073709551608-8.checkpoint", "1-x.checkpoint"] {
            assert_eq!(size_in(name), None, "{name}");
        }
        assert_eq!(size_in(&object(7)), Some(7));
        assert_eq!(size_in(&format!("{}x", object(7))), None);
    }

    proptest::proptest! {
        #[test]
        fn different_origins_have_different_folders(one: String, two: String) {
            let settings = ObjectStoreSettings {
                endpoint: "https://s3.example.com".parse().expect("a URL"),
                region: "r".to_owned(),
                bucket: "b".to_owned(),
                prefix: "p".to_owned(),
                virtual_host: false,
                key_id: "k".to_owned(),
                secret: "s".into(),
                authorities: None,
            };
            let anchor = ObjectAnchor::open(&settings).expect("an anchor");
            let (one_folder, two_folder) = (anchor.folder(&one), anchor.folder(&two));
            proptest::prop_assert_eq!(one == two, one_folder == two_folder);
            proptest::prop_assert!(one_folder.starts_with("p/") && one_folder.matches('/').count() == 2);
        }
    }
}
