//! Which server a command uses, and whether it uses a server or the database.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches as _, parser::ValueSource};

use crate::cli::error::CliError;

/// The name of the profile that is used if none is given.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// Which server a command uses. These options may be anywhere on the command line.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The URL of a running server, which then does the work with the rights of the account that has signed in.
    #[arg(long, global = true, value_name = "URL", env = "PORTCULLIS_URL", help_heading = "Server")]
    pub(super) url: Option<String>,
    /// The profile: a server, and the account that has signed in there. Without it, the profile of `--url`, or `default`.
    #[arg(long, global = true, value_name = "NAME", env = "PORTCULLIS_PROFILE", help_heading = "Server")]
    pub(super) profile: Option<String>,
    /// A file with the certificates (PEM) of the authorities that may have signed the server's certificate, instead of those of
    /// the system. `login` remembers it.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Server")]
    pub(super) ca_file: Option<PathBuf>,
    /// A file with a client certificate and its key (PEM), for servers with `CLIENT_CA_FILE`. `login` remembers it.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Server")]
    pub(super) client_cert: Option<PathBuf>,
    /// Permits `http://` to another machine, where others can read the password and the tokens. `login` remembers it.
    #[arg(long, global = true, help_heading = "Server")]
    pub(super) insecure_http: bool,
    /// Reads the proof of presence, which the server may require for a change, from standard input: one line with the code of the
    /// authenticator app, or with the password if the account has no second factor.
    #[arg(long, global = true, help_heading = "Server")]
    pub(super) step_up_stdin: bool,
}

/// What does the work of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A running server.
    Server,
    /// The database.
    Database,
}

impl ServerArgs {
    /// The options of a command.
    pub(super) fn of(matches: &ArgMatches) -> Result<Self, CliError> {
        Self::from_arg_matches(matches).map_err(|error| CliError::Usage(error.to_string()))
    }

    /// The name of the profile, if it is given.
    ///
    /// # Errors
    /// `Usage` for a name that is no name of a file.
    pub(super) fn profile_name(&self) -> Result<Option<&str>, CliError> {
        let Some(name) = self.profile.as_deref() else { return Ok(None) };
        let fits = !name.is_empty()
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if fits {
            return Ok(Some(name));
        }
        let rule = "the name of a profile has 1 to 64 letters, digits, `-` and `_`";
        Err(CliError::Usage(format!("--profile: {rule}")))
    }
}

/// Where the command with these arguments does its work. `--url` and `--profile` name a server, and so do their variables, unless
/// the command line names the database. Without any of them, the database is used, if the command can use it: an earlier `login`
/// never changes what a command does.
///
/// # Errors
/// `Usage` if the command line names both.
pub(crate) fn place(
    matches: &ArgMatches,
    has_server_side: bool,
    has_database_side: bool,
) -> Result<Place, CliError> {
    let source = |id: &str| match matches.try_contains_id(id) {
        Ok(true) => matches.value_source(id),
        _ => None,
    };
    let typed =
        |ids: [&'static str; 2]| ids.into_iter().find(|id| source(id) == Some(ValueSource::CommandLine));
    let (server, database) = (typed(["url", "profile"]), typed(["database_url", "data_dir"]));
    let word = |id: &str| format!("--{}", id.replace('_', "-"));
    match (server, database) {
        (Some(server), Some(database)) => {
            let (server, database) = (word(server), word(database));
            Err(CliError::Usage(format!("{server} names a server and {database} a database: give only one")))
        }
        (Some(_), None) => Ok(Place::Server),
        (None, Some(_)) => Ok(Place::Database),
        (None, None) if !has_server_side => Ok(Place::Database),
        (None, None) if source("url").is_some() || source("profile").is_some() => Ok(Place::Server),
        (None, None) if has_database_side => Ok(Place::Database),
        (None, None) => Ok(Place::Server),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn place_of(line: &[&str], has_database_side: bool) -> Result<Place, CliError> {
        let command = ServerArgs::augment_args(Command::new("test"));
        // The variables of this process must not decide.
        let command = ["url", "profile"]
            .into_iter()
            .fold(command, |command, id| command.mut_arg(id, |arg| arg.env(None::<&str>)));
        let command = command.arg(Arg::new("database_url").long("database-url"));
        let command = command.arg(Arg::new("data_dir").long("data-dir").default_value("x"));
        place(&command.get_matches_from(std::iter::once(&"test").chain(line)), true, has_database_side)
    }

    #[test]
    fn only_the_command_line_and_its_variables_choose_the_server() {
        assert_eq!(place_of(&[], true).expect("a place"), Place::Database);
        assert_eq!(place_of(&[], false).expect("a place"), Place::Server);
        assert_eq!(place_of(&["--url", "https://a"], true).expect("a place"), Place::Server);
        assert_eq!(place_of(&["--profile", "a"], true).expect("a place"), Place::Server);
        assert_eq!(place_of(&["--database-url", "a"], true).expect("a place"), Place::Database);
        let both = place_of(&["--url", "https://a", "--data-dir", "a"], true).expect_err("both");
        assert!(both.to_string().contains("--url names a server and --data-dir a database"), "{both}");
    }

    #[test]
    fn the_name_of_a_profile_is_no_path() {
        let args = |name: &str| ServerArgs {
            url: None,
            profile: Some(name.to_owned()),
            ca_file: None,
            client_cert: None,
            insecure_http: false,
            step_up_stdin: false,
        };
        assert_eq!(args("prod-1").profile_name().expect("a name"), Some("prod-1"));
        for name in ["", "../prod", "a b", "a/b", "."] {
            args(name).profile_name().expect_err(name);
        }
    }
}
