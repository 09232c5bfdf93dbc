//! The command line of operators against a running server: signing in, the commands of each noun, and what is shown.

mod changes;
mod lists;
mod sign_in;
mod top;
mod watching;
