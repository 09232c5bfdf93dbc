//! Generated secrets and the files that contain them.

use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

fn all(secrets: &DevSecrets) -> [String; 4] {
    let DevSecrets { jwt, csrf, data_encryption, admin_password } = secrets;
    [jwt, csrf, data_encryption, admin_password].map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn a_second_load_gives_the_same_secrets() {
    let data = tempfile::tempdir().unwrap();
    let first = load_or_generate(data.path()).unwrap();
    assert_eq!(all(&first), all(&load_or_generate(data.path()).unwrap()));
}

#[test]
fn no_two_secrets_are_the_same() {
    let data = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let mut every = all(&load_or_generate(data.path()).unwrap()).to_vec();
    every.extend(all(&load_or_generate(other.path()).unwrap()));
    every.sort();
    every.dedup();
    assert_eq!(every.len(), 8);
}

#[test]
fn keys_are_32_random_bytes() {
    let data = tempfile::tempdir().unwrap();
    let secrets = load_or_generate(data.path()).unwrap();
    for key in [secrets.jwt, secrets.csrf, secrets.data_encryption] {
        assert_eq!(URL_SAFE_NO_PAD.decode(key.expose_secret()).unwrap().len(), 32);
    }
}

#[test]
fn only_the_owner_can_reach_the_files() {
    let data = tempfile::tempdir().unwrap();
    load_or_generate(data.path()).unwrap();
    let directory = data.path().join("secrets");
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4);
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
}

#[test]
fn a_file_that_others_may_read_or_change_is_refused() {
    let data = tempfile::tempdir().unwrap();
    load_or_generate(data.path()).unwrap();
    let file = data.path().join("secrets/jwt");
    for open in [0o604, 0o640, 0o602] {
        std::fs::set_permissions(&file, Permissions::from_mode(open)).unwrap();
        let refusal = load_or_generate(data.path()).unwrap_err();
        assert!(matches!(refusal, SecretsError::Open { mode, .. } if mode == open), "{refusal}");
    }
}

#[test]
fn others_may_read_but_not_change_a_secret_of_the_operator() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("key");
    std::fs::write(&file, "\u{feff}a secret").unwrap();
    for (mode, others) in [(0o400, false), (0o440, false), (0o640, false), (0o444, true), (0o644, true)] {
        std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let given = read_operators(&file, LONGEST).unwrap();
        assert_eq!((given.text.as_str(), given.readable_by_others), ("a secret", others), "{mode:o}");
    }
    for mode in [0o602, 0o666, 0o646, 0o620, 0o660, 0o664] {
        std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        assert!(matches!(read_operators(&file, LONGEST), Err(SecretsError::Writable { .. })), "{mode:o}");
    }
    assert!(matches!(read_operators(data.path(), LONGEST), Err(SecretsError::Io { .. })));
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(read_operators(&file, 4), Err(SecretsError::Unusable(_))));
}

#[test]
fn a_truncated_secret_is_refused_and_not_replaced() {
    let data = tempfile::tempdir().unwrap();
    load_or_generate(data.path()).unwrap();
    let file = data.path().join("secrets/data_encryption");
    std::fs::write(&file, "abc").unwrap();
    assert!(matches!(load_or_generate(data.path()), Err(SecretsError::Unusable(_))));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "abc");
}

#[test]
fn processes_that_start_at_the_same_time_get_the_same_secrets() {
    let data = tempfile::tempdir().unwrap();
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(|| all(&load_or_generate(data.path()).unwrap()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(results.iter().all(|result| *result == results[0]));
    assert_eq!(std::fs::read_dir(data.path().join("secrets")).unwrap().count(), 4);
}

#[test]
fn create_private_does_not_overwrite_an_existing_file() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("key");
    assert!(create_private(&file, "first").unwrap());
    assert!(!create_private(&file, "second").unwrap());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "first");
}

#[test]
fn secrets_are_not_printed() {
    let data = tempfile::tempdir().unwrap();
    let secrets = load_or_generate(data.path()).unwrap();
    let printed = format!("{secrets:?}");
    assert!(all(&secrets).iter().all(|secret| !printed.contains(secret)), "{printed}");
}

#[test]
fn the_password_has_five_groups_of_five_characters() {
    let password = random_password().unwrap();
    let groups: Vec<_> = password.split('-').collect();
    assert_eq!(groups.len(), 5);
    assert!(groups.iter().all(|group| group.len() == 5 && group.bytes().all(|one| ALPHABET.contains(&one))));
}
