//! The console of operators.
