//! An account with everything that belongs to it. All of it is written in one transaction.
//!
//! An account never loses its only protection beside the password. If an account had second factors in use and none of them can
//! be imported, the account is suspended, and an operator must decide about it.

use std::collections::HashSet;

use super::{
    columns::{CREDENTIAL_ID, EMAIL, OWN_SECRET, OWN_SECRET_ON},
    device::{ImportedDevice, device},
    factors::{self, ImportedTotp},
    finding::{Finding, Reason},
    keys::ImportKeys,
    passkey::{self, ImportedPasskey},
    source_row::SourceRow,
    user::{ImportedUser, user},
};
use crate::{
    account::{account_key::AccountKey, role::Status},
    factors::passkey::PASSKEYS_PER_USER,
};

/// The rows of an account in the older system.
pub struct SourceAccount {
    /// The row of the account.
    pub user: SourceRow,
    /// Its devices.
    pub devices: Vec<SourceRow>,
    /// Its authenticator apps.
    pub totp: Vec<SourceRow>,
    /// Its backup codes.
    pub backup_codes: Vec<SourceRow>,
    /// Its passkeys.
    pub passkeys: Vec<SourceRow>,
}

/// An account to be written.
#[derive(Clone)]
pub struct ImportedAccount {
    /// The account.
    pub user: ImportedUser,
    /// Its devices.
    pub devices: Vec<ImportedDevice>,
    /// Its authenticator app.
    pub totp: Option<ImportedTotp>,
    /// The hashes of its backup codes.
    pub backup_codes: Vec<[u8; 32]>,
    /// Its passkeys.
    pub passkeys: Vec<ImportedPasskey>,
}

impl SourceAccount {
    /// The key of the account's address, even if the address is not valid.
    #[must_use]
    pub fn account_key(&self) -> AccountKey {
        AccountKey::of(&self.user.text(EMAIL).unwrap_or_default())
    }

    /// The credential ids of the account's passkeys.
    #[must_use]
    pub fn credential_ids(&self) -> Vec<Vec<u8>> {
        self.passkeys.iter().filter_map(|row| row.bytes(CREDENTIAL_ID)).collect()
    }

    /// The findings for all rows of an account that is not imported. `reason` is the finding for the account's own row.
    #[must_use]
    pub fn refused(&self, reason: Finding) -> Vec<Finding> {
        let owned = [&self.devices, &self.totp, &self.backup_codes, &self.passkeys].into_iter().flatten();
        let owned =
            owned.map(|row| row.refused(Reason::UserRefused, "the account of this row was not taken"));
        std::iter::once(reason).chain(owned).collect()
    }

