//! One file as it is served: its content, its compressed form, its media type and its entity tag.

use std::io::Write as _;

use aws_lc_rs::digest;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// In shells, this text stands for the address of the files.
const ASSETS: &str = "{{assets}}";
/// Bytes of a hash in addresses and entity tags. 80 bits do not collide by chance.
const HASH_BYTES: usize = 10;

/// A file as it is served.
#[derive(Clone)]
pub(super) struct File {
    /// The content.
    pub(super) content: Bytes,
    /// The content in gzip, if that is smaller.
    pub(super) gzip: Option<Bytes>,
    /// The value of `Content-Type`.
    pub(super) media: &'static str,
    /// The entity tag of the content, with its quotation marks.
    pub(super) tag: String,
}

impl File {
    /// The file at this path below `web/`. `version` is that of all files; shells contain it.
    pub(super) fn new(path: &str, content: Bytes, version: &str) -> Self {
        let shell = std::str::from_utf8(&content).ok().filter(|_| path.ends_with(".html"));
        let named = shell.map(|text| Bytes::from(text.replace(ASSETS, &format!("/assets/{version}"))));
        let content = named.unwrap_or(content);
        Self { tag: format!("\"{}\"", hash_of(&content)), content, gzip: None, media: media_of(path) }
    }

    /// The same file with its compressed form.
    pub(super) fn compressed(self) -> Self {
        let gzip = gzip(&self.content).filter(|gzip| gzip.len() < self.content.len());
        Self { gzip, ..self }
    }
}

/// The content in gzip, as small as possible.
fn gzip(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    Some(Bytes::from(encoder.finish().ok()?))
}

/// The start of the SHA-256 hash, in hexadecimal.
pub(super) fn hash_of(content: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, content);
    hash.as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// The media type of a path, by its ending. `build.rs` has the same endings.
fn media_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_shell_names_the_files_of_its_version() {
        let file = File::new("chat/index.html", "<link href=\"{{assets}}/a.css\">".into(), "f00d");
        assert_eq!(&file.content[..], b"<link href=\"/assets/f00d/a.css\">");
        assert_eq!(File::new("a.js", "{{assets}}".into(), "f00d").content, "{{assets}}");
    }

    #[test]
    fn the_compressed_form_is_kept_only_if_it_is_smaller() {
        let long = File::new("a.css", "a { color: red }\n".repeat(100).into(), "").compressed();
        let mut unpacked = Vec::new();
        GzDecoder::new(&long.gzip.expect("a compressed form")[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, long.content);
        assert!(File::new("a.css", "a".into(), "").compressed().gzip.is_none());
    }
}
