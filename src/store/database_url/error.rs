//! Why a text is not a database URL.

/// Why a text is not a valid database URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// An unknown scheme.
    #[error(
        "a database URL starts with postgres://, postgresql://, postgresql+psycopg2:// or postgresql+asyncpg://"
    )]
    Scheme,
    /// An `@` that may end the password or belong to a parameter.
    #[error(
        "the database URL can be read in two ways: write `@` as %40, `/` as %2F, `?` as %3F and `#` as %23 in its password and its parameters"
    )]
    Ambiguous,
    /// A parameter that this server does not understand.
    #[error("the database URL's parameter `{0}` is not understood")]
    Unknown(String),
    /// A parameter with an invalid value.
    #[error("the database URL's parameter `{0}` has an invalid value")]
    Value(&'static str),
    /// A parameter that is given twice, for example in two spellings.
    #[error("the database URL sets `{0}` twice")]
    Repeated(&'static str),
    /// A root certificate of the system with a mode that would not verify the server's name.
    #[error("the database URL's sslrootcert=system needs sslmode=verify-full")]
    WeakMode,
    /// A root certificate with a mode that would not verify anything with it.
    #[error("the database URL's sslrootcert has no effect without sslmode=require, verify-ca or verify-full")]
    UnusedRoot,
    /// An invalid percent escape.
    #[error("the database URL has a `%` that does not begin an escape in its {0}: write it as %25")]
    Escape(&'static str),
    /// A host with characters that no host has.
    #[error("a host of the database is neither a name, an address (IPv6 in brackets) nor a socket directory")]
    Host,
    /// A port that is not a number.
    #[error("a port of the database is not a number from 1 to 65535")]
    Port,
    /// A part that is not `name=value`.
    #[error("the database URL cannot be read: a part behind `?` is not of the form name=value")]
    Malformed,
    /// Neither a host nor a socket directory.
    #[error("the database URL names no host")]
    NoHost,
}
