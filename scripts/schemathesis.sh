#!/usr/bin/env bash
# Sends a development server the requests that schemathesis makes from the OpenAPI document: as an admin with a fresh sign-in,
# and then as an operator. The operator's requests name the admin and the admin's sessions and devices. Fails for a 5xx, an
# undocumented status, header or media type, an answer that does not fit its schema, a request that breaks its schema and is
# accepted, and for any change of the admin by the operator. Takes a few minutes.
#
#   SECONDS_EACH=60        the longest time of each of the two runs after its fixed cases
#   SEED=1                 the seed of the random cases
#   PORTCULLIS_BIN=path    the program, if it is already built
#   SCHEMATHESIS=path      schemathesis, if it is already installed; otherwise it is installed into target/schemathesis
set -euo pipefail
cd "$(dirname "$0")/.."

readonly target=${CARGO_TARGET_DIR:-target}
readonly portcullis=${PORTCULLIS_BIN:-$target/debug/portcullis}
readonly seconds=${SECONDS_EACH:-60} seed=${SEED:-1}
# A newer release may have other checks. It is raised by hand, with a run.
readonly version=4.32.5

install() {
    local place=$target/schemathesis
    if ! "$place/bin/schemathesis" --version 2>/dev/null | grep -qF "$version"; then
        python3 -m venv "$place"
        "$place/bin/pip" install --quiet "schemathesis==$version"
    fi
    realpath "$place/bin/schemathesis"
}

schemathesis=${SCHEMATHESIS:-$(install)}
data=$(mktemp -d)
# If root starts the server, its database runs as another user, which must be able to enter this directory.
chmod 755 "$data"
server=

finish() {
    local status=$?
    if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null && wait "$server" || true; fi
    if [ "$status" -ne 0 ]; then grep -E ' (ERROR|panicked)' "$data/server.log" | tail -n 40 >&2 || true; fi
    rm -rf "$data"
}
trap finish EXIT

# The limits are tested elsewhere. Here they would only hide other answers.
limits=()
while read -r name; do limits+=("$name=1000000/1"); done \
    < <(grep -oE '^\| `LIMIT_[A-Z_]+`' docs/settings.md | tr -d '|` ')

env "${limits[@]}" ADDRESS_LIMIT_FACTOR=1000000 "$portcullis" dev --data-dir "$data" --port 0 --tls-port 0 \
    >>"$data/server.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    [ -e "$data/dev.json" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$data/server.log" >&2; exit 1; }
    sleep 0.1
done

fact() { python3 -c 'import json, sys; print(eval("facts" + sys.argv[2], {"facts": json.load(open(sys.argv[1]))}))' "$data/dev.json" "$1"; }
url=$(fact '["http"]')
export PORTCULLIS_URL=$url PYTHONDONTWRITEBYTECODE=1
ADMIN_EMAIL=$(fact '["users"][1]["email"]') ADMIN_PASSWORD=$(fact '["users"][1]["password"]')
readonly OPERATOR_EMAIL=operator@example.com OPERATOR_PASSWORD=quiet-lantern-umbrella-73
printf '%s' "$OPERATOR_PASSWORD" |
    "$portcullis" user create "$OPERATOR_EMAIL" --role operator --password-stdin --data-dir "$data" >/dev/null
API_KEY=$("$portcullis" key create schemathesis --scope '*' --data-dir "$data" 2>/dev/null)
export API_KEY

# schemathesis keeps files where it runs, so it runs in the temporary directory.
run() {
    local project=$PWD
    printf '\n== as %s\n' "$1"
    (cd "$data" && SCHEMATHESIS_HOOKS=$project/scripts/schemathesis_hooks.py \
        "$schemathesis" --config-file "$project/scripts/schemathesis.toml" run "$url/openapi.json" \
        --checks all --seed "$seed" --max-time "$seconds" --request-timeout 20 --generation-database none "${@:2}")
}

failed=0
PORTCULLIS_EMAIL=$ADMIN_EMAIL PORTCULLIS_PASSWORD=$ADMIN_PASSWORD run admin "$@" || failed=1

# The admin's password may have changed in the first run.
printf '%s' "$ADMIN_PASSWORD" |
    "$portcullis" user reset-password "$ADMIN_EMAIL" --password-stdin --data-dir "$data" >/dev/null
python3 scripts/schemathesis_hooks.py remember "$ADMIN_EMAIL" "$ADMIN_PASSWORD" "$data/admin.json"
PORTCULLIS_EMAIL=$OPERATOR_EMAIL PORTCULLIS_PASSWORD=$OPERATOR_PASSWORD PORTCULLIS_VICTIM=$data/admin.json run operator "$@" ||
    failed=1
python3 scripts/schemathesis_hooks.py compare "$ADMIN_EMAIL" "$ADMIN_PASSWORD" "$data/admin.json"
[ "$failed" -eq 0 ]
