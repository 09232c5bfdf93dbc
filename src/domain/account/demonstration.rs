//! The demonstration users of a development server. `cli` creates them; a production server refuses to start with them.

/// The address of the user with a publicly known password.
pub const USER: &str = "user@example.com";
/// The address of the administrator.
pub const ADMIN: &str = "admin@example.com";
