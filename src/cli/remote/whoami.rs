//! `portcullis whoami`: which account has signed in where.

use clap::Args;
use serde_json::{Value, json};

use super::{
    http_client::Request, output, rendering, run::block_on, server_args::ServerArgs, signed_in::SignedIn,
};
use crate::cli::error::CliError;

/// Shows which account has signed in to which server.
#[derive(Debug, Args)]
pub(in crate::cli) struct Whoami {
    #[command(flatten)]
    server: ServerArgs,
    /// Prints the answer as JSON.
    #[arg(long)]
    json: bool,
}

impl Whoami {
    pub(in crate::cli) fn run(self) -> Result<(), CliError> {
        block_on(async {
            let server = SignedIn::open(&self.server)?;
            // The profile needs a session, so a token that is no longer good is renewed. The status of a session does not.
            let profile = server.call(&Request::get("/api/v1/profile")).await?;
            let status = server.call(&Request::get("/api/v1/auth/status")).await?;
            let user = ["id", "email", "display_name", "role", "status"];
            let user: serde_json::Map<String, Value> =
                user.into_iter().map(|name| (name.to_owned(), profile[name].clone())).collect();
            let answer = json!({
                "server": server.server(),
                "profile": server.profile(),
                "user": user,
                "session": status["session"],
            });
            if self.json {
                return output::json(&answer, false);
            }
            output::line(&rendering::fields(&answer).join("\n"))
        })
    }
}
