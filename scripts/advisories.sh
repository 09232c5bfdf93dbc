#!/usr/bin/env bash
# Looks for known vulnerabilities of the dependencies. The database of advisories is a git repository, which no registry of packages
# offers, so this needs the network and is not part of `make lint`. Once fetched, `make lint` uses the database, too.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo deny --version >/dev/null 2>&1; then
    echo "advisories: cargo-deny is missing. Type: cargo install --locked cargo-deny" >&2
    exit 1
fi
if ! cargo deny fetch db; then
    echo "advisories: the database of advisories cannot be fetched from here, so nothing was checked" >&2
    exit 1
fi
cargo deny --offline check advisories
