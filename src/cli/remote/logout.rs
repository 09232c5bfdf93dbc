//! `portcullis logout`: ends the session on the server, and removes the tokens.

use clap::Args;

use super::{
    output,
    profile_dir::ProfileDir,
    run::block_on,
    server_args::ServerArgs,
    signed_in::{SignedIn, chosen},
};
use crate::cli::error::CliError;

/// Ends the session on the server, and removes the tokens of this machine. The profile remembers the server.
#[derive(Debug, Args)]
pub(in crate::cli) struct Logout {
    #[command(flatten)]
    server: ServerArgs,
    /// Removes the tokens even if the server cannot be reached. Then the session lives on until its time is over, or until it is
    /// ended in the browser.
    #[arg(long)]
    forget: bool,
}

impl Logout {
    pub(in crate::cli) fn run(self) -> Result<(), CliError> {
        block_on(async {
            let server = SignedIn::open(&self.server)?;
            match server.sign_out().await {
                Ok(true) => output::line(&format!("signed out of {}", server.server())),
                Ok(false) => output::line(&format!("the session at {} had already ended", server.server())),
                Err(error) if self.forget => {
                    let directory = ProfileDir::of_process()?;
                    let (name, _) = chosen(&self.server, &directory)?;
                    directory.remove_tokens(&name, &directory.lock(&name)?)?;
                    eprintln!("portcullis: {error}");
                    output::line(&format!(
                        "the tokens are removed; the session at {} lives on",
                        server.server()
                    ))
                }
                Err(CliError::Unreachable(text)) => Err(CliError::Unreachable(format!(
                    "{text}; nothing was removed (--forget removes the tokens all the same)"
                ))),
                Err(error) => Err(error),
            }
        })
    }
}
