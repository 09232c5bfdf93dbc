//! Tests of the rules of an import: the results for an account and for everything that belongs to it.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    account::{ImportedAccount, SourceAccount},
    attempt::attempt,
    finding::{Finding, Reason},
    keys::ImportKeys,
    source_row::SourceRow,
};
use crate::{
    abuse::attempt::AttemptOutcome,
    account::role::{Role, Status},
    crypto::{lasting_keys::LastingKeys, secret_ring::SecretRing},
};

fn keys() -> ImportKeys {
    let secrets = SecretRing::of("data key".into());
    ImportKeys::new(&LastingKeys::derived(&secrets.current), &secrets)
}

fn row(table: &'static str, values: Value) -> SourceRow {
    let Value::Object(values) = values else { panic!("not an object: {values}") };
    SourceRow::new(table, values)
}

/// The account with these values besides its id and address, and these authenticator apps.
fn read(values: Value, totp: &[Value]) -> (Result<ImportedAccount, Vec<Finding>>, Vec<Finding>) {
    let mut all = json!({"id": 7, "email": "ada@example.com", "hashed_password": null});
    let Value::Object(values) = values else { panic!("not an object: {values}") };
    all.as_object_mut().expect("an object").extend(values);
    let source = SourceAccount {
        user: row("users", all),
        devices: Vec::new(),
        totp: totp.iter().map(|one| row("user_two_factor", one.clone())).collect(),
        backup_codes: Vec::new(),
        passkeys: Vec::new(),
    };
    let mut findings = Vec::new();
    (source.read(&keys(), |_| Ok(()), &mut findings), findings)
}

fn taken(values: Value, totp: &[Value]) -> ImportedAccount {
    read(values, totp).0.unwrap_or_else(|findings| panic!("{findings:?}"))
}

fn refusal(values: Value) -> Reason {
    match read(values, &[]).0 {
        Ok(_) => panic!("the account is taken"),
        Err(findings) => findings[0].reason,
    }
}

#[test]
fn the_strictest_of_the_columns_gives_the_status() {
    for (values, status) in [
        (json!({}), Status::Active),
        (json!({"status": null}), Status::Active),
        (json!({"status": "ACTIVE", "is_active": true}), Status::Active),
        (json!({"status": "UserStatus.PENDING"}), Status::Pending),
        (json!({"status": "pending", "is_active": false}), Status::Pending),
        (json!({"status": "pending", "is_banned": true}), Status::Suspended),
        (json!({"status": "active", "is_active": false}), Status::Suspended),
        (json!({"is_active": false}), Status::Suspended),
        (json!({"status": "inactive", "is_active": true}), Status::Deactivated),
        (json!({"status": "banned"}), Status::Suspended),
        (json!({"is_active": "N"}), Status::Suspended),
        (json!({"is_active": true, "enabled": false}), Status::Suspended),
        (json!({"is_active": true, "is_banned": 1}), Status::Suspended),
        (json!({"status": "active", "deleted_at": "2024-01-01T00:00:00"}), Status::Deactivated),
    ] {
        assert_eq!(taken(values.clone(), &[]).user.status, status, "{values}");
    }
    for unreadable in [json!("sleeping"), json!(""), json!(false), json!(["banned"])] {
        assert_eq!(refusal(json!({"status": unreadable})), Reason::UnknownStatus);
    }
    assert_eq!(refusal(json!({"is_active": "perhaps"})), Reason::InvalidValue);
}

#[test]
fn the_role_comes_from_the_column_role_or_else_from_is_superuser() {
    for (values, role) in [
        (json!({}), Role::User),
        (json!({"role": "Operator"}), Role::Operator),
        (json!({"is_superuser": true}), Role::Admin),
        (json!({"is_superuser": "N"}), Role::User),
        (json!({"role": "UserRole.ADMIN"}), Role::Admin),
        (json!({"role": "user", "is_superuser": true}), Role::User),
    ] {
        assert_eq!(taken(values.clone(), &[]).user.role, role, "{values}");
    }
    for unreadable in [json!("emperor"), json!("billing.admin"), json!(""), json!(true)] {
        assert_eq!(refusal(json!({"role": unreadable})), Reason::UnknownRole);
    }
    assert_eq!(refusal(json!({"is_superuser": "sometimes"})), Reason::InvalidValue);
}

