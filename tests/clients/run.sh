#!/usr/bin/env bash
# Runs the unmodified Centrifuge SDKs (npm, PyPI, crates.io, Go modules, Maven) against a real `portcullis dev`.
# `make test-clients` calls it.
#
# Node.js, Python and Rust are needed. The scenarios of Go or Java are skipped if the tools are missing or too old, or if the
# libraries cannot be fetched; a line of output says so. With CI=true, libraries that cannot be fetched are a failure.
#
# PORTCULLIS_BIN names the program, which `make test-clients` builds first. Without it, the script uses the newer of
# target/debug and target/release. Exit code 0: all scenarios passed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# The paths are absolute, because the scenarios run in other directories.
target=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-$root/target}")

bin="${PORTCULLIS_BIN:-}"
if [ -z "$bin" ]; then
    bin=$(ls -t "$target/debug/portcullis" "$target/release/portcullis" 2>/dev/null | head -n 1)
fi
if [ -z "$bin" ]; then
    echo "no portcullis program: build it with cargo build, or set PORTCULLIS_BIN" >&2
    exit 2
fi
bin=$(realpath "$bin") || exit 2
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

# The oldest versions of Go and Java that the libraries support.
readonly OLDEST_GO=1.25 OLDEST_JAVA=17
result=0
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
skip() { printf -- '-- skipped: %s\n' "$*"; }
# Reports that the libraries of a language could not be fetched.
unfetched() {
    skip "$1: the libraries cannot be fetched"
    if [ "${CI:-}" = true ]; then result=1; fi
}

go_scenarios=""
prepare_go() {
    local found
    # Go must not fetch another version of itself.
    export GOTOOLCHAIN=local
    found=$(cd / && go env GOVERSION 2>/dev/null | sed 's/^go//') || true
    if ! at_least "$OLDEST_GO" "${found:-0}"; then skip "Go: version $OLDEST_GO or newer is needed"; return; fi
    (cd "$here/go" && go mod download) || { unfetched Go; return; }
    (cd "$here/go" && go vet . && go build -buildvcs=false -o "$target/clients-go/scenarios" .) || { result=1; return; }
    go_scenarios="$target/clients-go/scenarios"
}

java_classes=""
prepare_java() {
    local found built="$target/clients-java"
    found=$(javac -version 2>&1 | sed -n 's/^javac //p') || true
    if ! at_least "$OLDEST_JAVA" "${found:-0}"; then skip "Java: a JDK of version $OLDEST_JAVA or newer is needed"; return; fi
    command -v mvn >/dev/null || { skip "Java: mvn is needed"; return; }
    if ! cmp -s "$here/java/pom.xml" "$built/.installed" 2>/dev/null; then
        rm -rf "$built"
        # With strict checksums, Maven does not use a file that was damaged during the download.
        mvn --batch-mode --quiet --strict-checksums --file "$here/java/pom.xml" dependency:copy-dependencies \
            -DoutputDirectory="$built/libraries" || { unfetched Java; return; }
        cp "$here/java/pom.xml" "$built/.installed"
    fi
    rm -rf "$built/classes"
    javac --release "$OLDEST_JAVA" -Xlint:all -Werror -d "$built/classes" -cp "$built/libraries/*" \
        "$here"/java/src/scenarios/*.java || { result=1; return; }
    java_classes="$built/classes:$built/libraries/*"
}

prepare_go
prepare_java

# The directory is readable for all users, because the database server may run as a user other than root.
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
# This project is not part of the workspace. With --locked, cargo uses exactly the pinned versions.
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
cd "$here"
if [ -n "$go_scenarios" ]; then
    echo "# centrifuge-go (Go module) $(sed -n 's/^require .*centrifuge-go v//p' go/go.mod)"
    timeout --kill-after=5 240 "$go_scenarios" || result=1
fi
if [ -n "$java_classes" ]; then
    echo "# centrifuge-java (Maven) $(sed -n '/centrifuge-java</{n;s/.*<version>\(.*\)<.*/\1/p}' java/pom.xml)"
    timeout --kill-after=5 240 java -cp "$java_classes" scenarios.Main || result=1
fi
exit "$result"
