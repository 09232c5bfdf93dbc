//! `docs/evidence.md` names the tests behind each statement. Every named test must exist.

use super::workspace::Workspace;

/// The page with the names.
const PAGE: &str = "docs/evidence.md";
/// The page names far more tests than this. Fewer mean that the names were not found.
const LEAST: usize = 30;

/// Every name on the page that is no test: no function with this name is in the file, or the folder, of this name.
pub(crate) fn missing_tests(workspace: &Workspace) -> Vec<String> {
    let page = workspace.pages.iter().find(|(path, _)| path == PAGE);
    let (_, text) = page.expect("the page");
    let names: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    assert!(names.len() > LEAST, "the names were not found");
    names.into_iter().filter(|name| !exists(workspace, name)).map(|name| format!("{PAGE}: {name}")).collect()
}

fn exists(workspace: &Workspace, name: &str) -> bool {
    let Some((module, rest)) = name.split_once("::") else { return false };
    let function = rest.rsplit("::").next().unwrap_or(rest);
    let (file, folder) = (format!("tests/it/{module}.rs"), format!("tests/it/{module}/"));
    let declared = format!("fn {function}(");
    let places = workspace.files.iter().filter(|place| place.path == file || place.path.starts_with(&folder));
    places.into_iter().any(|place| is_test(&place.source.text, &declared))
}

/// Whether this text declares the function as a test.
fn is_test(text: &str, declared: &str) -> bool {
    text.match_indices(declared).any(|(at, _)| {
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = text[..line].lines().rev().take_while(|line| !line.trim().is_empty());
        before.into_iter().any(|line| line.trim().starts_with("#[") && line.contains("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_function_with_the_attribute_of_a_test_is_a_test() {
        let text = "/// A fact.\n#[tokio::test]\nasync fn a_fact() {}\n\nfn a_helper() {}\n";
        assert!(is_test(text, "fn a_fact("));
        assert!(!is_test(text, "fn a_helper(") && !is_test(text, "fn another("));
    }
}
