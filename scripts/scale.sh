#!/usr/bin/env bash
# Fills the database of a server with a million sessions, millions of denials and hundreds of thousands of revocations, and
# checks on this machine what the server promises at any size: how soon it is ready after a start, how long a revocation takes,
# how soon it catches up after it was cut off from its database, and how long a revocation of all sessions takes. Fails if a
# promise is broken. The run takes about ten minutes after the build, and 6 GB in TMPDIR. docs/performance.md explains the
# figures.
#
#   scale.sh [fill] [ready] [cut-off] [revoke] [everyone]     only these steps, in this order; without arguments, all steps
#
#   DATA=dir           the data directory, which is kept; a later call can use it (within an hour, because tokens expire)
#   CONNECTIONS=9000   sockets
#   USERS=200000 SESSIONS=5 DENIALS=3000000 REVOCATIONS=400000    rows; SESSIONS is for each user
#   BINARIES=dir       the directory of portcullis and loadtest, if they are already built
set -euo pipefail
cd "$(dirname "$0")/.."

readonly binaries=${BINARIES:-${CARGO_TARGET_DIR:-target}/release} connections=${CONNECTIONS:-9000}
readonly users=${USERS:-200000} sessions=${SESSIONS:-5} denials=${DENIALS:-3000000} revocations=${REVOCATIONS:-400000}
# The number of users that sign in, with four sessions each. The sessions of the first `ended` users are ended during the cut.
# The next `revoked` users are revoked one after another. All other sessions are revoked at once.
readonly signed_in=600 ended=50 revoked=200
# The promised limits: the first two in seconds, the last two in milliseconds.
readonly ready_within=30 caught_up_within=60 revoke_within=50 everyone_within=5000

