//! Puts a mail into words: its subject, its plain text and its HTML.

use std::{collections::BTreeMap, sync::Arc};

use domain::mail::{kind::MailKind, language::Language, link::LinkPurpose};
use minijinja::Value;
use secrecy::ExposeSecret as _;
use time::{OffsetDateTime, UtcOffset};

use crate::{
    content::Content,
    language_file::{LanguageFile, Texts},
    template_error::TemplateError,
    templates::{Form, Templates},
};

/// A mail in words. The texts may have a link that is a secret.
pub struct Composed {
    /// The language.
    pub language: Language,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// Composes mails. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Composer {
    templates: Arc<Templates>,
    /// The name of the service, as mails show it.
    name: Arc<str>,
    /// The origin of the pages.
    site: Arc<str>,
}

type Names = BTreeMap<&'static str, Value>;

impl Composer {
    /// The composer with these templates. `name` is the name of the service, `site` the origin of its pages.
    ///
    /// # Errors
    /// A template that cannot be used for one of the kinds of mails.
    pub fn new(templates: Templates, name: &str, site: &str) -> Result<Self, TemplateError> {
        let composer = Self { templates: Arc::new(templates), name: name.into(), site: site.into() };
        for language in composer.templates.languages() {
            for kind in MailKind::ALL {
                for content in samples(kind, language) {
                    composer.compose(&content)?;
                }
            }
        }
        Ok(composer)
    }

    /// The languages that there are templates for, English first.
    #[must_use]
    pub fn languages(&self) -> Vec<Language> {
        self.templates.languages()
    }

    /// The origin of the pages, without a slash at its end.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The mail in words.
    ///
    /// # Errors
    /// The template cannot be used. [`Composer::new`] has tried all of them.
    pub fn compose(&self, content: &Content) -> Result<Composed, TemplateError> {
        let asked = content.language.and_then(|language| self.templates.languages.get_key_value(&language));
        let english = || self.templates.languages.get_key_value(&Language::ENGLISH);
        let (language, file) = asked.or_else(english).ok_or_else(|| TemplateError::Language {
            file: "en.toml".to_owned(),
            reason: "there is no such file".to_owned(),
        })?;
        let texts = file.mails.get(content.kind.as_str()).ok_or_else(|| TemplateError::Language {
            file: format!("{language}.toml"),
            reason: format!("the section mails.{} is missing", content.kind),
        })?;
        let words = Phrases { composer: self, file, language: *language, names: self.names(content, file)? };
        let subject = words.said(&texts.subject)?.replace(['\r', '\n'], " ");
        let names = words.of_mail(content, texts, &subject)?;
        let render = |form| {
            let name = self.templates.name(content.kind, *language, form);
            let template = self.templates.engine.get_template(&name);
            let rendered = template.and_then(|template| template.render(Value::from(names.clone())));
            rendered.map_err(|error| TemplateError::of_engine(&name, &error))
        };
        // The engine escapes slashes, too, which no browser needs and which makes links hard to read.
        let html = render(Form::Html)?.replace("&#x2f;", "/");
        Ok(Composed { language: *language, text: render(Form::Text)?, html, subject })
    }

    /// The names that the texts of a language may use.
    fn names(&self, content: &Content, file: &LanguageFile) -> Result<Names, TemplateError> {
        let factor = content.factor.as_ref().and_then(|factor| file.factors.get(factor));
        let host = self.site.split_once("://").map_or(&*self.site, |(_, host)| host);
        let lifetime = content.kind.link().map_or(0, |purpose| purpose.lifetime().whole_minutes());
        Ok(BTreeMap::from([
            ("name", Value::from(&*self.name)),
            ("site", Value::from(&*self.site)),
            ("host", Value::from(host)),
            ("address", Value::from(content.to.as_str())),
            ("factor", Value::from(factor.cloned().unwrap_or_default())),
            ("minutes", Value::from(lifetime)),
            ("hours", Value::from(lifetime / 60)),
            ("days", Value::from(lifetime / (24 * 60))),
        ]))
    }
}

/// The texts of one language, with the names that they use.
struct Phrases<'m> {
    composer: &'m Composer,
    file: &'m LanguageFile,
    language: Language,
    names: Names,
}

