#!/usr/bin/env bash
# Runs the unmodified Centrifuge SDKs (npm, PyPI, crates.io) against a real `portcullis dev`. Called by `make test-clients`.
#
# PORTCULLIS_BIN names the program, which `make test-clients` builds first. Without it, the script uses the newer of
# target/debug and target/release. Exit code 0: all scenarios passed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target="${CARGO_TARGET_DIR:-$root/target}"

bin="${PORTCULLIS_BIN:-}"
if [ -z "$bin" ]; then
    bin=$(ls -t "$target/debug/portcullis" "$target/release/portcullis" 2>/dev/null | head -n 1)
fi
if [ -z "$bin" ]; then
    echo "no portcullis program: build it with cargo build, or set PORTCULLIS_BIN" >&2
    exit 2
fi
for tool in node npm python3; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: install it and try again" >&2; exit 2; }
done

if ! cmp -s "$here/package-lock.json" "$here/node_modules/.installed" 2>/dev/null; then
    (cd "$here" && npm ci --silent --no-audit --no-fund)
    cp "$here/package-lock.json" "$here/node_modules/.installed"
fi
venv="$target/clients-venv"
if ! cmp -s "$here/python/requirements.txt" "$venv/.installed" 2>/dev/null; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --requirement "$here/python/requirements.txt"
    cp "$here/python/requirements.txt" "$venv/.installed"
fi

# Readable for all users: the database server may run as a user other than root.
PORTCULLIS_STATE=$(mktemp -d)
chmod 755 "$PORTCULLIS_STATE"
export PORTCULLIS_STATE PORTCULLIS_BIN="$bin" PYTHONDONTWRITEBYTECODE=1
# Settings of the caller's shell must not reach the server under test.
unset DATABASE_URL DATA_DIR API_PORT TLS_PORT
set -a
# shellcheck source=tests/clients/realtime.env
. "$here/realtime.env"
set +a
finish() {
    status=$?
    "$here/server.sh" stop || status=1
    if [ "$status" -ne 0 ]; then
        echo "the last lines of the server log:" >&2
        tail -n 30 "$PORTCULLIS_STATE/server.log" >&2 || true
    fi
    rm -rf "$PORTCULLIS_STATE"
    exit "$status"
}
trap finish EXIT

"$here/server.sh" start
result=0
# A separate project outside the workspace. --locked, because all versions are pinned.
CARGO_TARGET_DIR="$target/clients-rust" cargo build --quiet --locked --manifest-path "$here/rust/Cargo.toml"
echo "# centrifuge (npm) $(node -p "require('$here/node_modules/centrifuge/package.json').version")"
timeout --kill-after=5 120 node "$here/js/scenarios.mjs" || result=1
timeout --kill-after=5 240 node "$here/js/realtime.mjs" || result=1
timeout --kill-after=5 120 node "$here/js/emulation.mjs" || result=1
echo "# centrifuge-python (PyPI) $("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("centrifuge-python"))')"
timeout --kill-after=5 120 "$venv/bin/python" "$here/python/scenarios.py" || result=1
timeout --kill-after=5 240 "$venv/bin/python" "$here/python/realtime.py" || result=1
echo "# cent (PyPI) $("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("cent"))')"
timeout --kill-after=5 120 "$venv/bin/python" "$here/python/cent_scenarios.py" || result=1
echo "# centrifuge-client (crates.io) $(sed -n 's/^centrifuge-client = .*"=\([0-9.]*\)".*/\1/p' "$here/rust/Cargo.toml")"
timeout --kill-after=5 240 "$target/clients-rust/debug/portcullis-client-scenarios" || result=1
exit "$result"