steps=("$@")
[ "${#steps[@]}" -gt 0 ] || steps=(fill ready cut-off revoke everyone)
[ -n "${BINARIES:-}" ] || cargo build --release --workspace
# Each connection needs a descriptor in the server and one in the load test.
ulimit -n "$(ulimit -Hn)"
psql=$(command -v psql || ls -d /usr/lib/postgresql/*/bin/psql 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$psql" ] || { echo "scale: psql is missing (package postgresql-client)" >&2; exit 1; }

data=${DATA:-$(mktemp -d)}
mkdir -p "$data"
# If root starts the server, its database runs as another user, which must be able to enter this directory.
chmod 755 "$data"
server=
broken=0

stop() {
    if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    server=
}
# The log of a failed server must not be deleted with its directory.
finish() {
    local status=$?
    stop
    if [ "$status" -ne 0 ]; then grep -E ' (WARN|ERROR) |^portcullis:' "$data/server.log" | tail -n 20 >&2 || true; fi
    [ -n "${DATA:-}" ] || rm -rf "$data"
}
trap finish EXIT

now() { date +%s.%N; }
since() { awk "BEGIN { printf \"%.1f\", $(now) - $1 }"; }
line() { printf '  %-34s %s\n' "$1" "$2"; }
# Checks a promise. Arguments: its name, the figure, the limit, and the unit.
promise() {
    if awk "BEGIN { exit !($2 <= $3) }"; then line "$1" "$2 $4 (promised: $3 $4)"; else
        line "$1" "$2 $4"
        line BROKEN "$1: $2 $4, promised are $3 $4"
        broken=1
    fi
}
# Prints the memory of the server, and its CPU time since its start.
used() {
    local memory cpu
    memory=$(awk '/^VmRSS/ { now = $2 } /^VmHWM/ { peak = $2 } END { printf "%d MiB, peak %d MiB", now / 1024, peak / 1024 }' "/proc/$server/status")
    cpu=$(awk '{ sub(/.*\) /, ""); printf "%.1f s", ($12 + $13) / 100 }' "/proc/$server/stat")
    line "server memory and cpu, $1" "$memory, $cpu"
}

database() { sed -n 's/.*"database": "\(.*\)".*/\1/p' "$data/dev.json"; }
sql() { "$psql" -X -q -At "$(database)" "$@"; }
status_of() {
    local port answer
    port=$(sed -n 's/.*"http": "http:[^"]*:\([0-9]*\)".*/\1/p' "$data/dev.json")
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 0
    printf 'GET %s HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n' "$1" "$port" >&3
    read -r _ answer _ <&3 || true
    exec 3>&-
    echo "$answer"
}

# Starts a new process on the database, and waits until it is ready.
start() {
    local began
    stop
    rm -f "$data/dev.json"
    began=$(now)
    # The sessions that are filled in must not expire as idle during the run. One operator revokes more often than the usual
    # limit allows.
    SESSION_TIMEOUT_MINUTES=1440 LIMIT_REQUEST_USER=1000000/60 "$binaries/portcullis" dev --data-dir "$data" --port 0 --tls-port 0 >>"$data/server.log" 2>&1 &
    server=$!
    for _ in $(seq 1200); do
        if [ -e "$data/dev.json" ] && [ "$(status_of /health/ready)" = 200 ]; then
            ready_after=$(since "$began")
            return
        fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    echo "scale: the server did not start" >&2
    exit 1
}
loadtest() {
    printf '\n== loadtest %s\n' "$*"
    "$binaries/loadtest" "$@" --data-dir "$data" || broken=1
}

fill() {
    start
    loadtest prepare --users "$signed_in"
    local began
    began=$(now)
    sql -v users="$users" -v sessions="$sessions" -v denials="$denials" -v revocations="$revocations" -f scripts/scale.sql >/dev/null
    printf '\n== the database\n'
    line "filled in" "$(since "$began") s"
    line "live sessions" "$(sql -c 'SELECT count(*) FROM sessions WHERE revoked_at IS NULL')"
    line "denials" "$(sql -c 'SELECT count(*) FROM denials')"
    line "revocations" "$(sql -c 'SELECT count(*) FROM revocations')"
    line "size" "$(sql -c 'SELECT pg_size_pretty(pg_database_size(current_database()))')"
    stop
}

ready() {
    start
    printf '\n== a start\n'
    promise "ready after" "$ready_after" "$ready_within" s
    used "after the start"
}

# The socket of the database is renamed, so that the server cannot connect again, and the connections of the server are closed.
# Then sessions are ended through the renamed socket.
cut_off() {
    local directory
    directory=$(database | sed -n 's/^host=\([^ ]*\) .*/\1/p')
    cat >"$data/cut-off.sh" <<EOF
set -eu
cd '$directory'
mv .s.PGSQL.5432 .s.PGSQL.5433
trap 'mv .s.PGSQL.5433 .s.PGSQL.5432' EXIT
behind() { '$psql' -X -q -At "host=$directory port=5433 user=postgres dbname=portcullis" "\$@"; }
behind -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'portcullis'" >/dev/null
behind -v ended=$ended -v revocations=$revocations -f '$PWD/scripts/scale-cut-off.sql'
EOF
    loadtest cut-off --prepared --users "$signed_in" --ended "$ended" --command "sh '$data/cut-off.sh'" --within "$caught_up_within"
    used "after the cut"
}

revoke() {
    loadtest revoke --prepared --skip-users "$ended" --users "$signed_in" --connections "$connections" --revoke $((ended + revoked)) \
        --pause 300 --traffic 100 --within "$revoke_within"
    used "after the revocations"
}

everyone() {
    local began left
    loadtest revoke --prepared --skip-users $((ended + revoked)) --users "$signed_in" --connections "$connections" --all \
        --answer-within "$everyone_within"
    used "after revoking all"
    began=$(now)
    left=$(sql -c 'SELECT count(*) FROM sessions WHERE revoked_at IS NULL')
    line "rows that are not ended yet" "$left"
    while [ "$(sql -c 'SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND revoked_all < newest_revocation_of_all()')" -gt 0 ]; do
        sleep 1
    done
    line "rows ended by the job" "$(since "$began") s"
    used "after the job"
}

for step in "${steps[@]}"; do
    case $step in
        fill) fill ;;
        ready) ready ;;
        cut-off | revoke | everyone)
            [ -n "$server" ] || start
            "${step/-/_}"
            ;;
        *) echo "scale: there is no step '$step'" >&2; exit 2 ;;
    esac
done
exit "$broken"
