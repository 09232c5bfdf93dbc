#!/usr/bin/env bash
# Runs real proxies (Caddy, nginx, HAProxy) with the configurations of docker/ in front of a real server, and checks what
# clients get through them (tests/deployment/proxies.py has the checks). A proxy that cannot be installed is skipped, and a line
# says so; with CI=true this is a failure, except for Caddy, which is built with Go. The run takes six minutes after the build.
#
#   BINARIES=dir   the directory of portcullis, if it is already built
#   QUICK=1        leaves out the pauses in which idle connections reach their limits: the run takes half a minute
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/ensure.sh proxies
# nginx and HAProxy are in sbin, which is not on every user's path.
export PATH=$PATH:/usr/sbin:/sbin PYTHONDONTWRITEBYTECODE=1
for tool in python3 openssl; do
    command -v "$tool" >/dev/null || { echo "proxies: $tool is missing" >&2; exit 1; }
done

readonly binaries=${BINARIES:-${CARGO_TARGET_DIR:-target}/release}
[ -n "${BINARIES:-}" ] || cargo build --release --workspace --bin portcullis

failed=0
programs=()
if caddy=$(scripts/deployment.sh caddy); then programs+=("caddy=$caddy"); else echo "-- skipped: Caddy"; fi
for name in nginx haproxy; do
    if found=$(command -v "$name"); then
        programs+=("$name=$found")
    else
        echo "-- skipped: $name is missing"
        if [ "${CI:-}" = true ]; then failed=1; fi
    fi
done
[ "${#programs[@]}" -gt 0 ] || { echo "proxies: there is no proxy to test" >&2; exit 1; }
python3 tests/deployment/proxies.py "$(realpath "$binaries/portcullis")" "${programs[@]}" || failed=1
exit "$failed"
