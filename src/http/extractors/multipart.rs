//! `multipart/form-data` (RFC 7578) with text fields, as a page's `FormData` sends the fields of a sign-in.
//!
//! The body is small and already in memory. Files are not accepted.

/// The largest number of fields. No form of this server has as many.
const MAX_FIELDS: usize = 16;
/// The longest boundary (RFC 2046, 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// The boundary that the parameters of a media type name.
pub(super) fn boundary(parameters: &str) -> Option<String> {
    let mut named = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let (_, value) = named.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let value = value.trim_matches('"');
    let fits =
        (1..=MAX_BOUNDARY).contains(&value.len()) && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    fits.then(|| value.to_owned())
}

/// The names and values of the fields, in order. `None` if the body is malformed, or has a file, a value that is not UTF-8, or
/// too many fields.
pub(super) fn fields(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let delimiter = format!("--{boundary}");
    let mut rest = body.strip_prefix(delimiter.as_bytes())?;
    let delimiter = format!("\r\n{delimiter}");
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(fields);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        if fields.len() == MAX_FIELDS {
            return None;
        }
        fields.push(field(&part[..end])?);
        rest = &part[end + delimiter.len()..];
    }
}

/// One part: headers, an empty line, the value.
fn field(part: &[u8]) -> Option<(String, String)> {
    let end = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..end]).ok()?;
    let value = std::str::from_utf8(&part[end + 4..]).ok()?;
    let mut name = None;
    for line in head.split("\r\n") {
        let (header, text) = line.split_once(':')?;
        if header.eq_ignore_ascii_case("content-disposition") {
            name = Some(field_name(text)?);
        } else if header.eq_ignore_ascii_case("content-transfer-encoding") {
            // This header is deprecated (RFC 7578, 4.7). Encodings that would need decoding are rejected.
            ["7bit", "8bit", "binary"].iter().find(|known| known.eq_ignore_ascii_case(text.trim()))?;
        }
    }
    Some((name?, value.to_owned()))
}

/// The field name in `Content-Disposition: form-data`. `None` for a file. Browsers write a quote in a name as `%22`.
fn field_name(disposition: &str) -> Option<String> {
    let mut parts = disposition.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut name = None;
    for part in parts {
        let (key, value) = part.split_once('=')?;
        match key.trim().to_ascii_lowercase().as_str() {
            "name" => name = Some(value.trim().trim_matches('"').to_owned()),
            key if key.starts_with("filename") => return None,
            _ => {}
        }
    }
    name
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(name: &str, value: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[test]
    fn text_fields_are_read_in_order() {
        let body = part("username", "ada@example.com") + &part("password", "p--x\r\nw\u{e9}") + "--x--\r\n";
        let expected = [("username", "ada@example.com"), ("password", "p--x\r\nw\u{e9}")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(fields(body.as_bytes(), "x"), Some(expected));
        assert_eq!(fields(b"--x--", "x"), Some(Vec::new()));
    }

    #[test]
    fn a_boundary_is_found_among_the_parameters() {
        for parameters in [" boundary=----Web", " charset=utf-8; boundary=\"----Web\"", "Boundary=----Web"] {
            assert_eq!(boundary(parameters).as_deref(), Some("----Web"), "{parameters}");
        }
        for parameters in ["", " boundary=", " charset=utf-8"] {
            assert_eq!(boundary(parameters), None, "{parameters}");
        }
    }

    #[test]
    fn files_and_broken_bodies_are_refused() {
        let file = "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nc\r\n--x--";
        let encoded = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nc\r\n--x--";
        let nameless = "--x\r\nContent-Type: text/plain\r\n\r\nc\r\n--x--";
        let endless = part("a", "b");
        for body in ["", "--y--", file, encoded, nameless, &endless, "--x\r\n\r\n--x--"] {
            assert_eq!(fields(body.as_bytes(), "x"), None, "{body}");
        }
        assert_eq!(fields((part("a", "b").repeat(17) + "--x--").as_bytes(), "x"), None);
        assert_eq!(
            fields(b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--x--", "x"),
            None
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = fields(&body, "x");
            let _ = fields(&[b"--x\r\n", &body[..], b"\r\n--x--"].concat(), "x");
        }
    }
}
