//! `docs/settings.md`, made from the table. `portcullis config reference` prints it.

use domain::abuse::throttle::{Limits, setting};

use super::table::{LIMIT_COUNT_MAX, LIMIT_SECONDS_MAX, SECTIONS};

const HEAD: &str = "# Settings

<!-- Made by `portcullis config reference > docs/settings.md`. Do not edit it here: edit `src/config/table.rs`. -->

`portcullis serve` reads these environment variables, and those of a file `.env` in its working directory. `portcullis dev` reads
them as well, but makes its own database, secrets and certificate, and takes its addresses from the command line; where a
default differs, the table says so.

- Each variable `X` may be given as `X_FILE` instead: the path of a file with the value. Other users must not be able to change it; if they can read a secret, that is a warning.
- An empty value counts as absent. Yes and no may be written `true`, `1`, `yes`, `on` and `false`, `0`, `no`, `off`.
- Bad settings stop the start, with one message that lists every problem. `portcullis config check` says the same without a start.
- A name that looks like a setting but is none (`LIMIT_LOGN_ADDRESS`, `JWT_SECRET`) is a problem, too.
";

const LIMITS: &str = "
## Limits

How often something may be tried: `LIMIT_<NAME>=<count>/<seconds>`, for example `LIMIT_LOGIN_ADDRESS=30/60`. The count is allowed at
once; in the long run, it is allowed once per period. Refusals are 429 with `Retry-After`, `RateLimit-Policy` and `RateLimit`.
";

/// The text of `docs/settings.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for (section, rows) in SECTIONS {
        text.push_str(&format!(
            "\n## {section}\n\n| setting | values | default | meaning |\n|---|---|---|---|\n"
        ));
        for row in *rows {
            // The number of cores is that of the machine that made the page.
            let default =
                if row.name() == "WORKERS" { "the number of cores".to_owned() } else { row.default() };
            text.push_str(&line(&[&format!("`{}`", row.name()), &row.values(), &default, row.about()]));
        }
    }
    text.push_str(LIMITS);
    text.push_str(&format!(
        "The count is 1 to {LIMIT_COUNT_MAX}, the seconds are 1 to {LIMIT_SECONDS_MAX}.\n\n| setting | default | what it limits |\n|---|---|---|\n"
    ));
    let mut limits = Limits::default();
    for (limit, (_, about)) in limits.each_mut().zip(Limits::DESCRIPTIONS) {
        let default = format!("{}/{}", limit.burst, limit.period.as_secs());
        text.push_str(&line(&[&format!("`{}`", setting(limit)), &default, about.trim_start()]));
    }
    text
}

/// One row of a Markdown table.
fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_settings_is_that_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == super::reference(),
            "docs/settings.md is not that of the table; run: cargo run --bin portcullis -- config reference > docs/settings.md"
        );
    }
}
