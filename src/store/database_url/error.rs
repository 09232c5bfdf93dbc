//! Why a text is not a database URL.

/// Why a text is not a valid database URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Neither a URL with a known scheme nor keywords and values.
    #[error(
        "a database URL starts with postgres://, postgresql://, postgresql+psycopg2:// or postgresql+asyncpg://; the other form is `host=… user=…`"
    )]
    Scheme,
    /// An `@` that may end the password, or belong to the name of the database or to a parameter.
    #[error(
        "the database URL can be read in two ways: write `@` as %40, `/` as %2F, `?` as %3F and `#` as %23 in its password and its parameters"
    )]
    Ambiguous,
    /// A parameter that this server does not understand.
    #[error("the parameter `{0}` of the database is not understood")]
    Unknown(String),
    /// A parameter with an invalid value.
    #[error("the parameter `{0}` of the database has an invalid value{expected}", expected = expected(.0))]
    Value(&'static str),
    /// A parameter that is given twice, for example in two spellings, or in the URL and in a setting.
    #[error("`{0}` of the database is given twice")]
    Repeated(&'static str),
    /// The root certificates of the system, with a mode that does not verify the server's name.
    #[error("sslrootcert=system needs sslmode=verify-full")]
    WeakMode,
    /// A file of root certificates, with a mode that does not use root certificates.
    #[error("sslrootcert has no effect without sslmode=require, verify-ca or verify-full")]
    UnusedRoot,
    /// One of the two files of a client certificate, without the other.
    #[error("{0} needs {1}: the certificate and the private key of this client belong together")]
    Incomplete(&'static str, &'static str),
    /// A client certificate for a connection that is never encrypted.
    #[error("sslcert and sslkey have no effect with sslmode=disable")]
    UnusedIdentity,
    /// Channel binding for a connection that is never encrypted.
    #[error(
        "channel_binding=require needs TLS: it is impossible with sslmode=disable and through a socket directory"
    )]
    NoBinding,
    /// An invalid percent escape, `%00`, or escapes of bytes that are not UTF-8.
    #[error("the database URL has a `%` that does not begin an escape in its {0}: write it as %25")]
    Escape(&'static str),
    /// A host that is neither a name, an address nor a socket directory.
    #[error("a host of the database is neither a name, an address (IPv6 in brackets) nor a socket directory")]
    Host,
    /// A port that is not a number from 1 to 65535.
    #[error("a port of the database is not a number from 1 to 65535")]
    Port,
    /// Keywords and values that cannot be told apart.
    #[error(
        "the keywords of the database cannot be read: they have the form `keyword=value keyword='a value'`"
    )]
    Keywords,
    /// A part after `?` that is not `name=value`.
    #[error("the database URL cannot be read: a part after `?` is not of the form name=value")]
    Malformed,
    /// A URL without a host, an address or a socket directory.
    #[error("the database URL names no host")]
    NoHost,
}

impl DatabaseUrlError {
    /// The parameter that the error concerns, if it concerns one.
    #[must_use]
    pub fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::Value(name) | Self::Repeated(name) | Self::Incomplete(name, _) => Some(name),
            Self::WeakMode | Self::UnusedRoot => Some("sslrootcert"),
            Self::UnusedIdentity => Some("sslcert"),
            Self::NoBinding => Some("channel_binding"),
            _ => None,
        }
    }
}

/// The values of a parameter that is a word.
fn expected(name: &str) -> &'static str {
    match name {
        "sslmode" => ": it is disable, allow, prefer, require, verify-ca or verify-full",
        "target_session_attrs" => ": it is any, read-write, read-only, primary, standby or prefer-standby",
        "channel_binding" => ": it is disable, prefer or require",
        "load_balance_hosts" => ": it is disable or random",
        "gssencmode" => ": only disable and prefer are offered",
        _ => "",
    }
}
