//! `docs/settings.md`, made from the table. `portcullis config reference` prints it.

use domain::abuse::throttle::{Limits, setting};

use super::table::{LIMIT_COUNT_MAX, LIMIT_SECONDS_MAX, SECTIONS};

const HEAD: &str = "# Settings

<!-- Made by `portcullis config reference > docs/settings.md`. Do not edit it here: edit `src/config/table.rs`. -->

`portcullis serve` reads these environment variables. They may also stand in a file `.env` in the working directory or in a
directory above it. `portcullis dev` reads them, too, but it has its own database, secrets and certificate, and takes its
address and its number of threads from the command line. Where its default differs, the table says so.

- Each variable `X` may be given as `X_FILE` instead: the path of a file with the value. Other users must not be able to change the file. If other users can read a file with a secret, the server logs a warning.
- An empty value counts as absent. `1`, `yes` and `on` mean `true`; `0`, `no` and `off` mean `false`.
- Wrong settings stop the start, with one message that lists every problem. `portcullis config check` prints the same message without starting the server.
- A name that looks like a setting but is not (`LIMIT_LOGN_ADDRESS`, `JWT_SECRET`) is a problem, too.
";

const LIMITS: &str = "
## Limits

How often something may be tried: `LIMIT_<NAME>=<count>/<seconds>`, for example `LIMIT_LOGIN_ADDRESS=30/60`. `<count>` tries may come at
once; over a longer time, `<count>` tries per `<seconds>` are allowed. Refusals are 429 with `Retry-After`, `RateLimit-Policy` and
`RateLimit`.
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
            // The page must not depend on the number of cores of the machine that makes it.
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
    fn the_page_of_settings_is_generated_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == super::reference(), "docs/settings.md differs from the table; run: make settings");
    }
}
