//! One run of an import, from the check of the ids to the last attempt.
//!
//! A dry run reads and decides like a real run, but writes nothing. The run remembers what earlier batches would have written,
//! so that later batches decide as in a real run.

use std::collections::HashMap;

use domain::import::{
    account::{ImportedAccount, SourceAccount},
    attempt::attempt,
    columns::Kind,
    finding::{Finding, Reason},
    keys::ImportKeys,
    passkey::ImportedPasskey,
    source_row::SourceRow,
    user::user_id,
};
use protocol::audit::{AuditEvent, Outcome};
use store::{ImportSource, ImportTaken, SourceValues, Store, StoreError};
use webauthn_rs::prelude::Passkey;

use super::{
    error::ImportError,
    layout::{ID, Layout, OWNER, ReadTable},
    observer::ImportObserver,
    summary::{Count, ImportSummary},
};
use crate::core::clock::Clock;

/// The number of accounts that are read at a time. It is large, because each batch searches the tables of devices and factors
/// for the rows of these accounts, and the tables may have no index for this search.
const READ: u32 = 5_000;
/// The number of accounts that are written in one transaction.
const WRITTEN: usize = 500;
/// The number of attempts in a batch, and of ids that are checked at a time.
const ROWS: u32 = 2_000;
/// The number of clashing ids that the error names.
const NAMED: usize = 10;

/// What a run works with.
pub(super) struct Parts<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) keys: &'a ImportKeys,
    pub(super) source: &'a ImportSource,
}

