//! `portcullis user`: creates, lists and changes users.
//!
//! A change of role or status uses the same function as every other revocation, so a running server closes the affected
//! sockets.

use std::io::Read;

use clap::{Args, Subcommand};
use domain::account::role::{Role, Status};
use secrecy::{ExposeSecret, SecretString};

use super::{
    error::CliError,
    tool::{self, DatabaseArgs},
};

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
        /// `user`, `operator` or `admin`.
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
    },
    /// Gives a user another password and ends every session of the user. Prints the generated password, unless one is given on standard input.
    ResetPassword {
        /// The e-mail address or the number of the account (`id:7`, `email:…` if it could be both).
        user: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Removes a user's authenticator app, passkeys and backup codes, and ends every session of the user.
    ResetFactors {
        /// The e-mail address or the number of the account (`id:7`, `email:…` if it could be both).
        user: String,
    },
    /// Gives a user another e-mail address and ends every session of the user. The password stays.
    SetEmail {
        /// The e-mail address or the number of the account (`id:7`, `email:…` if it could be both).
        user: String,
        /// The new e-mail address.
        email: String,
    },
    /// Changes a user's role. The user's sockets are closed, and their clients reconnect with a new token.
    SetRole {
        /// The e-mail address or the number of the account (`id:7`, `email:…` if it could be both).
        user: String,
        /// `user`, `operator` or `admin`.
        role: Role,
    },
    /// Changes a user's status. Every status but `active` ends every session of the user.
    SetStatus {
        /// The e-mail address or the number of the account (`id:7`, `email:…` if it could be both).
        user: String,
        /// `pending`, `active`, `suspended` or `deactivated`.
        status: Status,
    },
}

impl User {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self.command {
            Command::Create { email, role, display_name, password_stdin } => {
                create(&self.database, &email, role, display_name, password_stdin)
            }
            Command::List { role, status, limit } => list(&self.database, role, status, limit),
            Command::ResetPassword { user, password_stdin } => {
                reset_password(&self.database, &user, password_stdin)
            }
            Command::ResetFactors { user } => tool::with_services(&self.database, async |services| {
                let admin = &services.operators.local_admin;
                let user = admin.find_user(&user).await?;
                let ended = tool::count(admin.reset_factors(user.id).await?.sessions);
                println!("{} no longer has a second factor; sessions ended: {ended}", shown(&user));
                Ok(())
            }),
            Command::SetEmail { user, email } => tool::with_services(&self.database, async |services| {
                let admin = &services.operators.local_admin;
                let user = admin.find_user(&user).await?;
                let ended = tool::count(admin.set_email(user.id, &email).await?.sessions);
                println!("{} now has the address {email}; sessions ended: {ended}", shown(&user));
                Ok(())
            }),
            Command::SetRole { user, role } => tool::with_services(&self.database, async |services| {
                let admin = &services.operators.local_admin;
                let user = admin.find_user(&user).await?;
                let affected = tool::count(admin.set_role(user.id, role).await?.sessions);
                println!("{} is now {role}; sessions affected: {affected}", shown(&user));
                Ok(())
            }),
            Command::SetStatus { user, status } => tool::with_services(&self.database, async |services| {
                let admin = &services.operators.local_admin;
                let user = admin.find_user(&user).await?;
                let ended = tool::count(admin.set_status(user.id, status).await?.sessions);
                println!("{} is now {status}; sessions ended: {ended}", shown(&user));
                Ok(())
            }),
        }
    }
}

fn create(
    database: &DatabaseArgs,
    email: &str,
    role: Role,
    display_name: Option<String>,
    password_stdin: bool,
) -> Result<(), CliError> {
    let given = password_stdin.then(read_password).transpose()?;
    let generated = given.is_none();
    let password = given.unwrap_or_else(generate_password);
    tool::with_services(database, async |services| {
        let user =
            services.operators.local_admin.create_user(email, password.clone(), role, display_name).await?;
        println!("created user {} ({}, {})", user.id, user.email, user.role);
        if generated {
            println!("password: {}", password.expose_secret());
        }
        Ok(())
    })
}

fn list(
    database: &DatabaseArgs,
    role: Option<Role>,
    status: Option<Status>,
    limit: u32,
) -> Result<(), CliError> {
    tool::with_services(database, async |services| {
        let filter = store::UserFilter { role, status, limit, ..Default::default() };
        println!("{:>8}  {:9}  {:11}  email", "id", "role", "status");
        for user in services.operators.local_admin.list_users(filter).await? {
            println!("{:>8}  {:9}  {:11}  {}", user.id, user.role.as_str(), user.status.as_str(), user.email);
        }
        Ok(())
    })
}

fn reset_password(database: &DatabaseArgs, user: &str, password_stdin: bool) -> Result<(), CliError> {
    let given = password_stdin.then(read_password).transpose()?;
    let generated = given.is_none();
    let password = given.unwrap_or_else(generate_password);
    tool::with_services(database, async |services| {
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

/// An account as the tools name it: its number beside its address, because either may have found it.
fn shown(user: &store::User) -> String {
    format!("user {} ({})", user.id, user.email)
}

/// A password of 122 random bits, as 32 hexadecimal digits.
fn generate_password() -> SecretString {
    SecretString::from(uuid::Uuid::new_v4().simple().to_string())
}

fn read_password() -> Result<SecretString, CliError> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    // Some programs write a byte order mark in front of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