#[test]
fn an_account_without_a_hash_has_no_password() {
    for text in [json!(null), json!(""), json!("!"), json!("!9f8s7d6f9s8d7f")] {
        let account = taken(json!({"hashed_password": text}), &[]);
        assert_eq!(account.user.password_hash.expose_secret(), "!");
    }
    assert_eq!(refusal(json!({"hashed_password": "plain"})), Reason::UnknownHash);
}

#[test]
fn an_account_that_loses_all_its_second_factors_is_suspended() {
    let good = json!({"id": 1, "user_id": 7, "secret": "JBSWY3DPEHPK3PXP"});
    let bad = json!({"id": 2, "user_id": 7, "secret": "gAAAAABencrypted", "is_enabled": true});
    let unused = json!({"id": 3, "user_id": 7, "secret": "gAAAAABencrypted", "is_enabled": false});
    let unconfirmed = json!({"id": 4, "user_id": 7, "secret": "gAAAAABencrypted", "confirmed_at": null});
    let sms = json!({"id": 5, "user_id": 7, "secret": "+49123456", "method": "sms"});
    for (rows, status) in [
        (vec![good.clone()], Status::Active),
        (vec![bad.clone()], Status::Suspended),
        (vec![sms], Status::Suspended),
        (vec![bad, good], Status::Active),
        (vec![unused], Status::Active),
        (vec![unconfirmed], Status::Active),
    ] {
        assert_eq!(taken(json!({}), &rows).user.status, status, "{rows:?}");
    }
    let lost = json!({"two_factor_enabled": true});
    assert_eq!(taken(lost, &[]).user.status, Status::Suspended);
    let own = json!({"two_factor_enabled": true, "totp_secret": "JBSWY3DPEHPK3PXP"});
    assert!(taken(own, &[]).totp.is_some());
}

#[test]
fn an_app_with_other_parameters_is_not_supported() {
    for other in [json!({"digits": 8}), json!({"period": 60}), json!({"algorithm": "SHA256"})] {
        let mut app = json!({"id": 1, "user_id": 7, "secret": "JBSWY3DPEHPK3PXP"});
        app.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
        let (_, findings) = read(json!({}), &[app]);
        assert_eq!(findings[0].reason, Reason::Unsupported, "{other}");
    }
}

#[test]
fn a_row_always_gives_the_same_account() {
    let app =
        [json!({"id": 1, "user_id": 7, "secret": "JBSWY3DPEHPK3PXP", "backup_codes": ["0123-4567-89ab"]})];
    let (one, other) = (taken(json!({}), &app), taken(json!({}), &app));
    assert_eq!(one.user.handle, other.user.handle);
    assert_eq!(one.user.created_at, other.user.created_at);
    assert_eq!(one.backup_codes, other.backup_codes);
    assert_eq!(one.totp.map(|totp| totp.secret), other.totp.map(|totp| totp.secret));
}

#[test]
fn an_attempt_gets_the_nearest_outcome() {
    for (values, outcome) in [
        (json!({"success": true}), AttemptOutcome::Success),
        (json!({"status": "SUCCESS"}), AttemptOutcome::Success),
        (json!({"success": false}), AttemptOutcome::WrongPassword),
        (json!({"success": false, "failure_reason": "account_disabled"}), AttemptOutcome::InactiveAccount),
        (json!({"success": false, "failure_reason": "invalid 2fa code"}), AttemptOutcome::WrongFactor),
        (json!({"outcome": "wrong_factor"}), AttemptOutcome::WrongFactor),
    ] {
        let mut all = json!({"id": 1, "user_id": 7, "attempted_at": "2024-03-01T00:00:00"});
        all.as_object_mut().expect("an object").extend(values.as_object().expect("an object").clone());
        let read = attempt(&row("device_login_attempts", all), &keys(), |_| Some("0".repeat(32)));
        assert_eq!(read.map(|read| read.outcome), Ok(outcome), "{values}");
    }
}
