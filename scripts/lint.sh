#!/usr/bin/env bash
# Runs every check of the code that needs no running server. Each step prints its name; the first finding ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }
skip() { printf '\n-- skipped: %s\n' "$*"; }
readonly target=${CARGO_TARGET_DIR:-target}

step "format"
cargo fmt --all -- --check

step "rules of the house"
mkdir -p "$target"
CARGO_MANIFEST_DIR=$PWD rustc --edition 2024 --test tests/tidy/main.rs -o "$target/tidy"
"$target/tidy" --quiet

step "lints"
cargo clippy --workspace --all-targets -- -D warnings

step "documentation"
# Private items are documented, so that links to them work. Clippy enables the same feature, because the tests use it. With
# other features, every crate that uses tokio would be checked a second time.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --features portcullis-actors/test-clock --document-private-items --quiet

if tools=$(scripts/ensure.sh web); then
    step "types of the pages"
    node scripts/web/types.mjs "$tools" docs/openapi.json | diff -u web/types/api.d.ts - ||
        { echo "web/types/api.d.ts is not that of docs/openapi.json: make web-types" >&2; exit 1; }
    node "$tools/node_modules/typescript-native/bin/tsc" -p web/tsconfig.json
elif [ "${CI:-}" = true ]; then
    echo "npm and node are needed to check the pages" >&2
    exit 1
else
    skip "types of the pages (no npm)"
fi

if cargo deny --version >/dev/null 2>&1; then
    step "licences, bans and sources of the dependencies"
    cargo deny --offline check licenses bans sources
    if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" >/dev/null; then
        step "known vulnerabilities of the dependencies"
        cargo deny --offline check advisories
    else
        skip "known vulnerabilities (no advisory database here: cargo deny fetch db)"
    fi
else
    skip "licences and vulnerabilities of the dependencies (cargo install --locked cargo-deny)"
fi

if command -v shellcheck >/dev/null; then
    step "shell scripts"
    # Notes differ from version to version, so only warnings and errors count.
    shellcheck --severity=warning scripts/*.sh docker/*.sh docker/postgres/*.sh .ci/run
else
    skip "shell scripts (no shellcheck)"
fi

printf '\nNothing found.\n'
