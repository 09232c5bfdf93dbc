//! `docs/settings.md`, made from the table. `portcullis config reference` prints it.

use domain::abuse::throttle::{Limits, setting};

use super::table::{LIMIT_COUNT_MAX, LIMIT_SECONDS_MAX, SECTIONS};

const HEAD: &str = "# Settings

<!-- Made by `portcullis config reference > docs/settings.md`. Do not edit it here: edit `src/config/table.rs`. -->

`portcullis serve` reads these settings from environment variables and from files. `portcullis dev` reads them, too. But it has its own
database, secrets and certificate, and takes the address to listen on and the number of threads from the command line. If `dev` has
another default for a setting, the table says so. The tools (`portcullis user` and others) read the settings of the database and `DATA_DIR`.

- A setting that is in several places has the value of the place with the highest rank: the environment, then `local.env`, then `.env`. The two files are read from the nearest directory that has one of them: the working directory or a directory above it. A file that another user owns or may change is refused. `--env-file FILE` names a file instead of this search. With several `--env-file`, a later file ranks above an earlier one.
- Each variable `X` whose name does not end in `_FILE` may be given as `X_FILE` instead: the path of a file with the value. Other users must not be able to change the file. If other users can read a file with a secret, the server logs a warning. A higher rank replaces both forms; both forms in one place are a problem.
- A systemd credential (`LoadCredential=`, a file in `$CREDENTIALS_DIRECTORY`) with the name of a setting, in upper or lower case, counts like `X_FILE`. For a setting whose name ends in `_FILE`, the credential is the file itself. Systemd credentials have no rank: a setting that is given as a credential and as a variable is a problem, because one of the two values is a leftover, and the server must not guess which one.
- An empty value counts as absent, and removes the value of a lower rank. `1`, `yes` and `on` mean `true`; `0`, `no` and `off` mean `false`.
- In a file of variables, each line is `NAME=value`. A value with spaces, quotation marks, `#` or `\\` needs quotation marks; a value with `$` needs single ones, because `$NAME` stands for another variable. In production, a file with secrets that other users may change is refused.
- Wrong settings stop the start with the exit status 78, with one message that lists every problem. `portcullis config check` prints the same message without starting the server.
- SIGHUP makes `serve` read the settings again (`systemctl reload`). The settings with `yes` in the column “reload” are applied at once, and open connections stay. One log line names what has changed, and which changed settings need a restart. If any setting is wrong, nothing changes, and the log has every problem. A reload reads files again, but not the environment of the process, which no other process can change. So write settings to be reloaded in files: `.env`, or files named by `--env-file`, by `X_FILE` or by the setting itself.
- A name that looks like a setting but is not (`LIMIT_LOGN_ADDRESS`, `JWT_SECRET`) is a problem, too.
";

const LIMITS: &str = "
## Limits

These settings limit how often something may be tried: `LIMIT_<NAME>=<count>/<seconds>`, for example `LIMIT_LOGIN_ADDRESS=30/60`. `<count>` tries may come at
once; over a longer time, `<count>` tries per `<seconds>` are allowed. An HTTP request that is refused for a limit gets the status 429, with
`Retry-After`, `RateLimit-Policy` and `RateLimit`. A reload applies changed limits.
";

/// The text of `docs/settings.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for (section, rows) in SECTIONS {
        text.push_str(&format!(
            "\n## {section}\n\n| setting | values | default | reload | meaning |\n|---|---|---|---|---|\n"
        ));
        for row in *rows {
            // The page must not depend on the number of cores of the machine that makes it.
            let default =
                if row.name() == "WORKERS" { "the number of cores".to_owned() } else { row.default() };
            let reload = if row.is_reloadable() { "yes" } else { "no" };
            let name = format!("`{}`", row.name());
            text.push_str(&line(&[&name, &row.values(), &default, reload, row.about()]));
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