/// A run.
pub(super) struct Run<'a> {
    parts: Parts<'a>,
    layout: &'a Layout,
    dry_run: bool,
    observer: &'a mut dyn ImportObserver,
    summary: ImportSummary,
    /// The accounts that this run has taken or found in the target, by their account keys.
    addresses: HashMap<String, i64>,
    /// The accounts of the passkeys that this run has taken, by credential id.
    passkeys: HashMap<Vec<u8>, i64>,
    /// The keyed hash in the attempts of an account, for each account that this run or an earlier run has taken.
    identifiers: HashMap<i64, String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        parts: Parts<'a>,
        layout: &'a Layout,
        dry_run: bool,
        observer: &'a mut dyn ImportObserver,
    ) -> Self {
        let tables = layout.tables.iter().map(|(kind, table)| (*kind, (table.name, Count::default())));
        let summary = ImportSummary {
            tables: tables.collect(),
            unknown_columns: layout.unknown_columns.clone(),
            ..ImportSummary::default()
        };
        let (addresses, passkeys, identifiers) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { parts, layout, dry_run, observer, summary, addresses, passkeys, identifiers }
    }

    pub(super) async fn finish(mut self) -> Result<ImportSummary, ImportError> {
        self.count_other_tables().await?;
        let mut rows = 0;
        for kind in [Kind::User, Kind::Attempt] {
            if let Some(table) = self.layout.tables.get(&kind) {
                rows += self.parts.source.count(table.name).await.map_err(ImportError::Source)?;
            }
        }
        self.check_numbers().await?;
        let highest = self.check_ids().await?;
        if highest > 0 && !self.dry_run {
            self.parts.store.reserve_user_ids(highest).await.map_err(ImportError::Target)?;
        }
        self.observer.begins(rows);
        self.accounts().await?;
        self.orphans().await?;
        self.attempts().await?;
        Ok(self.summary)
    }

    async fn count_other_tables(&mut self) -> Result<(), ImportError> {
        let source = self.parts.source;
        for name in &self.layout.unknown_tables {
            let rows = source.count(name).await.map_err(ImportError::Source)?;
            self.summary.unknown_tables.push((name.clone(), rows));
        }
        for (name, why) in &self.layout.left_out {
            let rows = source.count(name).await.map_err(ImportError::Source)?;
            self.summary.left_out.push((name.clone(), rows, why));
        }
        Ok(())
    }

    fn users(&self) -> Result<&'a ReadTable, ImportError> {
        self.layout
            .tables
            .get(&Kind::User)
            .ok_or_else(|| ImportError::Refused("the database of --from has no table of accounts".to_owned()))
    }

    /// Refuses a source with an id of an unusual form, such as `007`. Otherwise the rows of an account, for example its second
    /// factor, would not be found.
    async fn check_numbers(&self) -> Result<(), ImportError> {
        for kind in [Kind::User].into_iter().chain(Kind::OWNED) {
            let Some(table) = self.layout.tables.get(&kind) else { continue };
            let column = if kind == Kind::User { ID } else { OWNER };
            if table.table.column(column).is_some_and(|column| column.is_number) {
                continue;
            }
            let odd = self.parts.source.odd_numbers(table.name, column).await.map_err(ImportError::Source)?;
            if odd > 0 {
                return Err(ImportError::Refused(format!(
                    "{odd} values of `{}.{column}` in the database of --from are not whole numbers in their usual form, such as 7",
                    table.name
                )));
            }
        }
        Ok(())
    }

    /// Refuses the import if an account of the target has the id of an account of the source, but was not imported. An account
    /// was imported if it has the user handle that the import derives from its id. Returns the highest id of the source.
    async fn check_ids(&self) -> Result<i64, ImportError> {
        let Parts { store, keys, source, .. } = &self.parts;
        let table = self.users()?;
        source.begin(table.name, table.order).await.map_err(ImportError::Source)?;
        let (mut highest, mut clashes) = (0, Vec::new());
        loop {
            let rows = source.next(ROWS).await.map_err(ImportError::Source)?;
            if rows.is_empty() {
                break;
            }
            let rows = rows.into_iter().map(|values| SourceRow::new(table.name, values));
            let ids: Vec<i64> = rows.filter_map(|row| user_id(&row).ok()).collect();
            highest = ids.iter().copied().max().unwrap_or_default().max(highest);
            let taken = store.import_taken(ids, Vec::new(), Vec::new()).await.map_err(ImportError::Target)?;
            let others = taken.handles.iter().filter(|(id, handle)| keys.user_handle(**id) != **handle);
            clashes.extend(others.map(|(id, _)| *id));
        }
        if clashes.is_empty() {
            return Ok(highest);
        }
        clashes.sort_unstable();
        let named: Vec<String> = clashes.iter().take(NAMED).map(ToString::to_string).collect();
        Err(ImportError::Refused(format!(
            "{} accounts of the server have ids of other accounts of the older system ({}{}). Ids are kept, so nothing was \
             imported. Use a database without these accounts; or, if they were imported before, the DATA_ENCRYPTION_KEY of that import.",
            clashes.len(),
            named.join(", "),
            if clashes.len() > NAMED { ", …" } else { "" },
        )))
    }

    /// Takes the accounts, in the order of their ids: of several accounts with one address, the first one is taken.
    async fn accounts(&mut self) -> Result<(), ImportError> {
        let source = self.parts.source;
        let table = self.users()?;
        source.begin(table.name, table.order).await.map_err(ImportError::Source)?;
        loop {
            let rows = source.next(READ).await.map_err(ImportError::Source)?;
            if rows.is_empty() {
                return Ok(());
            }
            let accounts = self.with_owned(table, rows).await?;
            for batch in accounts.chunks(WRITTEN) {
                self.batch(batch).await?;
                self.observer.advances(batch.len() as u64);
            }
        }
    }

    /// Reads what belongs to these accounts.
    async fn with_owned(
        &self,
        table: &ReadTable,
        rows: Vec<SourceValues>,
    ) -> Result<Vec<SourceAccount>, ImportError> {
        let rows: Vec<_> = rows.into_iter().map(|values| SourceRow::new(table.name, values)).collect();
        let ids: Vec<i64> = rows.iter().filter_map(|row| user_id(row).ok()).collect();
        let mut owned: HashMap<(Kind, i64), Vec<SourceRow>> = HashMap::new();
        for kind in Kind::OWNED {
            let Some(table) = self.layout.tables.get(&kind) else { continue };
            let found = self.parts.source.owned(&table.table, OWNER, table.order, &ids).await;
            for values in found.map_err(ImportError::Source)? {
                let row = SourceRow::new(table.name, values);
                if let Some(owner) = row.owner() {
                    owned.entry((kind, owner)).or_default().push(row);
                }
            }
        }
        let accounts = rows.into_iter().map(|user| {
            let id = user_id(&user).unwrap_or_default();
            let mut of = |kind| owned.remove(&(kind, id)).unwrap_or_default();
            SourceAccount {
                devices: of(Kind::Device),
                totp: of(Kind::Totp),
                backup_codes: of(Kind::BackupCode),
                passkeys: of(Kind::Passkey),
                user,
            }
        });
        Ok(accounts.collect())
    }

    /// Decides about a batch of accounts, and writes those that are taken.
    async fn batch(&mut self, accounts: &[SourceAccount]) -> Result<(), ImportError> {
        let ids = accounts.iter().filter_map(|account| user_id(&account.user).ok()).collect();
        let keys = accounts.iter().map(SourceAccount::account_key).collect();
        let credentials = accounts.iter().flat_map(SourceAccount::credential_ids).collect();
        let taken =
            self.parts.store.import_taken(ids, keys, credentials).await.map_err(ImportError::Target)?;
        let mut fresh = Vec::new();
        for account in accounts {
            if let Some(imported) = self.decide(account, &taken)? {
                fresh.push((account, imported));
            }
        }
        let (fresh, imported): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
        if imported.is_empty() {
            return Ok(());
        }
        let counted: Vec<_> = imported.iter().map(|one| (one.user.id.0, Contents::of(one))).collect();
        let written = self.write(imported).await?;
        for (account, (id, contents)) in fresh.into_iter().zip(counted) {
            if written.as_ref().is_none_or(|written| written.contains(&id)) {
                contents.add_to(&mut self.summary, |count| &mut count.taken);
                continue;
            }
            self.identifiers.remove(&id);
            self.addresses.retain(|_, holder| *holder != id);
            self.passkeys.retain(|_, holder| *holder != id);
            let detail = "another account of the server has taken the id or the address meanwhile";
            for finding in account.refused(account.user.refused(Reason::AddressTaken, detail)) {
                self.note(&finding)?;
            }
        }
        Ok(())
    }

    /// Writes accounts. `None` in a dry run.
    async fn write(
        &self,
        accounts: Vec<ImportedAccount>,
    ) -> Result<Option<std::collections::HashSet<i64>>, ImportError> {
        if self.dry_run {
            return Ok(None);
        }
        let event = AuditEvent::new("accounts.imported", Outcome::Success, self.parts.clock.now_ms())
            .with("by", "command line");
        let written = self.parts.store.import_accounts(accounts, event).await;
        written.map(Some).map_err(ImportError::Target)
    }

    /// The account to be written. `None` if it is not taken, or if an earlier import has written it.
    fn decide(
        &mut self,
        account: &SourceAccount,
        taken: &ImportTaken,
    ) -> Result<Option<ImportedAccount>, ImportError> {
        let id = user_id(&account.user).unwrap_or_default();
        let other = |holder: Option<&i64>| holder.copied().filter(|holder| *holder != id);
        let takes = |passkey: &ImportedPasskey| {
            if serde_json::from_value::<Passkey>(passkey.passkey.clone()).is_err() {
                return Err((Reason::UnreadablePasskey, "the WebAuthn library cannot read the passkey"));
            }
            let credential = &passkey.credential_id;
            let holder = other(self.passkeys.get(credential)).or(other(taken.passkeys.get(credential)));
            holder.map_or(Ok(()), |_| Err((Reason::PasskeyTaken, "another account has this passkey")))
        };
        let mut findings = Vec::new();
        let imported = match account.read(self.parts.keys, takes, &mut findings) {
            Ok(imported) => imported,
            Err(refused) => {
                self.note_all(&refused)?;
                return Ok(None);
            }
        };
        let key = imported.user.email.key();
        let present = taken.handles.get(&id) == Some(&imported.user.handle);
        let holder = other(self.addresses.get(key.as_str())).or(other(taken.keys.get(key.as_str())));
        if let (Some(holder), false) = (holder, present) {
            let reason = format!("account {holder} has this address");
            self.note_all(&account.refused(account.user.refused(Reason::AddressTaken, reason)))?;
            return Ok(None);
        }
        self.note_all(&findings)?;
        self.identifiers.insert(id, self.parts.keys.attempt_identifier(&key));
        if holder.is_none() {
            self.addresses.insert(key.as_str().to_owned(), id);
        }
        if present {
            Contents::of(&imported).add_to(&mut self.summary, |count| &mut count.present);
            return Ok(None);
        }
        let credentials = imported.passkeys.iter().map(|passkey| (passkey.credential_id.clone(), id));
        self.passkeys.extend(credentials);
        Ok(Some(imported))
    }

    /// Reports rows that belong to no account.
    async fn orphans(&mut self) -> Result<(), ImportError> {
        let users = self.users()?;
        for kind in Kind::OWNED {
            let Some(table) = self.layout.tables.get(&kind) else { continue };
            let rows = self.parts.source.orphans(table.name, OWNER, users.name, ID).await;
            for values in rows.map_err(ImportError::Source)? {
                let row = SourceRow::new(table.name, values);
                self.note(&row.refused(Reason::NoUser, "the older system has no account with this id"))?;
            }
        }
        Ok(())
    }

    async fn attempts(&mut self) -> Result<(), ImportError> {
        let Parts { store, keys, source, .. } = self.parts;
        let Some(table) = self.layout.tables.get(&Kind::Attempt) else { return Ok(()) };
        source.begin(table.name, table.order).await.map_err(ImportError::Source)?;
        loop {
            let rows = source.next(ROWS).await.map_err(ImportError::Source)?;
            if rows.is_empty() {
                return Ok(());
            }
            let read = rows.len() as u64;
            let mut attempts = Vec::with_capacity(rows.len());
            for values in rows {
                let row = SourceRow::new(table.name, values);
                match attempt(&row, keys, |user| self.identifiers.get(&user).cloned()) {
                    Ok(attempt) => attempts.push(attempt),
                    Err(finding) => self.note(&finding)?,
                }
            }
            let all = attempts.len() as u64;
            let written = if self.dry_run {
                let named = attempts.iter().map(|attempt| (attempt.at, attempt.id)).collect();
                store.known_attempts(named).await.map(|known| all - known)
            } else {
                store.import_attempts(attempts).await
            };
            let written = written.map_err(|error: StoreError| ImportError::Target(error))?;
            if let Some(count) = self.summary.count(Kind::Attempt) {
                count.taken += written;
                count.present += all - written;
            }
            self.observer.advances(read);
        }
    }

    fn note_all(&mut self, findings: &[Finding]) -> Result<(), ImportError> {
        findings.iter().try_for_each(|finding| self.note(finding))
    }

    fn note(&mut self, finding: &Finding) -> Result<(), ImportError> {
        self.summary.add(finding);
        Ok(self.observer.found(finding)?)
    }
}

/// How many rows of each kind an account has.
struct Contents([(Kind, u64); 5]);

impl Contents {
    fn of(account: &ImportedAccount) -> Self {
        Self([
            (Kind::User, 1),
            (Kind::Device, account.devices.len() as u64),
            (Kind::Totp, u64::from(account.totp.is_some())),
            (Kind::BackupCode, account.backup_codes.len() as u64),
            (Kind::Passkey, account.passkeys.len() as u64),
        ])
    }

    fn add_to(&self, summary: &mut ImportSummary, field: impl Fn(&mut Count) -> &mut u64) {
        for (kind, rows) in self.0 {
            if let Some(count) = summary.count(kind) {
                *field(count) += rows;
            }
        }
    }
}
