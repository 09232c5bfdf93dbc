//! The error of everything that a scenario does. Every file of the program may name it, and it names none of them.

/// Why a scenario could not be completed. `main` prints it to standard error.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
