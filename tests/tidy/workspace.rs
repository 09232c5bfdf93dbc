//! The workspace: its crates and their dependencies, their modules, and the file of each module.
//!
//! Modules are found as the compiler finds them: through the `mod x;` lines, from the root file on. So a file of tests is
//! recognised by the `#[cfg(test)]` above the `mod` line that declares the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::source::{Source, closing};

/// A file of Rust source.
pub(crate) struct File {
    /// Relative to the root of the project.
    pub(crate) path: String,
    pub(crate) source: Source,
    /// Whether only tests compile it.
    pub(crate) test: bool,
    /// Whether a chain of `mod` lines leads from the root file of a crate to this file. For integration tests this is `false`.
    pub(crate) reached: bool,
}

/// A module, in a file of its own or inside the file of another module.
pub(crate) struct Module {
    pub(crate) path: Vec<String>,
    /// An index into the files of the workspace.
    pub(crate) file: usize,
    /// The range of its code in the file.
    pub(crate) body: std::ops::Range<usize>,
    /// The names of the modules that it declares, without test modules.
    pub(crate) children: BTreeSet<String>,
}

/// A root file and the modules below it.
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<Vec<String>, Module>,
}

/// A crate, as its manifest describes it.
pub(crate) struct Crate {
    /// Its name in Rust code.
    pub(crate) name: String,
    /// The directory of the manifest, relative to the root of the project; empty for the root itself.
    pub(crate) directory: String,
    /// The entries of `[dependencies]`, as the manifest names them.
    pub(crate) dependencies: Vec<String>,
    pub(crate) trees: Vec<Tree>,
}

pub(crate) struct Workspace {
    pub(crate) files: Vec<File>,
    pub(crate) crates: Vec<Crate>,
    /// Pages of documentation: path and text.
    pub(crate) pages: Vec<(String, String)>,
}

/// The root of the project: the value of `CARGO_MANIFEST_DIR` in the running process, or else at compile time. So the program
/// also works after the checkout was moved, or on another checkout.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()))
}

impl Workspace {
    /// Reads the project at [`root`].
    pub(crate) fn read() -> Self {
        let root = root();
        let (mut paths, mut pages) = (Vec::new(), Vec::new());
        collect(&root, &root, &mut paths, &mut pages);
        let files = paths.into_iter().map(|path| {
            let text = fs::read_to_string(root.join(&path)).expect("a source");
            let test = path.starts_with("tests/") || path.contains("/tests/");
            File { source: Source::read(text), test, reached: false, path }
        });
        let pages = pages.into_iter().map(|path| {
            let text = fs::read_to_string(root.join(&path)).expect("a page");
            (path, text)
        });
        let mut workspace = Self { files: files.collect(), pages: pages.collect(), crates: Vec::new() };
        assert!(workspace.files.len() > 100, "the sources were not found");
        let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the manifest of the workspace");
        let members = quoted_list(&manifest, "members");
        for directory in std::iter::once(String::new()).chain(members).chain(["fuzz".to_owned()]) {
            let manifest = fs::read_to_string(root.join(&directory).join("Cargo.toml"));
            workspace.add(directory, &manifest.expect("the manifest of a crate"));
        }
        workspace
    }

