//! The addresses of databases and what each must lead to. `urls` tries them.
//!
//! Words in braces stand for ports and files of the servers. `{main}` has TLS, `{plain}` has none, and the certificate of
//! `{expired}` has expired. `{standby}` has TLS and is a standby. Nothing listens on `{closed}`.

/// What an address must lead to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// An encrypted connection.
    Encrypted,
    /// A connection without encryption.
    Plain,
    /// An encrypted connection on which the server knows this name from the certificate of the client.
    Identified(&'static str),
    /// The settings are refused with a message that contains this text.
    Refused(&'static str),
    /// The connection fails with a message that contains this text.
    Fails(&'static str),
}

use Expected::{Encrypted, Fails, Identified, Plain, Refused};

/// Values of `DATABASE_URL`.
pub(super) const URLS: &[(&str, Expected)] = &[
    // The schemes and forms.
    ("postgres://app:hunter2@localhost:{main}/portcullis", Encrypted),
    ("postgresql://app:hunter2@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgresql+psycopg2://app:hunter2@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgresql+asyncpg://app:hunter2@localhost:{main}/portcullis?ssl=require", Encrypted),
    ("postgres://localhost:{main}/?user=app&password=hunter2&dbname=portcullis", Encrypted),
    ("host=localhost port={main} user=app password=hunter2 dbname=portcullis", Encrypted),
    (
        "host=localhost port={main} user = app password='hunter2' dbname='portcullis' sslmode=require",
        Encrypted,
    ),
    ("mysql://app:hunter2@localhost:{main}/portcullis", Refused("DATABASE_URL: a database URL starts with")),
    ("portcullis", Refused("DATABASE_URL: a database URL starts with")),
    ("host=localhost user=app password='hunter2", Refused("the keywords of the database cannot be read")),
    (
        "host=localhost user=app password=hunter2 more=x",
        Refused("the keywords of the database cannot be read"),
    ),
    (
        "host=localhost colour=red user=app",
        Refused("the parameter `colour` of the database is not understood"),
    ),
    ("host=localhost user=app user=ada", Refused("`user` of the database is given twice")),
    // The modes.
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=disable", Plain),
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=allow", Encrypted),
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=prefer", Encrypted),
    ("postgres://app:hunter2@localhost:{plain}/portcullis?sslmode=allow", Plain),
    ("postgres://app:hunter2@localhost:{plain}/portcullis?sslmode=prefer", Plain),
    (
        "postgres://app:hunter2@localhost:{plain}/portcullis?sslmode=require",
        Fails("server does not support TLS"),
    ),
    (
        "postgres://app:hunter2@localhost:{plain}/portcullis?sslmode=verify-full&sslrootcert={ca}",
        Fails("server does not support TLS"),
    ),
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-ca&sslrootcert={ca}", Encrypted),
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-full&sslrootcert={ca}", Encrypted),
    ("postgres://app:hunter2@127.0.0.1:{main}/portcullis?sslmode=verify-full&sslrootcert={ca}", Encrypted),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=maybe",
        Refused("it is disable, allow, prefer,"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=prefer&sslrootcert={ca}",
        Refused("sslrootcert has no"),
    ),
    // The server accepts this role only with encryption, and the next one only without it.
    (
        "postgres://tls_only:hunter2@localhost:{main}/portcullis?sslmode=disable",
        Fails("sslmode=require encrypts"),
    ),
    ("postgres://tls_only:hunter2@localhost:{main}/portcullis?sslmode=allow", Encrypted),
    ("postgres://plain_only:hunter2@localhost:{main}/portcullis?sslmode=prefer", Plain),
    ("postgres://plain_only:hunter2@localhost:{main}/portcullis?sslmode=require", Fails("(28000)")),
    // Certificates of the server.
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-full&sslrootcert={other_ca}",
        Fails("the certificate of the server comes from an authority that is not trusted"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-ca&sslrootcert={other_ca}",
        Fails("the certificate of the server comes from an authority that is not trusted"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&sslrootcert={other_ca}",
        Fails("the certificate of the server comes from an authority that is not trusted"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-full",
        Fails("the certificate of the server comes from an authority that is not trusted"),
    ),
    (
        "postgres://app:hunter2@db.example/portcullis?hostaddr=127.0.0.1&port={main}&sslmode=verify-full&sslrootcert={ca}",
        Fails("the certificate of the server is for another host name"),
    ),
    (
        "postgres://app:hunter2@db.example/portcullis?hostaddr=127.0.0.1&port={main}&sslmode=verify-ca&sslrootcert={ca}",
        Encrypted,
    ),
    (
        "postgres://app:hunter2@localhost:{expired}/portcullis?sslmode=verify-full&sslrootcert={ca}",
        Fails("the certificate of the server has expired"),
    ),
    (
        "postgres://app:hunter2@localhost:{expired}/portcullis?sslmode=verify-ca&sslrootcert={ca}",
        Fails("the certificate of the server has expired"),
    ),
    ("postgres://app:hunter2@localhost:{expired}/portcullis?sslmode=require", Encrypted),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
        Fails("root certificates /nowhere/ca.pem"),
    ),
    // Certificates of this client.
    (
        "postgres://by_certificate@localhost:{main}/portcullis?sslmode=require&sslcert={cert}&sslkey={key}",
        Identified("by_certificate"),
    ),
    (
        "postgres://with_certificate:hunter2@localhost:{main}/portcullis?sslmode=verify-full&sslrootcert={ca}&sslcert={cert}&sslkey={key}",
        Identified("by_certificate"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=prefer&sslcert={cert}&sslkey={key}",
        Identified("by_certificate"),
    ),
    (
        "postgres://with_certificate:hunter2@localhost:{main}/portcullis?sslmode=require",
        Fails("sslcert and sslkey give the certificate of this client"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&sslcert={other_cert}&sslkey={other_key}",
        Fails("the certificate of this client"),
    ),
    (
        "postgres://tls_only@localhost:{main}/portcullis?sslmode=require&sslcert={cert}&sslkey={key}",
        Fails("password missing"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&sslcert={cert}",
        Refused("sslcert needs sslkey"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&sslkey={key}",
        Refused("sslkey needs sslcert"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=disable&sslcert={cert}&sslkey={key}",
        Refused("sslcert and sslkey have no effect"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&sslcert={cert}&sslkey={other_key}",
        Fails("the client certificate"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&sslcert={cert}&sslkey={open_key}",
        Fails("others may change the file"),
    ),
    // Channel binding.
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&channel_binding=require", Encrypted),
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&channel_binding=prefer", Encrypted),
    ("postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require&channel_binding=disable", Encrypted),
    (
        "postgres://weak:hunter2@localhost:{main}/portcullis?sslmode=require&channel_binding=require",
        Fails("server did not use channel binding"),
    ),
    ("postgres://weak:hunter2@localhost:{main}/portcullis?sslmode=require", Encrypted),
    (
        "postgres://app:hunter2@localhost:{plain}/portcullis?sslmode=prefer&channel_binding=require",
        Fails("server did not use channel binding"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=disable&channel_binding=require",
        Refused("channel_binding=require needs TLS"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?channel_binding=always",
        Refused("it is disable, prefer or require"),
    ),
    // Passwords.
    ("postgres://question:p?w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://at:p@w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://at:p%40w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://percent:p%2541w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://percent:p%41w@localhost:{main}/portcullis?sslmode=require", Fails("(28P01)")),
    ("postgres://hash:p#w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://space:p w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://space:p%20w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://unicode:pässwörd→😀@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://slash:p/w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://colon:p:w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://ampersand:p&w=x@localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://plus:p+w@localhost:{main}/portcullis?sslmode=require", Encrypted),
    (r"host=localhost port={main} user=quote password='p\'w\x22\\' dbname=portcullis", Fails("(28P01)")),
    (r#"host=localhost port={main} user=quote password='p\'w"\\' dbname=portcullis"#, Encrypted),
    ("host=localhost port={main} user=space password='p w' dbname=portcullis", Encrypted),
    ("postgres://app:wrong@localhost:{main}/portcullis?sslmode=require", Fails("(28P01)")),
    ("postgres://app:hunter2%zz@localhost:{main}/portcullis", Refused("write it as %25")),
    (
        "postgres://app:hunter2@x/y@localhost:{main}/portcullis?sslmode=require",
        Refused("can be read in two ways"),
    ),
    // Missing and wrong parts.
    ("postgres://app@localhost:{main}/portcullis?sslmode=require", Fails("password missing")),
    ("postgres://app:hunter2@localhost:{main}/missing?sslmode=require", Fails("(3D000)")),
    ("postgres://app:hunter2@localhost:{closed}/portcullis", Fails("error connecting to server")),
    ("postgres://app:hunter2@no-such-host.invalid/portcullis", Fails("the name of the host has no address")),
    ("postgres://app:hunter2@/portcullis", Refused("the database URL names no host")),
    ("postgres://app:hunter2@localhost:99999/portcullis", Refused("a port of the database")),
    ("postgres://app:hunter2@localhost:{main}/portcullis?application_name", Refused("name=value")),
    // IPv6 and Unix sockets.
    ("postgres://app:hunter2@[::1]:{main}/portcullis?sslmode=require", Encrypted),
    (
        "postgres://app:hunter2@[::1]:{main}/portcullis?sslmode=verify-full&sslrootcert={ca}",
        Fails("the certificate of the server is for another host name"),
    ),
    ("postgres://app:hunter2@{socket}:{main}/portcullis", Plain),
    ("postgres:///portcullis?host={directory}&port={main}&user=app&password=hunter2&sslmode=require", Plain),
    ("host={directory} port={main} user=app password=hunter2 dbname=portcullis", Plain),
    ("postgres://app:hunter2@{socket}:1/portcullis", Fails("error connecting to server")),
    (
        "postgres://app:hunter2@{socket}:{main}/portcullis?channel_binding=require",
        Refused("channel_binding=require needs TLS"),
    ),
    // Several servers.
    ("postgres://app:hunter2@localhost:{closed},localhost:{main}/portcullis?sslmode=require", Encrypted),
    ("postgres://app:hunter2@localhost:{standby},localhost:{main}/portcullis?sslmode=require", Encrypted),
    (
        "postgres://app:hunter2@localhost:{standby},localhost:{main}/portcullis?target_session_attrs=primary",
        Encrypted,
    ),
    (
        "postgres://app:hunter2@localhost:{standby},localhost:{main}/portcullis?target_session_attrs=any",
        Fails("read-only"),
    ),
    ("postgres://app:hunter2@localhost,{socket}/portcullis?port={closed},{main}&sslmode=require", Plain),
    (
        "postgres://app:hunter2@localhost:{standby}/portcullis?target_session_attrs=primary",
        Fails("the server is a standby (target_session_attrs=primary)"),
    ),
    (
        "postgres://reader:hunter2@localhost:{main}/portcullis?target_session_attrs=read-write",
        Fails("the server is read-only (target_session_attrs=read-write)"),
    ),
    (
        "postgres://app:hunter2@localhost:{standby},localhost:{closed}/portcullis",
        Fails(
            "localhost:{standby}: the server is read-only (target_session_attrs=read-write); localhost:{closed}: ",
        ),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?target_session_attrs=standby",
        Refused("the server writes to its database"),
    ),
    (
        "postgres://app:hunter2@localhost:{main}/portcullis?target_session_attrs=primus",
        Refused("it is any, read-write, read-only, primary, standby or prefer-standby"),
    ),
];

/// Separate settings.
pub(super) const PARTS: &[(&[(&str, &str)], Expected)] = &[
    (&[("POSTGRES_HOST", "localhost")], Encrypted),
    (&[("POSTGRES_HOST", "localhost"), ("POSTGRES_PORT", "{plain}")], Fails("server does not support TLS")),
    (&[("POSTGRES_HOST", "localhost"), ("POSTGRES_PORT", "{plain}"), ("POSTGRES_SSLMODE", "prefer")], Plain),
    (&[("POSTGRES_HOST", "localhost"), ("POSTGRES_SSLMODE", "disable")], Plain),
    (&[("POSTGRES_HOST", "{directory}")], Plain),
    (&[("POSTGRES_HOST", "::1")], Encrypted),
    (&[("POSTGRES_HOST", "[::1]")], Encrypted),
    (
        &[("POSTGRES_HOST", "localhost"), ("POSTGRES_USER", "percent"), ("POSTGRES_PASSWORD", "p%41w")],
        Encrypted,
    ),
    (
        &[("POSTGRES_HOST", "localhost"), ("POSTGRES_USER", "quote"), ("POSTGRES_PASSWORD", "p'w\"\\")],
        Encrypted,
    ),
    (
        &[
            ("POSTGRES_HOST", "localhost"),
            ("POSTGRES_SSLMODE", "verify-full"),
            ("POSTGRES_SSLROOTCERT_FILE", "{ca}"),
        ],
        Encrypted,
    ),
    (
        &[
            ("POSTGRES_HOST", "localhost"),
            ("POSTGRES_SSLMODE", "verify-full"),
            ("POSTGRES_SSLROOTCERT_FILE", "{other_ca}"),
        ],
        Fails("comes from an authority that is not trusted"),
    ),
    (
        &[
            ("POSTGRES_HOST", "localhost"),
            ("POSTGRES_USER", "with_certificate"),
            ("POSTGRES_SSLCERT_FILE", "{cert}"),
            ("POSTGRES_SSLKEY_FILE", "{key}"),
        ],
        Identified("by_certificate"),
    ),
    (
        &[("POSTGRES_HOST", "localhost"), ("POSTGRES_SSLCERT_FILE", "{cert}")],
        Refused("POSTGRES_SSLCERT_FILE: sslcert needs sslkey"),
    ),
    (
        &[("POSTGRES_HOST", "localhost"), ("POSTGRES_SSLMODE", "on")],
        Refused("POSTGRES_SSLMODE: the parameter `sslmode` of the database has an invalid value"),
    ),
    (&[("POSTGRES_HOST", "localhost"), ("POSTGRES_CHANNEL_BINDING", "require")], Encrypted),
    (
        &[("POSTGRES_HOST", "localhost"), ("POSTGRES_TARGET_SESSION_ATTRS", "standby")],
        Refused("POSTGRES_TARGET_SESSION_ATTRS: target_session_attrs=standby: the server writes"),
    ),
    (&[("POSTGRES_HOST", "localhost,127.0.0.1")], Encrypted),
    (&[("POSTGRES_HOST", "localhost:5432")], Refused("POSTGRES_HOST: a host of the database")),
    (&[("POSTGRES_HOST", "localhost"), ("POSTGRES_PASSWORD", "")], Fails("password missing")),
    (
        &[
            ("DATABASE_URL", "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=verify-full"),
            ("POSTGRES_SSLROOTCERT_FILE", "{ca}"),
        ],
        Encrypted,
    ),
    (
        &[
            ("DATABASE_URL", "postgres://app:hunter2@localhost:{main}/portcullis?sslmode=require"),
            ("POSTGRES_SSLMODE", "verify-full"),
        ],
        Refused("POSTGRES_SSLMODE: `sslmode` of the database is given twice"),
    ),
    (
        &[
            ("DATABASE_URL", "postgres://app:hunter2@localhost:{main}/portcullis?connect_timeout=7"),
            ("DATABASE_CONNECT_SECONDS", "7"),
        ],
        Refused("DATABASE_CONNECT_SECONDS: `connect_timeout` of the database is given twice"),
    ),
    (&[("POSTGRES_USER", "app")], Refused("nothing names a database")),
];
