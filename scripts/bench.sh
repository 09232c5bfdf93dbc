#!/usr/bin/env bash
# Measures a server of its own, with its own database in a temporary directory, on this machine: how long a revocation takes to
# close sockets, what an idle connection costs, what a delivery costs. Fails when a promise of the server is broken.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly binaries=${CARGO_TARGET_DIR:-target}/release
readonly users=${USERS:-1000} idle=${IDLE:-5000} subscribers=${SUBSCRIBERS:-1000}

cargo build --release --workspace
# Two descriptors per connection at most, and some for the rest.
ulimit -n "$(ulimit -Hn)"

data=$(mktemp -d)
# The user that a server started by root runs its database as has to be able to enter.
chmod 755 "$data"
server=
cleanup() {
    if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$data"
}
trap cleanup EXIT

"$binaries/portcullis" dev --data-dir "$data" --port 0 --tls-port 0 >"$data/server.log" 2>&1 &
server=$!
for _ in $(seq 300); do
    [ -e "$data/dev.json" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
if ! [ -e "$data/dev.json" ]; then
    cat "$data/server.log" >&2
    echo "bench: the server did not start" >&2
    exit 1
fi

scenario() {
    printf '\n== %s\n' "$*"
    "$binaries/loadtest" "$@" --data-dir "$data" --pid "$server"
}
scenario revoke --users "$users"
scenario idle --connections "$idle"
scenario fanout --connections "$subscribers"
