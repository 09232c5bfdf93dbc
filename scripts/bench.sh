#!/usr/bin/env bash
# Starts a server with a database in a temporary directory and measures it on this machine: the cost of an idle connection and
# of a delivery, the time in which a revocation closes sockets, and the cost of durable publications, of reconnects and of
# presence. Fails if a promise of the server is broken. The run takes about five minutes after the build. docs/performance.md
# explains the figures.
#
#   CONNECTIONS=9000   sockets of the large runs; best a multiple of both 600 and 1,000
#   HOLD=35            seconds to hold idle connections: longer than a ping interval, so that every connection has been pinged
#   BINARIES=dir       the directory of portcullis and loadtest, if they are already built
#   WORST=1            also measures one session per connection; the sign-ins take minutes
set -euo pipefail
cd "$(dirname "$0")/.."

readonly binaries=${BINARIES:-${CARGO_TARGET_DIR:-target}/release}
readonly connections=${CONNECTIONS:-9000} hold=${HOLD:-35}

[ -n "${BINARIES:-}" ] || cargo build --release --workspace
# Each connection needs a descriptor in the server and one in the load test.
ulimit -n "$(ulimit -Hn)"

data=$(mktemp -d)
# The command that sets the environment of the next server.
with=(env)
# If root starts the server, its database runs as another user, which must be able to enter this directory.
chmod 755 "$data"
server=

stop() {
    if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    server=
}
# The log of a failed server must not be deleted with its directory.
finish() {
    local status=$?
    stop
    if [ "$status" -ne 0 ]; then grep -E ' (WARN|ERROR) ' "$data/server.log" | tail -n 40 >&2 || true; fi
    rm -rf "$data"
}
trap finish EXIT

# Starts a new process on the same database. Sessions are kept, and the memory that password hashing used is freed.
start() {
    stop
    rm -f "$data/dev.json"
    "${with[@]}" "$binaries/portcullis" dev --data-dir "$data" --port 0 --tls-port 0 >>"$data/server.log" 2>&1 &
    server=$!
    for _ in $(seq 600); do
        [ -e "$data/dev.json" ] && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    cat "$data/server.log" >&2
    echo "bench: the server did not start" >&2
    exit 1
}

loadtest() {
    printf '\n== loadtest %s\n' "$*"
    "$binaries/loadtest" "$@" --data-dir "$data"
}

# Sessions with many connections each: 150 users with four sessions.
start
loadtest prepare --prefix idle
start
loadtest idle --prepared --connections "$connections" --hold "$hold" --at-most 8
start
loadtest idle --prepared --connections "$connections" --hold "$hold" --tls
start
loadtest fanout --prepared --connections "$connections" --publications 150 --stalled 1
# A steady rate, about half of what two cores can deliver. So no publication waits for earlier ones, and the latencies are those
# of single publications.
loadtest fanout --prepared --connections "$connections" --publications 100 --rate "$(awk "BEGIN { print 45000 / $connections }")"

# In these runs, clients send more publications and queries than the usual limits allow. In the namespace `load`, joins and
# leaves are not announced.
cat >"$data/channels.toml" <<'TOML'
[namespaces.kept]
subscribe = ["user"]
publish = ["subscriber"]
history_size = 10000
history_ttl = "1h"
recovery = "forced"
durable = true
[namespaces.load]
subscribe = ["user"]
publish = ["subscriber"]
history_size = 1000
history_ttl = "1h"
recovery = "forced"
[namespaces.crowd]
subscribe = ["user"]
presence = ["subscriber"]
presence_enabled = true
join_leave = true
force_join_leave = true
TOML
with=(env LIMIT_FRAME_CONNECTION=1000000/60 LIMIT_PUBLICATION_USER=1000000/60 LIMIT_DURABLE_BYTES_USER=1000000000/60 CHANNELS_FILE="$data/channels.toml")
start
loadtest publish-durable --prepared --users 50 --namespace kept
loadtest reconnect --prepared --namespace load --connections "$connections" --jitter 10
loadtest presence --prepared --namespace crowd --connections 500
# One operator revokes more often than the usual limit allows.
with=(env LIMIT_REQUEST_USER=1000000/60)

start
loadtest revoke --users 1000 --within 50
loadtest revoke --users 1000 --connections "$connections" --revoke 200 --within 50
loadtest revoke --prepared --users 150 --connections "$connections" --all

if [ -n "${WORST:-}" ]; then
    loadtest prepare --prefix worst --users "$((connections / 8))" --sessions-per-user 8
    start
    loadtest idle --prepared --users "$((connections / 8))" --connections "$connections" --hold "$hold"
fi