    /// A workspace of one crate with these files, for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File {
            path: (*path).to_owned(),
            source: Source::read((*text).to_owned()),
            test: path.starts_with("tests/"),
            reached: false,
        });
        let mut workspace = Self { files: files.collect(), crates: Vec::new(), pages: Vec::new() };
        workspace.add(String::new(), "[package]\nname = \"portcullis\"\n");
        workspace
    }

    fn add(&mut self, directory: String, manifest: &str) {
        let value = |section: &str, key: &str| {
            let lines = section_lines(manifest, section);
            lines.into_iter().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
            })
        };
        let package = value("[package]", "name").expect("a name").replace('-', "_");
        let name = value("[lib]", "name").unwrap_or(package);
        let within = |path: &str| {
            if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
        };
        let lib = within(&value("[lib]", "path").unwrap_or_else(|| "src/lib.rs".to_owned()));
        let dependencies = section_lines(manifest, "[dependencies]").into_iter().filter_map(|line| {
            let name: String =
                line.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
            (!name.is_empty()).then_some(name)
        });
        let dependencies = dependencies.collect();
        let mut roots = vec![lib, within("src/main.rs")];
        let targets = within("fuzz_targets/");
        roots.extend(
            self.files.iter().map(|file| file.path.clone()).filter(|path| path.starts_with(&targets)),
        );
        let trees = roots.iter().filter_map(|root| self.tree(root)).collect();
        self.crates.push(Crate { name, directory, dependencies, trees });
    }

    pub(crate) fn index(&self, path: &str) -> Option<usize> {
        self.files.iter().position(|file| file.path == path)
    }

    fn tree(&mut self, root: &str) -> Option<Tree> {
        let file = self.index(root)?;
        let mut tree = Tree { modules: BTreeMap::new() };
        let directory = Path::new(root).parent().expect("a file in a directory").to_owned();
        let length = self.files[file].source.code.len();
        self.follow(&mut tree, &[], file, 0..length, &directory, false);
        Some(tree)
    }

    /// Adds the module whose code is `body` of `file`, and the modules that it declares. The files of those modules are
    /// in `directory`.
    fn follow(
        &mut self,
        tree: &mut Tree,
        path: &[String],
        file: usize,
        body: std::ops::Range<usize>,
        directory: &Path,
        test: bool,
    ) {
        self.files[file].reached = true;
        self.files[file].test |= test;
        // In `code` the declarations of test modules are blanked, so `declarations` reads `text`.
        let declared = declarations(&self.files[file].source, &body);
        let children = declared.iter().filter(|child| !child.test).map(|child| child.name.clone()).collect();
        tree.modules.insert(path.to_vec(), Module { path: path.to_vec(), file, body, children });
        for child in declared {
            let test = test || child.test;
            let path = [path, std::slice::from_ref(&child.name)].concat();
            if let Some(body) = child.body {
                self.follow(tree, &path, file, body, &directory.join(&child.name), test);
                continue;
            }
            let here = Path::new(&self.files[file].path).parent().expect("a directory").to_owned();
            let beside = directory.join(format!("{}.rs", child.name));
            let within = directory.join(&child.name).join("mod.rs");
            let candidates = match &child.at {
                Some(at) => vec![here.join(at)],
                None => vec![beside, within],
            };
            let found = candidates.iter().find_map(|path| Some((path, self.index(path.to_str()?)?)));
            let Some((found, file)) = found else { continue };
            let folder = match found.file_name().and_then(|name| name.to_str()) {
                Some("mod.rs") => found.parent().expect("a directory").to_owned(),
                _ if child.at.is_some() => found.parent().expect("a directory").to_owned(),
                _ => directory.join(&child.name),
            };
            let length = self.files[file].source.code.len();
            self.follow(tree, &path, file, 0..length, &folder, test);
        }
    }
}

/// A module, as the `mod` line in another module declares it.
struct Declared {
    name: String,
    test: bool,
    /// The value of its `#[path]`.
    at: Option<String>,
    /// The range of its code, if it is in the same file.
    body: Option<std::ops::Range<usize>>,
}

fn declarations(source: &Source, body: &std::ops::Range<usize>) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut skip_until = body.start;
    for (line_start, line) in lines(&source.text, body) {
        if line_start < skip_until {
            continue;
        }
        let words = line.trim_start();
        let item = match words.strip_prefix("pub(") {
            Some(restricted) => restricted.split_once(") ").map_or("", |(_, item)| item),
            None => words.strip_prefix("pub ").unwrap_or(words),
        };
        let rest = item.strip_prefix("mod ");
        let Some(rest) = rest else { continue };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let offset = line_start + line.len() - words.len();
        let in_code = source.code[offset..].starts_with(words.split(' ').next().expect("a word"));
        let above = source.text[..line_start].lines().rev();
        let attributes: Vec<&str> = above
            .map(str::trim)
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .collect();
        let test = attributes
            .iter()
            .any(|line| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test"));
        if !in_code && !test {
            continue;
        }
        let at = attributes.iter().find_map(|line| line.strip_prefix("#[path = \"")?.split('"').next());
        let inline = rest[name.len()..].trim_start().starts_with('{');
        let body = inline.then(|| {
            let open = offset + source.text[offset..].find('{').expect("a body");
            let end = if test { open + 1 } else { closing(&source.code, open) };
            open + 1..end
        });
        if let Some(body) = &body {
            skip_until = body.end;
        }
        // The contents of a test module in the same file are already blanked, so it is not added.
        if !(test && body.is_some()) {
            found.push(Declared { name, test, at: at.map(str::to_owned), body });
        }
    }
    found
}

fn lines<'t>(text: &'t str, body: &std::ops::Range<usize>) -> impl Iterator<Item = (usize, &'t str)> {
    let mut at = body.start;
    text[body.clone()].split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end())
    })
}

fn section_lines<'m>(manifest: &'m str, section: &str) -> Vec<&'m str> {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != section);
    lines.next();
    lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#')).collect()
}

fn quoted_list(manifest: &str, key: &str) -> Vec<String> {
    let start = manifest.find(&format!("{key} = [")).expect("a list");
    let list = manifest[start..].split(']').next().expect("its end");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn collect(root: &Path, directory: &Path, sources: &mut Vec<String>, pages: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(directory).expect("a directory").flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let relative = path.strip_prefix(root).expect("a path below the root").to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                collect(root, &path, sources, pages);
            }
        } else if name.ends_with(".rs") {
            sources.push(relative);
        } else if name.ends_with(".md") {
            pages.push(relative);
        }
    }
}
