//! Lists that clients read page by page: the requested page and the returned page.
//!
//! The use cases of lists call this. `cursor` has the forms of cursors; the store reads the entries.

use super::failure::Failure;

/// The page that a client wants.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// The most entries in the page.
    pub limit: u32,
    /// The cursor that came with the previous page.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl PageRequest {
    /// The place before the first entry of the page, as `read` finds it in the cursor.
    ///
    /// # Errors
    /// The errors of `read`.
    pub(crate) fn after<P>(
        &self,
        read: impl FnOnce(&str) -> Result<P, Failure>,
    ) -> Result<Option<P>, Failure> {
        self.cursor.as_deref().map(read).transpose()
    }

    /// The number of entries to read: one more than requested, to see whether there is another page.
    pub(crate) fn one_more(&self) -> u32 {
        self.limit.saturating_add(1)
    }

    /// The page of these entries, which were read with [`Self::one_more`]. `cursor` makes the cursor of the page after an entry.
    pub(crate) fn page<T>(&self, mut found: Vec<T>, cursor: impl FnOnce(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(cursor);
        Page { entries: found, next }
    }
}

impl<T> Page<T> {
    /// The page with each entry changed.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { entries: self.entries.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_pages_of_a_list_have_each_entry_once_and_in_order(length in 0_u32..40, limit in 1_u32..9) {
            let list: Vec<u32> = (0..length).collect();
            let (mut seen, mut wanted) = (Vec::new(), PageRequest { limit, cursor: None });
            loop {
                let read = |text: &str| text.parse::<u32>().map_err(|_| Failure::Internal);
                let after = wanted.after(read).unwrap();
                let rest = list.iter().copied().filter(|entry| after.is_none_or(|after| *entry > after));
                let found: Vec<_> = rest.take(wanted.one_more() as usize).collect();
                let page = wanted.page(found, u32::to_string);
                prop_assert!(page.entries.len() <= limit as usize);
                prop_assert!(page.next.is_none() || page.entries.len() == limit as usize);
                seen.extend(page.entries);
                match page.next {
                    None => break,
                    next => wanted.cursor = next,
                }
            }
            prop_assert_eq!(seen, list);
        }
    }
}
