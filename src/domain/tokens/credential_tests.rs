//! Tests of the places in a request where a token is looked for.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

const SOCKET: Door = Door::WebSocket { query_token: true };

fn bytes<'a>(lines: &[&'a str]) -> Vec<&'a [u8]> {
    lines.iter().map(|line| line.as_bytes()).collect()
}

fn cookies_of(line: &[u8]) -> Vec<String> {
    cookies(&[line], ACCESS_COOKIE)
}

fn look(
    authorization: &[&str],
    cookies: &[&str],
    query: Option<&str>,
    door: Door,
) -> Result<Option<(String, Source)>, CredentialError> {
    let [authorization, cookies] = [authorization, cookies].map(bytes);
    let found = find(Headers { authorization: &authorization, cookies: &cookies, query }, door)?;
    Ok(found.map(|credential| (credential.token.expose_secret().to_owned(), credential.source)))
}

fn is(token: &str, source: Source) -> Result<Option<(String, Source)>, CredentialError> {
    Ok(Some((token.to_owned(), source)))
}

#[test]
fn a_request_without_credentials_has_none() {
    assert_eq!(look(&[], &["theme=dark"], Some("page=2"), Door::Rest), Ok(None));
}

#[test]
fn the_bearer_header_comes_before_the_cookie() {
    assert_eq!(look(&["Bearer a.b.c"], &["access_token=x"], None, Door::Rest), is("a.b.c", Source::Bearer));
    assert_eq!(look(&["bEaReR   a.b.c "], &[], None, Door::Rest), is("a.b.c", Source::Bearer));
    assert_eq!(look(&[], &["a=b; access_token=x; c=d"], None, Door::Rest), is("x", Source::Cookie));
}

#[test]
fn the_cookie_comes_before_the_query_and_a_ticket_before_a_token() {
    assert_eq!(look(&[], &["access_token=x"], Some("token=y"), SOCKET), is("x", Source::Cookie));
    assert_eq!(look(&[], &[], Some("token=y&ticket=z"), SOCKET), is("z", Source::Ticket));
    assert_eq!(look(&[], &[], Some("token=y"), SOCKET), is("y", Source::Query));
}

#[test]
fn a_token_in_the_query_is_refused_on_rest_even_beside_a_good_header() {
    for query in [
        "token=x",
        "a=b&token=x",
        "access_token=x",
        "ticket=x",
        "refresh_token=x",
        "t%6Fken=x",
        "token",
        "token=",
    ] {
        assert_eq!(
            look(&["Bearer a.b.c"], &[], Some(query), Door::Rest),
            Err(CredentialError::QueryTokenElsewhere),
            "{query}"
        );
    }
}

#[test]
fn a_handshake_refuses_a_token_in_the_query_if_the_settings_forbid_it() {
    let strict = Door::WebSocket { query_token: false };
    assert_eq!(look(&[], &[], Some("token=x"), strict), Err(CredentialError::QueryTokenElsewhere));
    assert_eq!(look(&[], &[], Some("ticket=x"), strict), is("x", Source::Ticket));
    assert_eq!(look(&[], &[], Some("access_token=x"), SOCKET), Err(CredentialError::QueryTokenElsewhere));
}

#[test]
fn query_values_are_decoded() {
    assert_eq!(look(&[], &[], Some("token=a%2Eb%2ec"), SOCKET), is("a.b.c", Source::Query));
    assert_eq!(look(&[], &[], Some("token=%zz"), SOCKET), is("%zz", Source::Query));
}

#[test]
fn a_repeated_credential_is_refused() {
    assert_eq!(look(&["Bearer a", "Bearer a"], &[], None, Door::Rest), Err(CredentialError::Repeated));
    assert_eq!(look(&[], &[], Some("token=a&token=a"), SOCKET), Err(CredentialError::Repeated));
}

#[test]
fn every_cookie_of_the_name_is_a_candidate() {
    for lines in
        [&["access_token=a; access_token=b; access_token=a"][..], &["access_token=a", "x=y; access_token=b"]]
    {
        let headers = Headers { cookies: &bytes(lines), ..Headers::default() };
        let found = find(headers, Door::Rest).unwrap().unwrap();
        let candidates: Vec<_> = found.candidates().map(|token| token.expose_secret()).collect();
        assert_eq!((candidates, found.source), (vec!["a", "b"], Source::Cookie));
    }
    assert_eq!(
        look(&["Bearer x"], &["access_token=a; access_token=b"], None, Door::Rest),
        is("x", Source::Bearer)
    );
}

