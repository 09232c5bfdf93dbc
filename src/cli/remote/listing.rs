//! Lists of the server, page by page.

use serde_json::{Map, Value, json};

use super::{http_client::Request, order, signed_in::SignedIn};
use crate::cli::error::CliError;

/// The most entries of a page.
const PAGE: usize = 200;

/// A list, or its beginning.
pub(super) struct Listing {
    pub(super) entries: Vec<Value>,
    /// The cursor of the next page, if there are further entries.
    pub(super) next: Option<String>,
    /// The other fields of the first page.
    rest: Map<String, Value>,
    plural: &'static str,
}

impl Listing {
    /// At most `limit` entries, or all.
    pub(super) async fn read(
        server: &SignedIn,
        request: &Request,
        plural: &'static str,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Self, CliError> {
        let mut listing =
            Self { entries: Vec::new(), next: cursor.map(str::to_owned), rest: Map::new(), plural };
        let mut first = true;
        loop {
            let left = limit.map_or(PAGE, |limit| limit - listing.entries.len());
            let path = order::page(&request.path, left.min(PAGE), listing.next.as_deref());
            let page = server.call(&Request { path, ..request.clone() }).await?;
            let known = listing.next.take();
            listing.add(page, first, server)?;
            first = false;
            let full = limit.is_some_and(|limit| listing.entries.len() >= limit);
            if full || listing.next.is_none() {
                return Ok(listing);
            }
            if listing.next == known {
                return Err(CliError::Failure(format!("{} repeats a page", server.server())));
            }
        }
    }

    /// A list that always has one page.
    pub(super) async fn read_whole(
        server: &SignedIn,
        request: &Request,
        plural: &'static str,
    ) -> Result<Self, CliError> {
        let mut listing = Self { entries: Vec::new(), next: None, rest: Map::new(), plural };
        listing.add(server.call(request).await?, true, server)?;
        Ok(listing)
    }

    fn add(&mut self, page: Value, first: bool, server: &SignedIn) -> Result<(), CliError> {
        let no_list = || CliError::Failure(format!("{} answered without a list", server.server()));
        let Value::Object(mut page) = page else { return Err(no_list()) };
        let Some(Value::Array(entries)) = page.remove(self.plural) else { return Err(no_list()) };
        self.entries.extend(entries);
        self.next = page.remove("next_cursor").and_then(|cursor| cursor.as_str().map(str::to_owned));
        if first {
            self.rest = page;
        }
        Ok(())
    }

    /// The list as one document.
    pub(super) fn json(&self) -> Value {
        let mut document = self.rest.clone();
        document.insert(self.plural.to_owned(), json!(self.entries));
        document.insert("next_cursor".to_owned(), json!(self.next));
        Value::Object(document)
    }
}
