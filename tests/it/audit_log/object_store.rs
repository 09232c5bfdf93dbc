//! An anchor in an object store: a real store gets every checkpoint once, and gives them back to the verification.

use service::{AnchorPlace, AuditLogError, VerifyError, VerifyOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{log_events, tamper};
use crate::harness::{
    App,
    object_store::{BUCKET, ObjectStore, anchor, is_skipped},
    portcullis_on,
};

fn anchored(place: AnchorPlace) -> App {
    App::with(|settings| {
        settings.audit_log.sequencing = true;
        settings.audit_log.anchor = Some(place);
    })
}

fn against(place: AnchorPlace) -> VerifyOptions {
    VerifyOptions { anchor: Some(place), ..VerifyOptions::default() }
}

/// The sizes in the names of the objects, in the order of a list.
fn sizes(store: &ObjectStore, prefix: &str) -> Vec<u64> {
    let names = store.objects(prefix).into_iter();
    let names = names.map(|path| path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned());
    names.map(|name| name.split_once('-').expect("a size").1.parse().expect("a size")).collect()
}

#[tokio::test]
async fn a_log_that_was_cut_off_is_found_by_the_checkpoints_of_an_object_store_over_tls() {
    if is_skipped() {
        return;
    }
    let store = ObjectStore::start_with_tls().await;
    let app = anchored(store.anchor("a/b"));
    log_events(&app, 30).await;
    tamper(&app, "CREATE TABLE saved AS SELECT * FROM audit_log_head").await;
    log_events(&app, 20).await;
    let verified = app.verify_log(&against(store.anchor("a/b"))).await.expect("a whole log");
    assert_eq!(verified.anchored, Some(50));
    assert_eq!(sizes(&store, "a/b").first(), Some(&50), "the newest is the first of a list");

    let key = app.get("/api/v1/audit/key").send().await.expect("an answer").text().await.expect("a key");
    let place = format!("s3://{BUCKET}/a/b");
    let variables = store.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let verify = || {
        let arguments = ["audit", "verify", "--anchor", &place, "--key", key.trim()];
        let output = portcullis_on(app.database(), &arguments, &variables);
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    };
    let (whole, text) = verify();
    assert!(whole && text.contains("entries that the anchor covers: 50"), "{text}");
    // Everything in the database is as it was before: rows, checkpoints and the head.
    let sql = "DELETE FROM audit_log WHERE leaf_index >= 30;
        DELETE FROM audit_checkpoints WHERE size > 30;
        UPDATE audit_log_head h SET size = s.size, frontier = s.frontier, month = s.month FROM saved s";
    tamper(&app, sql).await;
    let (whole, text) = verify();
    assert!(!whole && text.contains("entry 30"), "{text}");
}

#[tokio::test]
async fn the_name_of_the_bucket_can_be_a_part_of_the_host() {
    if is_skipped() {
        return;
    }
    let store = ObjectStore::start().await;
    let mut settings = store.settings("");
    settings.virtual_host = true;
    let app = anchored(anchor(&settings));
    log_events(&app, 10).await;
    assert_eq!(sizes(&store, "").first(), Some(&10));
    let verified = app.verify_log(&against(anchor(&settings))).await.expect("a whole log");
    assert_eq!(verified.anchored, Some(10));
}

#[tokio::test]
async fn several_nodes_and_a_restart_write_each_checkpoint_once() {
    if is_skipped() {
        return;
    }
    let store = ObjectStore::start().await;
    let app = anchored(store.anchor("p"));
    log_events(&app, 10).await;
    let before = store.objects("p");
    let content = std::fs::read(&before[0]).expect("a checkpoint");
    // Two further nodes, which know nothing of what the first has written.
    for _ in 0..2 {
        let place = Some(store.anchor("p"));
        let node = App::over(app.database().clone(), |settings| {
            settings.audit_log.sequencing = true;
            settings.audit_log.anchor = place;
        });
        node.try_sequence().await.expect("the checkpoint is there");
    }
    assert_eq!((store.objects("p"), std::fs::read(&before[0]).expect("a checkpoint")), (before, content));
}

#[tokio::test]
async fn another_checkpoint_of_the_same_size_is_not_replaced_and_stops_the_job() {
    if is_skipped() {
        return;
    }
    let store = ObjectStore::start().await;
    let app = anchored(store.anchor("p"));
    log_events(&app, 10).await;
    let first = store.objects("p").remove(0);
    let note = std::fs::read_to_string(&first).expect("a checkpoint");
    // What another log with this name would have written, a moment before this one.
    let other = note.replacen("\n10\n", "\n15\n", 1);
    let name = format!("{:020}-15.checkpoint", u64::MAX - 15);
    store.put_beside(&first, &name, &other).await;
    super::add_events(&app, 5).await;
    app.advance(std::time::Duration::from_secs(61));
    let mut refused = app.try_sequence().await;
    if refused.is_ok() {
        // The events had entered the log before the minute was over.
        app.advance(std::time::Duration::from_secs(61));
        refused = app.try_sequence().await;
    }
    assert!(matches!(refused, Err(AuditLogError::Diverged { size: 15 })), "{refused:?}");
    assert_eq!(std::fs::read_to_string(first.with_file_name(name)).expect("an object"), other);
}

#[tokio::test]
async fn a_refusal_of_the_store_is_named_with_its_status_and_code_and_without_the_secret() {
    if is_skipped() {
        return;
    }
    let store = ObjectStore::start().await;
    let app = App::with(|settings| settings.audit_log.sequencing = true);
    log_events(&app, 3).await;
    let settings = store.settings("p");
    let said = async |change: fn(&mut service::ObjectStoreSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        let refused = app.verify_log(&against(anchor(&settings))).await;
        let Err(VerifyError::Log(error)) = refused else { panic!("{refused:?}") };
        error.to_string()
    };
    let wrong_secret = said(|settings| settings.secret = "another-secret".into()).await;
    assert!(wrong_secret.contains("403 (SignatureDoesNotMatch)"), "{wrong_secret}");
    assert!(!wrong_secret.contains("another-secret") && !wrong_secret.contains("X-Amz-"), "{wrong_secret}");
    let no_bucket = said(|settings| settings.bucket = "nowhere".to_owned()).await;
    assert!(no_bucket.contains("404 (NoSuchBucket)") && no_bucket.contains("s3://nowhere/p/"), "{no_bucket}");
    let other_region = said(|settings| settings.region = "mars-1".to_owned()).await;
    assert!(
        other_region.contains("(AuthorizationQueryParametersError)") || other_region.contains("400"),
        "{other_region}"
    );
}

/// A store that accepts everything, also what exists already.
async fn careless_store() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 16 << 10];
                while let Ok(read @ 1..) = stream.read(&mut request).await {
                    let is_list = request[..read].starts_with(b"GET");
                    let list = r#"<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>"#;
                    let body = if is_list { list } else { "" };
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    let _ = stream.write_all(head.as_bytes()).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_store_that_would_replace_objects_is_no_anchor() {
    let settings = service::ObjectStoreSettings {
        endpoint: format!("http://{}", careless_store().await).parse().expect("a URL"),
        region: "us-east-1".to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: String::new(),
        virtual_host: false,
        key_id: "a-key".to_owned(),
        secret: "a-secret-of-nothing".into(),
        authorities: None,
    };
    let app = anchored(anchor(&settings));
    super::add_events(&app, 3).await;
    let refused = loop {
        app.advance(std::time::Duration::from_secs(61));
        super::add_events(&app, 1).await;
        if let Err(error) = app.try_sequence().await {
            break error.to_string();
        }
    };
    assert!(refused.contains("ignores `If-None-Match: *`"), "{refused}");
}
