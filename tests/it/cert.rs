//! `portcullis cert`: the files that it makes, and what it says about certificates.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use crate::harness::{App, Ask as _, client, portcullis, scratch_dir};

/// Runs `portcullis cert` with these arguments. `@` stands for the directory.
fn cert(directory: &Path, arguments: &[&str]) -> Output {
    let at = format!("{}/", directory.display());
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace('@', &at)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    portcullis(&[&["cert"], &arguments[..]].concat(), &[])
}

/// What the command prints. It must succeed.
fn done(directory: &Path, arguments: &[&str]) -> String {
    let output = cert(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The error of the command, which must fail with this exit code.
fn refused(directory: &Path, arguments: &[&str], code: i32) -> String {
    let output = cert(directory, arguments);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const CA: [&str; 3] = ["ca", "--out", "@ca"];
const SERVER: [&str; 9] = [
    "server",
    "localhost",
    "*.example.com",
    "127.0.0.1",
    "--ca=@ca.crt",
    "--ca-key=@ca.key",
    "--days=40",
    "--out",
    "@web",
];
const CLIENT: [&str; 6] = ["client", "billing", "--ca=@ca.crt", "--ca-key=@ca.key", "--out", "@billing"];

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn certificates_can_be_read_by_all_users_and_keys_only_by_their_owner() {
    let directory = scratch_dir();
    for arguments in [&CA[..], &SERVER, &CLIENT] {
        let printed = done(directory.path(), arguments);
        assert!(printed.contains("certificate  ") && printed.contains("private key  "), "{printed}");
    }
    for name in ["ca", "web", "billing"] {
        assert_eq!(mode(&directory.path().join(format!("{name}.crt"))), 0o644, "{name}");
        assert_eq!(mode(&directory.path().join(format!("{name}.key"))), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_server_and_a_client_with_certificates_of_one_authority_accept_each_other() {
    let directory = scratch_dir();
    for arguments in [&CA[..], &SERVER, &CLIENT] {
        done(directory.path(), arguments);
    }
    let file = |name: &str| directory.path().join(name);
    let app = App::with_tls(|settings| {
        settings.listen.certificate = Some((file("web.crt"), file("web.key")));
        settings.listen.client_ca = Some(file("ca.crt"));
    });
    let read = |name: &str| std::fs::read(file(name)).expect("a file");
    let authority = reqwest::Certificate::from_pem(&read("ca.crt")).expect("a certificate");
    let pem = [read("billing.crt"), read("billing.key")].concat();
    let identity = reqwest::Identity::from_pem(&pem).expect("a certificate and its key");
    let rest = client().tls_certs_only([authority]).identity(identity).build().expect("a client");
    let url = format!("https://127.0.0.1:{}/api/v1/admin/sessions", app.tls_address().port());
    rest.get(url).ask().await.refused(401, "not_authenticated");
}

#[test]
fn existing_files_are_replaced_only_with_force() {
    let directory = scratch_dir();
    done(directory.path(), &CA);
    let read = || std::fs::read(directory.path().join("ca.crt")).expect("a file");
    let first = read();
    let refusal = refused(directory.path(), &CA, 1);
    assert!(refusal.contains("ca.crt exists") && refusal.contains("--force"), "{refusal}");
    assert_eq!(read(), first);
    done(directory.path(), &[&CA[..], &["--force"]].concat());
    assert_ne!(read(), first);
}

#[test]
fn a_command_that_cannot_be_carried_out_is_refused_with_the_cause() {
    let directory = scratch_dir();
    let refusal = refused(directory.path(), &SERVER, 1);
    assert!(refusal.contains("ca.crt"), "{refusal}");
    done(directory.path(), &CA);
    let wrong = ["server", "a b", "--ca=@ca.crt", "--ca-key=@ca.key", "--out", "@x"];
    let refusal = refused(directory.path(), &wrong, 1);
    assert!(refusal.contains("`a b` cannot be in a certificate"), "{refusal}");
    refused(directory.path(), &["server"], 2);
    refused(directory.path(), &["ca", "--days=0", "--out", "@x"], 2);
    let refusal = refused(directory.path(), &["ca", "--out", "@nowhere/ca"], 1);
    assert!(refusal.contains("nowhere"), "{refusal}");
    std::fs::set_permissions(directory.path().join("ca.key"), std::fs::Permissions::from_mode(0o640))
        .unwrap();
    let refusal = refused(directory.path(), &CLIENT, 1);
    assert!(refusal.contains("chmod 600") && !directory.path().join("billing.crt").exists(), "{refusal}");
}

#[test]
fn inspect_describes_the_certificates_of_a_file() {
    let directory = scratch_dir();
    done(directory.path(), &CA);
    done(directory.path(), &SERVER);
    let printed = done(directory.path(), &["inspect", "@web.crt"]);
    for part in [
        "certificate 1 of 1",
        "subject     CN=localhost",
        "names       localhost, *.example.com, 127.0.0.1",
        "(39 days left)",
        "key         ECDSA P-256",
        "use         server",
        "issuer      CN=Portcullis authority",
        "signed by   its issuer, which is not shown here",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let both =
        [std::fs::read(directory.path().join("web.crt")), std::fs::read(directory.path().join("ca.crt"))];
    std::fs::write(directory.path().join("chain.crt"), both.map(Result::unwrap).concat()).unwrap();
    let printed = done(directory.path(), &["inspect", "@chain.crt"]);
    for part in
        ["certificate 2 of 2", "signed by   certificate 2", "signed by   itself", "use         authority"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let refusal = refused(directory.path(), &["inspect", "@web.key"], 1);
    assert!(refusal.contains("no CERTIFICATE section"), "{refusal}");
    let refusal = refused(directory.path(), &["inspect", "@nothing.crt"], 2);
    assert!(refusal.contains("neither an existing file nor HOST:PORT"), "{refusal}");
}

#[tokio::test]
async fn inspect_describes_the_certificate_of_a_running_server() {
    let directory = scratch_dir();
    let app = App::with_tls(|_| {});
    let inspect = |port: u16| {
        let (target, path) = (format!("localhost:{port}"), directory.path().to_owned());
        tokio::task::spawn_blocking(move || cert(&path, &["inspect", &target]))
    };
    let output = inspect(app.tls_address().port()).await.expect("the command");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && printed.contains("CN=Portcullis development certificate"),
        "{printed}"
    );
    assert!(
        printed.contains("names       localhost, 127.0.0.1, ::1") && printed.contains("signed by   itself")
    );
    let output = inspect(app.address().port()).await.expect("the command");
    let refusal = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && refusal.contains("cannot be inspected"), "{refusal}");
}
