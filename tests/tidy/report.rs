//! Figures of the whole project: the files and lines of each layer, the lengths of files, and the number of violations.

use std::collections::BTreeMap;

use super::{
    circles::{self, Circle},
    layers, words,
    workspace::{File, Workspace},
};

/// The number of files and lines of one group: a layer, or a folder that belongs to no layer.
#[derive(Default)]
struct Size {
    files: usize,
    lines: usize,
}

/// The report, as text.
pub(crate) fn report(workspace: &Workspace) -> String {
    let mut groups: BTreeMap<String, Size> = BTreeMap::new();
    for file in &workspace.files {
        let size = groups.entry(group_of(file)).or_default();
        size.files += 1;
        size.lines += file.source.text.lines().count();
    }
    let mut text = format!("{:24} {:>6} {:>8}\n", "group", "files", "lines");
    for (group, Size { files, lines }) in &groups {
        text.push_str(&format!("{group:24} {files:>6} {lines:>8}\n"));
    }
    text.push_str(&lengths("delivered", workspace.files.iter().filter(|file| !file.test)));
    text.push_str(&lengths("tests", workspace.files.iter().filter(|file| file.test)));
    let circles = all_circles(workspace);
    let inside: usize = circles.iter().map(|circle| circle.files.len()).sum();
    let longest = circles.iter().map(|circle| circle.files.len()).max().unwrap_or_default();
    text.push_str(&format!("circles: {}; files in them: {inside}; the largest: {longest}\n", circles.len()));
    text.push_str(&format!("forbidden dependencies: {}\n", layers::violations(workspace).len()));
    text.push_str(&format!("pronouns in comments, pages and texts: {}\n", words::pronouns(workspace).len()));
    text.push_str(&format!("pronouns in names: {}\n", words::pronoun_names(workspace).len()));
    text
}

pub(crate) fn all_circles(workspace: &Workspace) -> Vec<Circle> {
    let trees = workspace.crates.iter().flat_map(|found| &found.trees);
    trees.flat_map(|tree| circles::circles(tree, &workspace.files)).collect()
}

fn group_of(file: &File) -> String {
    let layer = layers::layer_of(&file.path).map(|layer| layer.name);
    match layer {
        Some(layer) if file.test => format!("{layer} (tests)"),
        Some(layer) => layer.to_owned(),
        None => file.path.split('/').take(2).collect::<Vec<_>>().join("/"),
    }
}

fn lengths<'f>(of: &str, files: impl Iterator<Item = &'f File>) -> String {
    let mut lengths: Vec<usize> = files.map(|file| file.source.text.lines().count()).collect();
    lengths.sort_unstable();
    let at = |percent: usize| lengths.get(lengths.len() * percent / 100).copied().unwrap_or_default();
    let (files, lines) = (lengths.len(), lengths.iter().sum::<usize>());
    let (median, p90, longest) = (at(50), at(90), lengths.last().copied().unwrap_or_default());
    format!(
        "{of}: {files} files, {lines} lines; lines per file: median {median}, p90 {p90}, longest {longest}\n"
    )
}