    /// Reads the rows. `takes` returns an error for a passkey that cannot be taken. Either another account has the same
    /// credential id, or the library cannot read the passkey.
    ///
    /// # Errors
    /// The findings for all rows if the account cannot be taken.
    pub fn read(
        &self,
        keys: &ImportKeys,
        takes: impl Fn(&ImportedPasskey) -> Result<(), (Reason, &'static str)>,
        findings: &mut Vec<Finding>,
    ) -> Result<ImportedAccount, Vec<Finding>> {
        let user = user(&self.user, keys, findings).map_err(|reason| self.refused(reason))?;
        let mut lost = false;
        let mut account = ImportedAccount {
            devices: self.devices(keys, findings),
            totp: None,
            backup_codes: Vec::new(),
            passkeys: self.passkeys(keys, takes, findings, &mut lost),
            user,
        };
        self.totp(&mut account, keys, findings, &mut lost);
        self.backup_codes(&mut account, keys, findings);
        let lost = lost || self.user.flag(OWN_SECRET_ON) == Some(true);
        let bare = account.totp.is_none() && account.passkeys.is_empty();
        if lost && bare && matches!(account.user.status, Status::Active | Status::Pending) {
            account.user.status = Status::Suspended;
            let detail = "the account is taken as suspended: it had a second factor, and none could be taken";
            findings.push(self.user.changed(Reason::Suspended, detail));
        }
        Ok(account)
    }

    fn devices(&self, keys: &ImportKeys, findings: &mut Vec<Finding>) -> Vec<ImportedDevice> {
        let (mut taken, mut ids) = (Vec::new(), HashSet::new());
        for row in &self.devices {
            match device(row, keys, findings) {
                Ok(device) if !ids.insert(device.id) => {
                    findings.push(row.refused(Reason::TooMany, "another row has the same device"));
                }
                Ok(device) => taken.push(device),
                Err(finding) => findings.push(finding),
            }
        }
        taken
    }

    fn totp(
        &self,
        account: &mut ImportedAccount,
        keys: &ImportKeys,
        findings: &mut Vec<Finding>,
        lost: &mut bool,
    ) {
        let id = account.user.id.0;
        let own = self.user.text(OWN_SECRET).is_some() && self.user.flag(OWN_SECRET_ON) != Some(false);
        let rows = self.totp.iter().map(|row| (row, factors::OF_ROW));
        let rows = rows.chain(own.then_some((&self.user, OWN_SECRET)));
        for (row, secret) in rows {
            if !factors::in_use(row) && secret == factors::OF_ROW {
                findings.push(row.refused(Reason::Inactive, "the authenticator app was not in use"));
                continue;
            }
            if account.totp.is_some() {
                findings.push(row.refused(Reason::TooMany, "the account has an authenticator app already"));
                continue;
            }
            match factors::totp(row, secret, id, keys) {
                Ok(totp) => account.totp = Some(totp),
                Err(finding) => {
                    findings.push(finding);
                    *lost = true;
                }
            }
        }
    }

    /// Backup codes replace a lost second factor, so they are imported only if the account has one.
    fn backup_codes(&self, account: &mut ImportedAccount, keys: &ImportKeys, findings: &mut Vec<Finding>) {
        let id = account.user.id.0;
        let has_factor = account.totp.is_some() || !account.passkeys.is_empty();
        let mut hashes = HashSet::new();
        for row in self.totp.iter().filter(|row| factors::in_use(row)) {
            hashes.extend(factors::codes_of(row, id, keys, findings));
        }
        for row in &self.backup_codes {
            match factors::code(row, id, keys) {
                Ok(hash) if has_factor => hashes.extend(hash),
                Ok(_) => findings.push(row.refused(Reason::Inactive, "the account has no second factor")),
                Err(finding) => findings.push(finding),
            }
        }
        if has_factor {
            account.backup_codes = hashes.into_iter().collect();
            account.backup_codes.sort_unstable();
        }
    }

    fn passkeys(
        &self,
        keys: &ImportKeys,
        takes: impl Fn(&ImportedPasskey) -> Result<(), (Reason, &'static str)>,
        findings: &mut Vec<Finding>,
        lost: &mut bool,
    ) -> Vec<ImportedPasskey> {
        let mut taken: Vec<ImportedPasskey> = Vec::new();
        for row in &self.passkeys {
            if !passkey::in_use(row) {
                findings.push(row.refused(Reason::Inactive, "the passkey was not in use"));
                continue;
            }
            let read = passkey::passkey(row, &self.user, keys, findings).and_then(|read| {
                takes(&read).map_err(|(reason, detail)| row.refused(reason, detail))?;
                if taken.iter().any(|other| other.credential_id == read.credential_id) {
                    return Err(row.refused(Reason::PasskeyTaken, "another row has the same passkey"));
                }
                if taken.len() >= PASSKEYS_PER_USER as usize {
                    return Err(row.refused(Reason::TooMany, "the account has 20 passkeys already"));
                }
                Ok(read)
            });
            match read {
                Ok(read) => taken.push(read),
                Err(finding) => {
                    findings.push(finding);
                    *lost = true;
                }
            }
        }
        taken
    }
}
