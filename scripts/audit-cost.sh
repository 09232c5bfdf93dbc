#!/usr/bin/env bash
# Measures what the audit log costs a sign-in: the CPU time of the server and its database for one sign-in, and the number of
# sign-ins per second while 64 users sign in at once; with the audit log, and with a trigger that drops each event before it is
# written. The runs alternate. Fails if a sign-in with the log costs 5 % more CPU time, or if 3 % fewer are completed. Takes
# about four minutes after the build; nothing else should run meanwhile.
#
#   ROUNDS=4 SECONDS_EACH=20
#   BINARIES=dir       the directory of portcullis and loadtest, if they are already built
set -euo pipefail
cd "$(dirname "$0")/.."

readonly binaries=${BINARIES:-${CARGO_TARGET_DIR:-target}/release} rounds=${ROUNDS:-4} seconds=${SECONDS_EACH:-20}
[ -n "${BINARIES:-}" ] || cargo build --release --workspace
psql=$(command -v psql || ls -d /usr/lib/postgresql/*/bin/psql 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$psql" ] || { echo "audit-cost: psql is missing (package postgresql-client)" >&2; exit 1; }

data=$(mktemp -d)
# If root starts the server, its database runs as another user, which must be able to enter this directory.
chmod 755 "$data"
server=
finish() {
    local status=$?
    if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    if [ "$status" -ne 0 ]; then grep -E ' (WARN|ERROR) |^portcullis:' "$data/server.log" | tail -n 20 >&2 || true; fi
    rm -rf "$data"
}
trap finish EXIT

# No sign-in may be refused, so limits and the queue of hashes are wide.
readonly wide=10000000/60
PASSWORD_QUEUE=256 LIMIT_LOGIN_ACCOUNT=$wide LIMIT_LOGIN_DEVICE_ACCOUNT=$wide LIMIT_STUFFING=$wide \
    "$binaries/portcullis" dev --data-dir "$data" --port 0 --tls-port 0 >"$data/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    [ -e "$data/dev.json" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
[ -e "$data/dev.json" ] || { cat "$data/server.log" >&2; echo "audit-cost: the server did not start" >&2; exit 1; }

database=$(sed -n 's/.*"database": "\(.*\)".*/\1/p' "$data/dev.json")
sql() { "$psql" -X -q -At "$database" -c "$1"; }
sql "CREATE FUNCTION drop_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
first=$(find "$data" -name postmaster.pid -exec head -n 1 {} \;)

# Prints: sign-ins per second, CPU milliseconds of the server and the database for each.
measure() {
    "$binaries/loadtest" --json sign-in-rate --data-dir "$data" --seconds "$seconds" --database-pid "$first" | python3 -c '
import json, sys
report = json.load(sys.stdin)
if not report["ok"]:
    sys.exit("\n".join(report["broken"]))
figures = report["figures"]
cpu = figures["server_cpu_per_sign_in_ms"] + figures["database_cpu_per_sign_in_ms"]
print(figures["sign_ins_per_second"], cpu, figures["database_cpu_per_sign_in_ms"])'
}
for round in $(seq "$rounds"); do
    order=(with without)
    [ $((round % 2)) = 1 ] || order=(without with)
    for which in "${order[@]}"; do
        if [ "$which" = without ]; then
            sql "CREATE TRIGGER drop_event BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION drop_event()"
        fi
        figures=$(measure)
        [ "$which" = with ] || sql "DROP TRIGGER drop_event ON audit_events"
        echo "$which $figures" | tee -a "$data/figures"
    done
done
python3 - "$data/figures" <<'PYTHON'
import statistics, sys

runs = [line.split() for line in open(sys.argv[1])]
median = lambda which, column: statistics.median(float(run[column]) for run in runs if run[0] == which)
rate = median("with", 1) / median("without", 1)
cpu = median("with", 2) / median("without", 2)
print(f"sign-ins per second   with {median('with', 1):.1f}, without {median('without', 1):.1f}: ratio {rate:.3f} (promised: at least 0.97)")
print(f"CPU of a sign-in      with {median('with', 2):.2f} ms, without {median('without', 2):.2f} ms: ratio {cpu:.3f} (promised: at most 1.05)")
print(f"  of which database   with {median('with', 3):.2f} ms, without {median('without', 3):.2f} ms")
sys.exit(0 if rate >= 0.97 and cpu <= 1.05 else 1)
PYTHON
