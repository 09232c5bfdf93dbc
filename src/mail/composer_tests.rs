//! Tests of the texts of mails.

use std::path::Path;

use super::*;

const GERMAN: &str = "de";

fn composer(directory: Option<&Path>) -> Result<Composer, TemplateError> {
    Composer::new(Templates::load(directory)?, "Example Chat", "https://chat.example")
}

fn content(kind: MailKind, language: &str) -> Content {
    let [_, most] = samples(kind, language.parse().expect("a language"));
    Content { link: kind.link().map(|_| "https://chat.example/x#token=abc".into()), ..most }
}

fn with_file(name: &str, text: &str) -> Result<Composer, TemplateError> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join(name), text).expect("a file");
    composer(Some(directory.path()))
}

#[test]
fn every_kind_has_a_text_in_every_language_and_its_link_in_both_forms() {
    let composer = composer(None).expect("the templates in the program");
    assert_eq!(composer.languages().iter().map(Language::as_str).collect::<Vec<_>>(), ["en", "de"]);
    for kind in MailKind::ALL {
        let [english, german] = ["en", GERMAN].map(|language| {
            let composed = composer.compose(&content(kind, language)).expect("a mail");
            let link = "https://chat.example/x#token=abc";
            assert_eq!(composed.text.contains(link), kind.link().is_some(), "{kind}: {}", composed.text);
            assert_eq!(composed.html.contains(&format!("href=\"{link}\"")), kind.link().is_some(), "{kind}");
            assert!(composed.html.contains(&format!("lang=\"{language}\"")), "{kind}");
            for text in [&composed.subject, &composed.text, &composed.html] {
                assert!(!text.contains("{{") && !text.contains("}}"), "{kind}: {text}");
            }
            composed.subject
        });
        assert_ne!(english, german, "{kind}");
    }
}

#[test]
fn a_mail_without_templates_in_its_language_is_in_english() {
    let composer = composer(None).expect("the templates in the program");
    let french = composer.compose(&content(MailKind::ResetPassword, "fr")).expect("a mail");
    let unknown = Content { language: None, ..content(MailKind::ResetPassword, "en") };
    assert_eq!(french.language, Language::ENGLISH);
    assert_eq!(composer.compose(&unknown).expect("a mail").subject, french.subject);
}

#[test]
fn what_a_client_says_is_escaped_in_html() {
    let composer = composer(None).expect("the templates in the program");
    let device = Some("<script>alert(1)</script> & \"x\"".to_owned());
    let hostile = Content { device, ..content(MailKind::NewSignIn, "en") };
    let composed = composer.compose(&hostile).expect("a mail");
    assert!(composed.html.contains("&lt;script&gt;") && !composed.html.contains("<script"));
    assert!(composed.text.contains("<script>alert(1)</script>"));
}

#[test]
fn a_template_in_what_a_client_says_is_not_carried_out() {
    let composer = composer(None).expect("the templates in the program");
    let hostile = Content { device: Some("{{ 7 * 7 }}".to_owned()), ..content(MailKind::NewSignIn, "en") };
    let composed = composer.compose(&hostile).expect("a mail");
    assert!(composed.text.contains("{{ 7 * 7 }}"));
}

#[test]
fn a_subject_has_one_line() {
    let text = include_str!("templates/en.toml")
        .replace("subject = \"", "subject = \"{{ name }}\\nBcc: x@example.com ");
    let composer = with_file("en.toml", &text).expect("templates");
    let composed = composer.compose(&content(MailKind::ResetPassword, "en")).expect("a mail");
    assert!(composed.subject.contains("Bcc") && !composed.subject.contains('\n'), "{}", composed.subject);
}

#[test]
fn a_directory_replaces_templates_and_adds_languages() {
    let french = include_str!("templates/en.toml").replace("Choose a new password", "Choisissez");
    let composer = with_file("fr.toml", &french).expect("templates");
    let composed = composer.compose(&content(MailKind::ResetPassword, "fr")).expect("a mail");
    assert!(composed.language.as_str() == "fr" && composed.text.contains("Choisissez"), "{}", composed.text);
    let composer = with_file("reset_password.de.txt", "Nur dies: {{ link }}").expect("templates");
    let german = composer.compose(&content(MailKind::ResetPassword, GERMAN)).expect("a mail");
    assert_eq!(german.text, "Nur dies: https://chat.example/x#token=abc");
    let english = composer.compose(&content(MailKind::ResetPassword, "en")).expect("a mail");
    assert!(!english.text.starts_with("Nur"));
}

#[test]
fn a_mistake_in_a_directory_is_found_at_the_start() {
    for (name, text, expected) in [
        ("mail.html", "{{ unknown }}", "mail.html: undefined value in line 1"),
        ("mail.txt", "{% if %}", "mail.txt: syntax error in line 1"),
        ("reset.txt", "x", "reset.txt: the names are"),
        ("english.toml", "", "english.toml: the names are"),
        ("de.toml", "x = 1", "de.toml: "),
    ] {
        let error = with_file(name, text).expect_err(name).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let absent = composer(Some(Path::new("/nonexistent"))).expect_err("no directory").to_string();
    assert!(absent.contains("cannot be read"), "{absent}");
}