impl Phrases<'_> {
    /// A text with its names replaced.
    fn said(&self, text: &str) -> Result<String, TemplateError> {
        self.said_with(text, &self.names)
    }

    fn said_with(&self, text: &str, names: &Names) -> Result<String, TemplateError> {
        let rendered = self.composer.templates.engine.render_str(text, Value::from(names.clone()));
        rendered.map_err(|error| TemplateError::of_engine(&format!("{}.toml", self.language), &error))
    }

    fn all_said(&self, texts: &[String]) -> Result<Value, TemplateError> {
        texts.iter().map(|text| self.said(text)).collect::<Result<Vec<_>, _>>().map(Value::from)
    }

    /// The names that the templates of mails may use.
    fn of_mail(&self, content: &Content, texts: &Texts, subject: &str) -> Result<Names, TemplateError> {
        let by_operator = content.by_operator && !texts.by_operator.is_empty();
        let paragraphs = if by_operator { &texts.by_operator } else { &texts.text };
        let not_me = content.kind.link() == Some(LinkPurpose::NotMe);
        let words = &self.file.words;
        let button = if not_me { Some(&words.not_me_button) } else { texts.button.as_ref() };
        let link = content.link.as_ref().map(|link| link.expose_secret().to_owned());
        let said_if = |condition: bool, text: &str| {
            if condition { self.said(text).map(Value::from) } else { Ok(Value::from("")) }
        };
        let mut names = self.names.clone();
        names.extend([
            ("kind", Value::from(content.kind.as_str())),
            ("language", Value::from(self.language.as_str())),
            ("subject", Value::from(subject)),
            ("title", Value::from(self.said(&texts.title)?)),
            ("paragraphs", self.all_said(paragraphs)?),
            ("facts", self.facts(content)?),
            ("link", Value::from(link.unwrap_or_default())),
            ("button", said_if(button.is_some(), button.map_or("", |button| button))?),
            ("link_label", Value::from(self.said(&words.link)?)),
            ("warns", Value::from(not_me)),
            ("before", said_if(not_me, &words.not_me)?),
            ("note", said_if(not_me, &words.not_me_note)?),
            ("after", self.all_said(&texts.after)?),
            ("footer", Value::from(self.said(&words.footer)?)),
        ]);
        Ok(names)
    }

    /// What is known about the cause, as pairs of a label and a value. Nothing of it if an operator did it, except for the time.
    fn facts(&self, content: &Content) -> Result<Value, TemplateError> {
        let words = &self.file.words;
        let reasons: Vec<_> =
            content.reasons.iter().filter_map(|reason| self.file.reasons.get(reason)).cloned().collect();
        let reasons = Some(reasons.join(", ")).filter(|reasons| !reasons.is_empty());
        let known = [
            (&words.when, Some(self.moment(content.at)?)),
            (&words.device, content.device.clone()),
            (&words.place, content.place.clone()),
            (&words.network, content.network.clone()),
            (&words.reasons, reasons),
        ];
        let pair = |(label, value): (&String, Option<String>)| {
            let names: Names =
                BTreeMap::from([("label", Value::from(label.as_str())), ("value", Value::from(value?))]);
            Some(Value::from(names))
        };
        Ok(Value::from(known.into_iter().filter_map(pair).collect::<Vec<_>>()))
    }

    fn moment(&self, at: OffsetDateTime) -> Result<String, TemplateError> {
        let at = at.to_offset(UtcOffset::UTC);
        let month = &self.file.words.months[usize::from(u8::from(at.month()) - 1)];
        let names = BTreeMap::from([
            ("day", Value::from(at.day())),
            ("month", Value::from(month.as_str())),
            ("year", Value::from(at.year())),
            ("time", Value::from(format!("{:02}:{:02}", at.hour(), at.minute()))),
        ]);
        self.said_with(&self.file.words.moment, &names)
    }
}

/// Mails with which templates are tried: with everything that a mail can say, and with the least.
fn samples(kind: MailKind, language: Language) -> [Content; 2] {
    let least = Content {
        kind,
        language: Some(language),
        to: "person@example.com".to_owned(),
        link: kind.link().map(|_| "https://example.com/#token=0".into()),
        at: OffsetDateTime::UNIX_EPOCH,
        device: None,
        place: None,
        network: None,
        by_operator: true,
        factor: None,
        reasons: Vec::new(),
    };
    let most = Content {
        device: Some("Firefox on Linux".to_owned()),
        place: Some("Berlin, DE".to_owned()),
        network: Some("203.0.113.9".to_owned()),
        by_operator: false,
        factor: Some("passkey".to_owned()),
        reasons: vec!["new_device".to_owned()],
        ..least.clone()
    };
    [least, most]
}

#[cfg(test)]
#[path = "composer_tests.rs"]
mod tests;
