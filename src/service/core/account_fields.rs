//! Fields of an account as people type them: the e-mail address and the display name.
//!
//! Registration, the profile and the command line use this file.

use std::borrow::Cow;

use domain::{account::email::Email, shown_name::shown_name};

use super::failure::Failure;

/// Reads an e-mail address.
///
/// # Errors
/// `BadRequest` that says what is wrong with the address.
pub(crate) fn parse_email(email: &str) -> Result<Email, Failure> {
    Email::parse(email).map_err(|error| Failure::BadRequest {
        code: "invalid_email",
        detail: Cow::Owned(format!("{}.", sentence(&error.to_string()))),
    })
}

/// Reads a display name and trims it. `None` if nothing is left.
///
/// # Errors
/// `BadRequest` if the name is too long or has invisible characters.
pub(crate) fn parse_display_name(given: Option<String>) -> Result<Option<String>, Failure> {
    let Some(given) = given.filter(|given| !given.trim().is_empty()) else { return Ok(None) };
    let name = shown_name(&given).ok_or_else(|| {
        let detail = "A display name has at most 100 characters, and no invisible characters.";
        Failure::bad_request("invalid_display_name", detail)
    })?;
    Ok(Some(name))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(given: &str) -> Result<Option<String>, Failure> {
        parse_display_name(Some(given.to_owned()))
    }

    #[test]
    fn a_name_is_trimmed_and_an_empty_name_is_none() {
        assert_eq!(kept(" Ada \n"), Ok(Some("Ada".to_owned())));
        assert_eq!(kept("  "), Ok(None));
        assert_eq!(parse_display_name(None), Ok(None));
        assert_eq!(kept(&"é".repeat(100)).unwrap().map(|name| name.chars().count()), Some(100));
    }

    #[test]
    fn a_name_that_is_too_long_or_has_invisible_characters_is_refused() {
        for odd in ["a\0b", "a\nb", "\u{202e}nimda", &"x".repeat(101)] {
            assert!(
                matches!(kept(odd), Err(Failure::BadRequest { code: "invalid_display_name", .. })),
                "{odd:?}"
            );
        }
    }

    #[test]
    fn the_problem_with_an_invalid_address_is_described_in_a_sentence() {
        let Err(Failure::BadRequest { code, detail }) = parse_email("nobody") else { panic!("accepted") };
        assert_eq!((code, detail.as_ref()), ("invalid_email", "This is not an e-mail address."));
    }
}
