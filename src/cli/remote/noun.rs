//! The form of the table of nouns: what a command sends to the server, and how its answer is shown.
//!
//! The tables are in `nouns/`. `command_line` makes the options and the help from them, `order` the request, `run` the output.

use super::column::Column;

/// A subject of commands, such as `user`.
#[derive(Debug)]
pub(super) struct Noun {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) verbs: &'static [Verb],
}

/// A command on a noun.
#[derive(Debug)]
pub(super) struct Verb {
    /// Empty if the noun itself is the command.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) method: Method,
    /// The path below `/api/v1/admin`, or one that begins with `/api`. A part in braces is the value of the parameter with this name.
    pub(super) path: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) shown: Shown,
    /// What the command will do, if it must be confirmed. A part in braces is the value of a parameter.
    pub(super) asks: Option<&'static str>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    /// A `POST` that creates something, so it has an `Idempotency-Key`.
    Create,
    Patch,
    Delete,
}

/// An argument or an option, and what it becomes in the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    /// The name of the option with `_` in place of `-`.
    pub(super) id: &'static str,
    pub(super) help: &'static str,
    pub(super) form: Form,
    pub(super) part: Part,
    pub(super) value: Kind,
}

/// How a parameter is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An argument that is required.
    Argument,
    /// An argument that may be missing.
    OptionalArgument,
    /// An option.
    Option,
    /// An option that is required.
    RequiredOption,
    /// An option without a value.
    Flag,
}

/// The part of the request to which a value belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The part of the path with the name of the parameter.
    Path,
    /// This parameter of the query.
    Query(&'static str),
    /// This field of the body.
    Body(&'static str),
    /// It changes only what this program does.
    Program,
}

/// How a text of the command line becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Number,
    /// The number of an account, which may be named by its address.
    User,
    /// An id, which may be given as the name of an entry: the path of the list, and the name of the entries there.
    Named(&'static str, &'static str),
    /// The name of a subject. With `email:` in front, the account with this address.
    Subject,
    /// Several texts.
    Texts,
    /// Several accounts.
    Users,
    /// Several texts with commas between them, as one text.
    Joined,
    /// True if the option is given.
    True,
    /// True unless the option is given.
    NotTrue,
    /// A number of minutes from now, as a time.
    MinutesFromNow,
    /// A number of days from now, as a time.
    DaysFromNow,
    /// The number of an entry of the audit log, or else the id of an event in the parameter `id`.
    Entry,
    /// The reason of a change, which is asked for if it is missing.
    Reason,
    /// As `Reason`, but only if this flag is given.
    ReasonWith(&'static str),
}

/// How the answer is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    /// A table of the entries under this name, page by page.
    List(&'static str, &'static [Column]),
    /// As `List`, but the answer always has all entries.
    Whole(&'static str, &'static [Column]),
    /// A table of figures over time.
    Statistics,
    /// The fields of an object, one on each line.
    Fields,
    /// A sentence. A part in braces with `/` in front is a value of the answer, with a word after `?` if it may be null; without
    /// `/`, it is a parameter.
    Says(&'static str),
    /// As `Says`, and then the secret at this place of the answer, with this label. Without a label, the sentence goes to standard
    /// error, so that standard output has only the secret.
    SaysWithSecret(&'static str, &'static str, &'static str),
    /// The body as it is, to standard output or into the file of `--output`.
    Document,
    /// The newest entries of the audit log, and with `--follow` new ones.
    Tail,
    /// A proof of the audit log.
    Proof,
    /// The doors of a drill, and when each was shut.
    Drill,
    /// The receipt of a revocation, in words, as JSON, or into the file of `--out`.
    Receipt,
    /// Whether the receipt in a file is valid.
    Verified,
}

impl Noun {
    /// The verb with this name. A noun without verbs has one with an empty name.
    pub(super) fn verb(&self, name: &str) -> Option<&'static Verb> {
        self.verbs.iter().find(|verb| verb.name == name)
    }

    /// Whether the noun itself is the command.
    pub(super) fn is_command(&self) -> bool {
        self.verb("").is_some()
    }
}

impl Verb {
    pub(super) fn parameter(&self, id: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.id == id)
    }

    /// Whether the answer is read in pages.
    pub(super) fn is_paged(&self) -> bool {
        matches!(self.shown, Shown::List(..))
    }

    /// Whether the command can be repeated with `--watch`.
    pub(super) fn can_be_watched(&self) -> bool {
        matches!(self.shown, Shown::List(..) | Shown::Whole(..) | Shown::Statistics)
    }
}

const fn parameter(id: &'static str, form: Form, part: Part, value: Kind, help: &'static str) -> Parameter {
    Parameter { id, help, form, part, value }
}

/// A part of the path.
pub(super) const fn place(id: &'static str, value: Kind, help: &'static str) -> Parameter {
    parameter(id, Form::Argument, Part::Path, value, help)
}

/// An option that becomes the parameter of the query with the same name.
pub(super) const fn filter(id: &'static str, value: Kind, help: &'static str) -> Parameter {
    parameter(id, Form::Option, Part::Query(id), value, help)
}

/// An option that becomes the field of the body with the same name.
pub(super) const fn field(id: &'static str, value: Kind, help: &'static str) -> Parameter {
    parameter(id, Form::Option, Part::Body(id), value, help)
}

/// A parameter that changes only what this program does.
pub(super) const fn program(id: &'static str, form: Form, value: Kind, help: &'static str) -> Parameter {
    parameter(id, form, Part::Program, value, help)
}

/// An option without a value that sets a field of the body.
pub(super) const fn switch(id: &'static str, help: &'static str) -> Parameter {
    parameter(id, Form::Flag, Part::Body(id), Kind::True, help)
}

impl Parameter {
    /// The same parameter with another form.
    pub(super) const fn as_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The same parameter for another part of the request.
    pub(super) const fn for_part(self, part: Part) -> Self {
        Self { part, ..self }
    }
}

/// The reason of a change.
pub(super) const REASON: Parameter = field(
    "reason",
    Kind::Reason,
    "The reason. It is kept in the audit log, and is asked for if it is missing.",
);

/// The account of a command.
pub(super) const USER: Parameter = place(
    "user",
    Kind::User,
    "The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.",
);
