//! Second factors and passkeys, and the challenges that ask for them.

pub(crate) mod challenges;
pub(crate) mod failures;
pub(crate) mod passkeys;
pub(crate) mod second_factors;
pub(crate) mod totp;
