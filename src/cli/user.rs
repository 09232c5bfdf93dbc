//! `portcullis user`: creates, lists and changes users.
//!
//! Changes of role, status, password, factors and address use the same function as every other revocation. So a running server
//! closes the affected sockets.

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use domain::account::role::{Role, Status};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{
    error::CliError,
    remote,
    time_format::seconds,
    tool::{self, DatabaseArgs},
};
use crate::config::Variables;

/// Creates, lists and changes users.
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Creates an active user. Prints the generated password, unless one is given on standard input.
    Create {
        /// The e-mail address.
        email: String,
        /// `user`, `auditor`, `operator` or `admin`.
        #[arg(long, default_value_t = Role::User)]
        role: Role,
        /// The name that other users see.
        #[arg(long)]
        display_name: Option<String>,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists users.
    List {
        /// Only users of this role.
        #[arg(long)]
        role: Option<Role>,
        /// Only users of this status.
        #[arg(long)]
        status: Option<Status>,
        /// The most users to list.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Prints the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Gives a user another password and ends every session of the user. Prints the generated password, unless one is given on
    /// standard input.
    ResetPassword {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Removes a user's authenticator app, passkeys and backup codes, and ends every session of the user.
    ResetFactors {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
    },
    /// Gives a user another e-mail address and ends every session of the user. The password stays.
    SetEmail {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
        /// The new e-mail address.
        email: String,
    },
    /// Changes a user's role. The user's sockets are closed, and their clients reconnect with a new token.
    SetRole {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
        /// `user`, `auditor`, `operator` or `admin`.
        role: Role,
    },
    /// Changes a user's status. Every status but `active` ends every session of the user.
    SetStatus {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
        /// `pending`, `active`, `suspended` or `deactivated`.
        status: Status,
    },
    /// Writes everything that the tables hold about a user, as JSON.
    Export {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
        /// The file, which must not exist, instead of standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Requests the erasure of a user. The account is deactivated and every session of the user ends at once; a running server erases
    /// the account after `ERASURE_GRACE_DAYS`.
    Erase {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
        /// Why, for the audit trail. It is removed when the account is erased.
        #[arg(long)]
        reason: String,
    },
    /// Cancels the erasure of a user, if it has not begun. The account gets its earlier status back.
    CancelErasure {
        /// The e-mail address or the number of the account. If both are possible, write `id:…` or `email:…`.
        user: String,
    },
}

impl User {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        match self.command {
            Command::Create { email, role, display_name, password_stdin } => {
                create(&self.database, variables, &email, role, display_name, password_stdin)
            }
            Command::List { role, status, limit, json } => {
                let filter = store::UserFilter { role, status, limit, ..Default::default() };
                list(&self.database, variables, filter, json)
            }
            Command::ResetPassword { user, password_stdin } => {
                reset_password(&self.database, variables, &user, password_stdin)
            }
            Command::ResetFactors { user } => {
                tool::with_services(&self.database, variables, async |services| {
                    let admin = &services.operators.local_admin;
                    let user = admin.find_user(&user).await?;
                    let ended = tool::count(admin.reset_factors(user.id).await?.sessions);
                    println!("{} no longer has a second factor; sessions ended: {ended}", shown(&user));
                    Ok(())
                })
            }
            Command::SetEmail { user, email } => {
                tool::with_services(&self.database, variables, async |services| {
                    let admin = &services.operators.local_admin;
                    let user = admin.find_user(&user).await?;
                    let ended = tool::count(admin.set_email(user.id, &email).await?.sessions);
                    println!("{} now has the address {email}; sessions ended: {ended}", shown(&user));
                    Ok(())
                })
            }
            Command::SetRole { user, role } => {
                tool::with_services(&self.database, variables, async |services| {
                    let admin = &services.operators.local_admin;
                    let user = admin.find_user(&user).await?;
                    let affected = tool::count(admin.set_role(user.id, role).await?.sessions);
                    println!("{} is now {role}; sessions affected: {affected}", shown(&user));
                    Ok(())
                })
            }
            Command::Export { user, output } => export(&self.database, variables, &user, output.as_deref()),
            Command::Erase { user, reason } => erase(&self.database, variables, &user, &reason),
            Command::CancelErasure { user } => cancel_erasure(&self.database, variables, &user),
            Command::SetStatus { user, status } => {
                tool::with_services(&self.database, variables, async |services| {
                    let admin = &services.operators.local_admin;
                    let user = admin.find_user(&user).await?;
                    let ended = tool::count(admin.set_status(user.id, status).await?.sessions);
                    println!("{} is now {status}; sessions ended: {ended}", shown(&user));
                    Ok(())
                })
            }
        }
    }
}

fn create(
    database: &DatabaseArgs,
    variables: &Variables,
    email: &str,
    role: Role,
    display_name: Option<String>,
    password_stdin: bool,
) -> Result<(), CliError> {
    let given = password_stdin.then(read_password).transpose()?;
    let generated = given.is_none();
    let password = given.unwrap_or_else(service::generated_password);
    tool::with_services(database, variables, async |services| {
        let user =
            services.operators.local_admin.create_user(email, password.clone(), role, display_name).await?;
        println!("created user {} ({}, {})", user.id, user.email, user.role);
        if generated {
            println!("password: {}", password.expose_secret());
        }
        Ok(())
    })
}

fn erase(database: &DatabaseArgs, variables: &Variables, user: &str, reason: &str) -> Result<(), CliError> {
    tool::with_services(database, variables, async |services| {
        let admin = &services.operators.local_admin;
        let user = admin.find_user(user).await?;
        let requested = admin.erase(user.id, reason.to_owned()).await?;
        let (ended, due) = (tool::count(requested.revoked.sessions), requested.erasure.due_at);
        println!("{} will be erased after {}; sessions ended: {ended}", shown(&user), seconds(due));
        Ok(())
    })
}

fn cancel_erasure(database: &DatabaseArgs, variables: &Variables, user: &str) -> Result<(), CliError> {
    tool::with_services(database, variables, async |services| {
        let admin = &services.operators.local_admin;
        let user = admin.find_user(user).await?;
        admin.cancel_erasure(user.id).await?;
        println!("{} will not be erased", shown(&user));
        Ok(())
    })
}

fn export(
    database: &DatabaseArgs,
    variables: &Variables,
    user: &str,
    output: Option<&Path>,
) -> Result<(), CliError> {
    tool::with_services(database, variables, async |services| {
        let admin = &services.operators.local_admin;
        let user = admin.find_user(user).await?;
        // The document has personal data, so no other user of the machine may read the file.
        let mut to: Box<dyn Write> = match output {
            Some(path) => Box::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?),
            None => Box::new(std::io::stdout()),
        };
        let mut export = admin.export(user.id).await?;
        while let Some(piece) = export.next().await? {
            to.write_all(piece.as_bytes())?;
        }
        Ok(to.flush()?)
    })
}

fn list(
    database: &DatabaseArgs,
    variables: &Variables,
    filter: store::UserFilter,
    as_json: bool,
) -> Result<(), CliError> {
    tool::with_services(database, variables, async |services| {
        let users = services.operators.local_admin.list_users(filter).await?;
        let entry = |user: &store::User| {
            json!({
                "id": user.id.0,
                "email": user.email,
                "display_name": user.display_name,
                "role": user.role.as_str(),
                "status": user.status.as_str(),
                "is_active": user.status.is_active(),
                "created_at": remote::moment(user.created_at),
                "last_login_at": user.last_login_at.and_then(remote::moment),
            })
        };
        remote::print_list("user", &users.iter().map(entry).collect::<Vec<_>>(), as_json)
    })
}

fn reset_password(
    database: &DatabaseArgs,
    variables: &Variables,
    user: &str,
    password_stdin: bool,
) -> Result<(), CliError> {
    let given = password_stdin.then(read_password).transpose()?;
    let generated = given.is_none();
    let password = given.unwrap_or_else(service::generated_password);
    tool::with_services(database, variables, async |services| {
        let admin = &services.operators.local_admin;
        let user = admin.find_user(user).await?;
        let ended = tool::count(admin.reset_password(user.id, password.clone()).await?.sessions);
        println!("{} has a new password; sessions ended: {ended}", shown(&user));
        if generated {
            println!("password: {}", password.expose_secret());
        }
        Ok(())
    })
}

/// The number and the address of an account. Both are shown, because the command line may have named the account by either.
fn shown(user: &store::User) -> String {
    format!("user {} ({})", user.id, user.email)
}

fn read_password() -> Result<SecretString, CliError> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    // Some programs write a byte order mark in front of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