#[test]
fn bytes_that_are_not_utf8_affect_only_their_own_cookie() {
    assert_eq!(cookies_of(b"greeting=na\xefve; access_token=a"), ["a"]);
    assert_eq!(cookies_of(b"\xff\xfe=x; access_token=a; \xff"), ["a"]);
    assert_eq!(cookies_of(b"access_token=a; access_token=\xff"), ["a", "\u{fffd}"]);
    assert_eq!(cookies_of(b"access_token"), [""; 0]);
}

#[test]
fn a_bearer_token_that_is_not_text_is_malformed() {
    let headers = Headers { authorization: &[b"Bearer \xff"], ..Headers::default() };
    assert_eq!(find(headers, Door::Rest).err(), Some(CredentialError::Malformed));
    let headers = Headers { authorization: &[b"Basic \xff"], ..Headers::default() };
    assert!(find(headers, Door::Rest).unwrap().is_none());
}

#[test]
fn a_cookie_that_is_sent_twice_counts_once() {
    assert_eq!(look(&[], &["access_token=a; access_token=a"], None, Door::Rest), is("a", Source::Cookie));
}

#[test]
fn only_the_last_values_of_a_cookie_count() {
    let line: String = (0..5_000).map(|number| format!("access_token={number}; ")).collect();
    let last: Vec<_> = (5_000 - MAX_VALUES..5_000).map(|number| number.to_string()).collect();
    assert_eq!(cookies_of(line.as_bytes()), last);
    let repeated = "access_token=a; access_token=b; ".repeat(5_000);
    assert_eq!(cookies_of(repeated.as_bytes()), ["a", "b"]);
}

#[test]
fn a_bearer_header_must_hold_one_token() {
    for line in ["Bearer", "Bearer ", "bearer a b", "Bearer a,b"] {
        assert_eq!(look(&[line], &[], None, Door::Rest), Err(CredentialError::Malformed), "{line}");
    }
}

#[test]
fn a_scheme_other_than_bearer_is_ignored() {
    assert_eq!(look(&["Basic dXNlcjpwYXNz"], &["access_token=x"], None, Door::Rest), is("x", Source::Cookie));
    assert_eq!(look(&["Bearerx y"], &[], None, Door::Rest), Ok(None));
}

#[test]
fn cookie_names_match_exactly() {
    assert_eq!(cookies_of(b"Access_token=a; xaccess_token=b; access_token2=c"), [""; 0]);
    assert_eq!(cookies_of(b"access_token=\"a\""), ["a"]);
    assert_eq!(cookies_of(b"access_token="), [""; 0]);
    assert_eq!(cookies(&[b"csrf_token=1:2:3=="], "csrf_token"), ["1:2:3=="]);
}

proptest! {
    #[test]
    fn rest_finds_no_credential_in_any_query(query in "\\PC{0,60}|(token|ticket|access_token|t%6fken)=[a-z]{0,9}(&[a-z]{0,5}=[a-z]{0,5}){0,3}") {
        let found = look(&[], &[], Some(&query), Door::Rest);
        prop_assert!(matches!(found, Ok(None) | Err(CredentialError::QueryTokenElsewhere)));
    }

    #[test]
    fn no_header_makes_the_lookup_panic(authorization in "\\PC{0,40}", cookies in "\\PC{0,40}|(access_token=[ab];){0,3}", query in "\\PC{0,40}") {
        let _ = look(&[&authorization], &[&cookies], Some(&query), SOCKET);
    }

    #[test]
    fn other_cookies_have_no_effect(other in prop::collection::vec(any::<u8>().prop_filter("ends the cookie", |byte| *byte != b';'), 0..30)) {
        prop_assume!(!other.trim_ascii().starts_with(b"access_token"));
        let line = [&other[..], b"; access_token=a; ", &other[..]].concat();
        prop_assert_eq!(cookies_of(&line), ["a"]);
    }
}
