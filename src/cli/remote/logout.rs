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
            self.remove_unusable().await?;
            let server = SignedIn::open(&self.server)?;
            match server.sign_out().await {
                Ok(true) => output::line(&format!("signed out of {}", server.server())),
                Ok(false) => output::line(&format!("the session at {} had already ended", server.server())),
                Err(error) if self.forget => {
                    let directory = ProfileDir::of_process()?;
                    let name = server.profile();
                    directory.remove_tokens(name, &directory.lock(name).await?)?;
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

    /// Removes a file of tokens that cannot be used. Its session cannot be ended with it.
    ///
    /// # Errors
    /// `Failure`, with the ways to end the session, if there was such a file.
    async fn remove_unusable(&self) -> Result<(), CliError> {
        let directory = ProfileDir::of_process()?;
        let (name, Some(profile)) = chosen(&self.server, &directory)? else { return Ok(()) };
        if !directory.has_tokens(&name) || directory.tokens(&name, &profile.server()).is_ok() {
            return Ok(());
        }
        // Another command may have replaced the file meanwhile, so the file is judged under the lock.
        let lock = directory.lock(&name).await?;
        let Err(reason) = directory.tokens(&name, &profile.server()) else { return Ok(()) };
        directory.remove_tokens(&name, &lock)?;
        let server = profile.server();
        Err(CliError::Failure(format!(
            "no session was ended at {server}, because the stored tokens cannot be used: {reason}. The file is now removed, and the session lives on until its time is over. To end it at once, sign in again and run `portcullis session revoke --user ADDRESS`, or end it in the list of the account's sessions (`DELETE /api/v1/sessions`)"
        )))
    }
}
