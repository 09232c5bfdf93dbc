//! The links of the pages: each relative link names a file that exists, and a heading of that page.

use super::workspace::{Workspace, root};

/// Links that lead nowhere.
pub(crate) fn broken(workspace: &Workspace) -> Vec<String> {
    let mut found = 0;
    let mut broken = Vec::new();
    for (path, text) in &workspace.pages {
        for (line, target) in links(text) {
            found += 1;
            if let Some(reason) = reason(workspace, path, &target) {
                broken.push(format!("{path}:{line}: {target}: {reason}"));
            }
        }
    }
    // A rule that finds no links would never fail.
    if found < 50 {
        broken.push(format!("only {found} links found"));
    }
    broken
}

/// The targets of the links in a page, with their lines. Code is left out, and so are links to other sites.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Every second part is between backticks.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
        for part in prose.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                links.push((number + 1, target.to_owned()));
            }
        }
    }
    links
}

/// Why a link of the page at `path` leads nowhere.
fn reason(workspace: &Workspace, path: &str, target: &str) -> Option<String> {
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let named = if file.is_empty() { path.to_owned() } else { joined(path, file) };
    if !root().join(&named).exists() {
        return Some(format!("there is no {named}"));
    }
    let anchor = anchor?;
    let (_, text) = workspace.pages.iter().find(|(page, _)| *page == named)?;
    (!anchors(text).contains(&anchor.to_owned())).then(|| format!("{named} has no such heading"))
}

/// The path of a link, relative to the root of the project.
fn joined(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors of the headings, as GitHub makes them: in lower case, without punctuation, with a hyphen for each space, and
/// with a number if a heading occurs again.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if in_code || !line.starts_with('#') {
            continue;
        }
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let earlier = anchors.iter().filter(|known| **known == anchor).count();
        anchors.push(if earlier == 0 { anchor } else { format!("{anchor}-{earlier}") });
    }
    anchors
}

#[test]
fn links_in_code_and_to_other_sites_are_left_out() {
    let text = "[a](b.md#c) `[d](e)` [f](https://example.org)\n```\n[g](h)\n```\n[i](#j)";
    assert_eq!(links(text), [(1, "b.md#c".to_owned()), (5, "#j".to_owned())]);
}

#[test]
fn a_link_is_relative_to_its_page() {
    assert_eq!(joined("docs/operation/a.md", "../b.md"), "docs/b.md");
    assert_eq!(joined("README.md", "docs/b.md"), "docs/b.md");
}

#[test]
fn an_anchor_has_no_punctuation() {
    let text = "# Sizes, in `KiB`\n## A b\n## A b\n```\n# no heading\n```";
    assert_eq!(anchors(text), ["sizes-in-kib", "a-b", "a-b-1"]);
}
