//! The account: profile, password, factors, devices, sessions, attempts, export and erasure.
