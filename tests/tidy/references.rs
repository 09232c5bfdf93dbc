//! The paths that the code of a module names, in `use` lines and elsewhere. Each path is resolved to the file that owns
//! the item.

use std::collections::BTreeMap;

use super::workspace::{File, Module, Tree};

/// A path that a file names.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The file that names the path: an index into the files of the workspace.
    pub(crate) from: usize,
    pub(crate) line: usize,
    /// The resolved path: relative to the root of this crate, or beginning with the name of another crate.
    pub(crate) path: Vec<String>,
    /// The file of this crate that owns the item; `None` if another crate owns it.
    pub(crate) to: Option<usize>,
    /// Whether a `pub use` names the path.
    pub(crate) exported: bool,
}

/// A name that a `use` brings into a module.
struct Import {
    /// The segments of the path, as written.
    path: Vec<String>,
    line: usize,
    exported: bool,
}

/// The imports of a module, and the paths that its code names.
#[derive(Default)]
struct Names {
    imports: BTreeMap<String, Import>,
    globs: Vec<Import>,
    paths: Vec<(Vec<String>, usize)>,
}

/// Every reference in the modules of one tree, without those of test code.
pub(crate) fn references(tree: &Tree, files: &[File]) -> Vec<Reference> {
    let resolver = Resolver {
        tree,
        names: tree
            .modules
            .values()
            .filter(|module| !files[module.file].test)
            .map(|module| (module.path.clone(), names(tree, module, &files[module.file])))
            .collect(),
    };
    let mut found = Vec::new();
    for (path, names) in &resolver.names {
        let module = &tree.modules[path];
        let mut add = |written: &[String], line: usize, exported: bool, import: bool| {
            let resolved =
                if import { resolver.import(path, written, 0) } else { resolver.path(path, written, 0) };
            if let Some((path, to)) = resolved {
                found.push(Reference { from: module.file, line, path, to, exported });
            }
        };
        for import in names.imports.values().chain(&names.globs) {
            add(&import.path, import.line, import.exported, true);
        }
        for (written, line) in &names.paths {
            add(written, *line, false, false);
        }
    }
    found
}

struct Resolver<'t> {
    tree: &'t Tree,
    names: BTreeMap<Vec<String>, Names>,
}

/// A resolved path, and the file that owns its item: see [`Reference::path`] and [`Reference::to`].
type Resolved = (Vec<String>, Option<usize>);

/// An import can lead to another import. This is the longest chain that is followed.
const MAX_DEPTH: usize = 16;

impl Resolver<'_> {
    /// Resolves the path of a `use` in `module`. Unless it begins with a keyword such as `crate`, its first name is a child of
    /// `module`, an import of `module`, or another crate.
    fn import(&self, module: &[String], written: &[String], depth: usize) -> Option<Resolved> {
        let (first, rest) = written.split_first()?;
        match first.as_str() {
            "crate" | "$crate" => self.below(Vec::new(), rest, depth),
            "self" => self.below(module.to_vec(), rest, depth),
            "super" => {
                let parent = module.split_last().map_or(&[][..], |(_, parent)| parent);
                if rest.first().is_some_and(|next| next == "super") {
                    self.import(parent, rest, depth)
                } else {
                    self.below(parent.to_vec(), rest, depth)
                }
            }
            _ => match self.local(module, written, depth) {
                Some(resolved) => Some(resolved),
                None => Some((written.to_vec(), None)),
            },
        }
    }

    /// Resolves a path in the code of `module`. Unless it begins with a keyword such as `crate`, its first name is a
    /// child of `module`, an import of `module`, or another crate.
    fn path(&self, module: &[String], written: &[String], depth: usize) -> Option<Resolved> {
        match written.first()?.as_str() {
            "crate" | "$crate" | "self" | "super" => self.import(module, written, depth),
            _ => self.local(module, written, depth).or_else(|| Some((written.to_vec(), None))),
        }
    }

    /// Resolves a path whose first name is a child or an import of `module`.
    fn local(&self, module: &[String], written: &[String], depth: usize) -> Option<Resolved> {
        let (first, rest) = written.split_first()?;
        let here = self.tree.modules.get(module)?;
        if here.children.contains(first) {
            return self.below([module, std::slice::from_ref(first)].concat(), rest, depth);
        }
        let import = self.names.get(module)?.imports.get(first)?;
        // In `use store;` and `use store::Store as store;` the name `store` leads to itself, so it is another crate.
        if depth > MAX_DEPTH || import.path.first() == Some(first) {
            return None;
        }
        let path = [import.path.clone(), rest.to_vec()].concat();
        self.import(module, &path, depth + 1)
    }

    /// Resolves the path `rest` in `module`, a module of this crate.
    fn below(&self, module: Vec<String>, rest: &[String], depth: usize) -> Option<Resolved> {
        let here = self.tree.modules.get(&module)?;
        let Some((next, after)) = rest.split_first() else {
            // The path is the module itself. A path counts only if it names an item of a module.
            return None;
        };
        let full = [module.clone(), rest.to_vec()].concat();
        if depth > MAX_DEPTH {
            return Some((full, Some(here.file)));
        }
        if here.children.contains(next) {
            return self.below([module, vec![next.clone()]].concat(), after, depth);
        }
        let names = self.names.get(&module)?;
        if let Some(import) = names.imports.get(next) {
            let path = [import.path.clone(), after.to_vec()].concat();
            return self.import(&module, &path, depth + 1);
        }
        for glob in names.globs.iter().filter(|glob| glob.exported) {
            let path = [glob.path.clone(), rest.to_vec()].concat();
            if let Some((path, Some(file))) = self.import(&module, &path, depth + 1) {
                return Some((path, Some(file)));
            }
        }
        Some((full, Some(here.file)))
    }
}

