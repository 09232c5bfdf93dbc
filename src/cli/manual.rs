//! `portcullis manual`: writes the manual pages and the completions of shells. Only `make dist` and the makers of packages need
//! this command, so the help does not show it.
//!
//! All files are made from the definition of the command line, which `command` passes in, so they fit the program that wrote
//! them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use clap_complete::Shell;

use super::error::CliError;

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// What the page of the program says after the commands, in the language of manual pages.
const AFTER_COMMANDS: &str = r#".SH "EXIT STATUS"
.TP
0
The command succeeded.
.TP
1
The command failed.
.TP
2
The command line is wrong, or names something that does not exist.
.TP
3
A server needs a sign-in or a proof of presence.
.TP
4
A server cannot be reached, or cannot answer now.
.TP
78
The settings cannot be used.
.TP
130
A second signal ended the server at once, or a question was answered with Ctrl-C.
.SH ENVIRONMENT
.TP
\fBPORTCULLIS_PROFILE\fR, \fBPORTCULLIS_URL\fR
The profile, or the URL of the server, for commands without \fB--profile\fR and \fB--url\fR.
.SH FILES
.TP
\fI$XDG_STATE_HOME/portcullis\fR, \fI~/.local/state/portcullis\fR
The profiles, and the tokens of the sign-ins.
.TP
\fI/etc/portcullis/portcullis.env\fR
The settings of the service that are not secret. \fBportcullis config reference\fR describes all settings.
.TP
\fI/etc/portcullis/secrets\fR
The secrets of the service, one file each.
.TP
\fI/var/lib/portcullis\fR
The data of the service.
"#;

/// Writes the manual pages and the completions of shells.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The directory. Its folders `man` and `completions` are created, and the files in them are replaced.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Manual {
    /// Writes the files that describe this command line.
    pub(super) fn run(self, command_line: &Command) -> Result<(), CliError> {
        let (pages, completions) = (self.directory.join("man"), self.directory.join("completions"));
        write_pages(command_line, &pages).map_err(|error| failure(&pages, &error))?;
        write_completions(command_line, &completions).map_err(|error| failure(&completions, &error))
    }
}

fn failure(directory: &Path, error: &io::Error) -> CliError {
    CliError::Failure(format!("{}: the files cannot be written ({error})", directory.display()))
}

fn write_pages(command_line: &Command, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command_line.clone(), directory)?;
    let page = directory.join(format!("{}.1", command_line.get_name()));
    OpenOptions::new().append(true).open(page)?.write_all(AFTER_COMMANDS.as_bytes())
}

fn write_completions(command_line: &Command, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut command_line.clone(), command_line.get_name(), directory)?;
    }
    Ok(())
}
