//! The common error type of all scenarios. Every file of the program may use this file, which itself uses no other file.

/// Why a scenario could not be completed. `main` prints it to standard error.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