/// The names in the code of this module, without those of the modules inside it.
fn names(tree: &Tree, module: &Module, file: &File) -> Names {
    let within: Vec<_> = tree
        .modules
        .values()
        .filter(|other| {
            other.file == module.file
                && other.path.len() > module.path.len()
                && other.path.starts_with(&module.path)
        })
        .map(|other| other.body.clone())
        .collect();
    let code = &file.source.code;
    let mut tokens = tokens(code, module.body.clone());
    tokens.retain(|token| !within.iter().any(|body| body.contains(&token.at)));
    let mut names = Names::default();
    let mut next = 0;
    while next < tokens.len() {
        let token = &tokens[next];
        let line = file.source.line_of(token.at);
        if token.text == "use" {
            let exported = next > 0 && matches!(tokens[next - 1].text, "pub" | ")");
            next = read_use(&tokens, next + 1, &[], &mut names, line, exported);
            continue;
        }
        let after_path = next > 0 && matches!(tokens[next - 1].text, "::" | "." | "'");
        if token.is_name && !after_path {
            let (path, end) = read_path(&tokens, next);
            if path.len() > 1 {
                names.paths.push((path, line));
            }
            next = end;
        }
        next += 1;
    }
    names
}

/// The path that begins at the token `start`, and the index of its last token.
fn read_path(tokens: &[Token<'_>], start: usize) -> (Vec<String>, usize) {
    let (mut path, mut end) = (vec![tokens[start].text.to_owned()], start);
    while let [separator, name, ..] = &tokens[end + 1..] {
        if separator.text != "::" || !name.is_name {
            break;
        }
        path.push(name.text.to_owned());
        end += 2;
    }
    (path, end)
}

/// Reads the tree of a `use` that begins at the token `next`. Returns the index of the token after the tree.
fn read_use(
    tokens: &[Token<'_>],
    mut next: usize,
    prefix: &[String],
    names: &mut Names,
    line: usize,
    exported: bool,
) -> usize {
    let mut path = prefix.to_vec();
    let mut alias = None;
    while let Some(token) = tokens.get(next) {
        match token.text {
            "::" => {}
            "as" => {
                next += 1;
                alias = tokens.get(next).map(|token| token.text.to_owned());
            }
            "*" => {
                names.globs.push(Import { path, line, exported });
                return next + 1;
            }
            "{" => {
                next += 1;
                while tokens.get(next).is_some_and(|token| token.text != "}") {
                    next = read_use(tokens, next, &path, names, line, exported);
                    if tokens.get(next).is_some_and(|token| token.text == ",") {
                        next += 1;
                    }
                }
                return next + 1;
            }
            "self" if !path.is_empty() => {}
            text if token.is_name => path.push(text.to_owned()),
            _ => break,
        }
        next += 1;
    }
    if let Some(last) = path.last().cloned() {
        let import = Import { path, line, exported };
        match alias.as_deref() {
            // `as _` imports a trait for its methods only. One module may have several such imports.
            Some("_") => names.globs.push(import),
            _ => drop(names.imports.insert(alias.unwrap_or(last), import)),
        }
    }
    next
}

struct Token<'c> {
    text: &'c str,
    at: usize,
    is_name: bool,
}

fn tokens(code: &str, body: std::ops::Range<usize>) -> Vec<Token<'_>> {
    let (bytes, mut at, mut tokens) = (code.as_bytes(), body.start, Vec::new());
    while at < body.end {
        let byte = bytes[at];
        let name = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii();
        let mut end = at + 1;
        if name {
            while end < body.end
                && (bytes[end].is_ascii_alphanumeric() || bytes[end] == b'_' || !bytes[end].is_ascii())
            {
                end += 1;
            }
        } else if bytes[at..].starts_with(b"::") {
            end += 1;
        }
        if !byte.is_ascii_whitespace() {
            tokens.push(Token { text: &code[at..end], at, is_name: name && !byte.is_ascii_digit() });
        }
        at = end;
    }
    tokens
}
