//! Finds circles: files that reach themselves through the references between files.
//!
//! A `mod.rs` does not depend on the children that it only declares and re-exports. A `mod.rs` with items of its own is
//! treated like any other file.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    references::{Reference, references},
    workspace::{File, Tree},
};

/// Files that reach each other, and the lines with the references between them.
pub(crate) struct Circle {
    pub(crate) files: Vec<String>,
    lines: Vec<String>,
}

impl Circle {
    /// A report with at most `most` of the lines.
    pub(crate) fn shown(&self, most: usize) -> String {
        let mut shown = format!("circle of {} files: {}", self.files.len(), self.files.join(", "));
        for line in self.lines.iter().take(most) {
            shown.push_str(&format!("\n    {line}"));
        }
        if self.lines.len() > most {
            shown.push_str(&format!("\n    … and {} more lines", self.lines.len() - most));
        }
        shown
    }
}

/// The circles among the files of this tree.
pub(crate) fn circles(tree: &Tree, files: &[File]) -> Vec<Circle> {
    let edges: Vec<Reference> =
        references(tree, files).into_iter().filter(|reference| counts(tree, files, reference)).collect();
    let mut circles = Vec::new();
    for members in components(&edges, files.len()) {
        let inside = |file: &usize| members.contains(file);
        let within = edges.iter().filter(|edge| inside(&edge.from) && edge.to.as_ref().is_some_and(inside));
        // One line for each pair of files: the first reference, and the number of further ones.
        let mut pairs: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for edge in within {
            pairs.entry((edge.from, edge.to)).or_default().insert((edge.line, edge.path.join("::")));
        }
        let lines = pairs.into_iter().filter_map(|((from, to), named)| {
            let (line, first) = named.first()?;
            let more = if named.len() > 1 { format!(" and {} more", named.len() - 1) } else { String::new() };
            let (from, to) = (&files[from].path, &files[to?].path);
            Some(format!("{from}:{line} → {to}: {first}{more}"))
        });
        let lines = lines.collect();
        let files = members.iter().map(|file| files[*file].path.clone()).collect();
        circles.push(Circle { files, lines });
    }
    circles
}

/// Whether the reference makes its file depend on another file that is not compiled for tests only.
fn counts(tree: &Tree, files: &[File], reference: &Reference) -> bool {
    let Some(to) = reference.to.filter(|to| *to != reference.from && !files[*to].test) else {
        return false;
    };
    // A module does not depend on the items that it re-exports from modules below itself.
    let path_of = |file: usize| {
        let modules = tree.modules.values().filter(|module| module.file == file);
        modules.map(|module| &module.path).min_by_key(|path| path.len())
    };
    let (Some(from), Some(to)) = (path_of(reference.from), path_of(to)) else { return false };
    !(reference.exported && to.len() > from.len() && to.starts_with(from))
}

/// The strongly connected components of more than one file, by Tarjan's algorithm.
fn components(edges: &[Reference], count: usize) -> Vec<BTreeSet<usize>> {
    let mut next = vec![BTreeSet::new(); count];
    for edge in edges {
        next[edge.from].extend(edge.to);
    }
    let mut search = Search { next, index: vec![None; count], low: vec![0; count], ..Search::default() };
    for file in 0..count {
        if search.index[file].is_none() {
            search.visit(file);
        }
    }
    search.found
}

#[derive(Default)]
struct Search {
    next: Vec<BTreeSet<usize>>,
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    counter: usize,
    found: Vec<BTreeSet<usize>>,
}

impl Search {
    fn visit(&mut self, file: usize) {
        self.index[file] = Some(self.counter);
        self.low[file] = self.counter;
        self.counter += 1;
        self.stack.push(file);
        for to in self.next[file].clone() {
            match self.index[to] {
                None => {
                    self.visit(to);
                    self.low[file] = self.low[file].min(self.low[to]);
                }
                Some(index) if self.stack.contains(&to) => self.low[file] = self.low[file].min(index),
                Some(_) => {}
            }
        }
        if Some(self.low[file]) == self.index[file] {
            let start = self.stack.iter().position(|on| *on == file).expect("the file is on the stack");
            let members: BTreeSet<_> = self.stack.drain(start..).collect();
            if members.len() > 1 {
                self.found.push(members);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let workspace = Workspace::of(files);
        let trees = workspace.crates.iter().flat_map(|found| &found.trees);
        trees.flat_map(|tree| circles(tree, &workspace.files)).map(|circle| circle.files).collect()
    }

    #[test]
    fn files_that_name_each_other_are_a_circle() {
        let root = ("src/lib.rs", "mod a;\nmod b;\nmod c;");
        let circle = [vec!["src/a.rs".to_owned(), "src/b.rs".to_owned()]];
        assert_eq!(
            found(&[root, ("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use super::{a::A, c::C};")]),
            circle
        );
        assert_eq!(
            found(&[
                root,
                ("src/a.rs", "fn f() { crate::b::g() }"),
                ("src/b.rs", "use crate::a;\nfn g() { a::f() }")
            ]),
            circle
        );
        assert!(
            found(&[
                root,
                ("src/a.rs", "use crate::b::B;"),
                ("src/b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }")
            ])
            .is_empty()
        );
        assert!(
            found(&[root, ("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use store::a::A; // crate::a::A")])
                .is_empty()
        );
    }

    #[test]
    fn a_mod_rs_that_only_re_exports_is_not_part_of_a_circle() {
        let parent = "mod a;\nmod b;\npub(crate) use a::A;\npub use b::*;";
        let root = ("src/lib.rs", "mod room;\npub use room::A;");
        let files = [
            root,
            ("src/room/mod.rs", parent),
            ("src/room/a.rs", "use super::B;"),
            ("src/room/b.rs", "pub struct B;"),
        ];
        assert!(found(&files).is_empty());
        // The re-export leads from `b.rs` to `a.rs`, and `a.rs` names `b.rs`.
        let files = [
            root,
            ("src/room/mod.rs", parent),
            ("src/room/a.rs", "use super::b::B;"),
            ("src/room/b.rs", "use crate::A;"),
        ];
        assert_eq!(found(&files), [["src/room/a.rs", "src/room/b.rs"]]);
    }

    #[test]
    fn a_mod_rs_with_items_is_treated_like_any_other_file() {
        let root = ("src/lib.rs", "mod room;");
        let parent = "mod a;\nuse a::A;\npub struct Parent(A);";
        let files = [root, ("src/room/mod.rs", parent), ("src/room/a.rs", "use super::Parent;")];
        assert_eq!(found(&files), [["src/room/mod.rs", "src/room/a.rs"]]);
        let parent = "mod a;\npub use a::A;\npub struct Parent;";
        let files = [root, ("src/room/mod.rs", parent), ("src/room/a.rs", "use super::Parent;")];
        assert!(found(&files).is_empty());
    }
}
