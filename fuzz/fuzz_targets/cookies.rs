//! A `Cookie` header of any bytes: reading does not panic. If a cookie of this server is appended to the bytes, it is found,
//! and at most one cookie more is found than without it.

#![no_main]

use domain::tokens::credential::{ACCESS_COOKIE, Door, Headers, cookies, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let before = cookies(&[line], ACCESS_COOKIE);
    assert!(before.iter().all(|value| !value.is_empty()));
    let whole = [line, b"; access_token=genuine"].concat();
    let after = cookies(&[&whole], ACCESS_COOKIE);
    assert!(after.iter().any(|value| value == "genuine"));
    assert!(after.len() <= before.len() + 1);
    let headers = Headers { authorization: &[line], cookies: &[line], query: None };
    let _ = find(headers, Door::Rest);
});
