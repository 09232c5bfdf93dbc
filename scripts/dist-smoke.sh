#!/usr/bin/env bash
# Tests what `make dist` has built, in a small Debian that debootstrap makes (tests/deployment/dist.py has the checks), and checks
# the package with lintian. Must run as root, because it makes file systems and changes users. Builds dist/ if it is not there.
# With CI=true, a test that is skipped is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "-- skipped: the test of dist/ ($*)"
    if [ "${CI:-}" = true ]; then exit 1; fi
    exit 0
}

[ "$(id -u)" = 0 ] || skip "make dist-smoke must run as root"
scripts/ensure.sh dist-smoke
for tool in debootstrap dpkg-deb lintian python3; do
    command -v "$tool" >/dev/null || skip "$tool is missing"
done
compgen -G 'dist/*.deb' >/dev/null || scripts/dist.sh
archives=(dist/*.tar.gz) packages=(dist/*.deb)
[ "${#archives[@]}" = 1 ] && [ "${#packages[@]}" = 1 ] || { echo "dist-smoke: dist/ has several versions: run make dist" >&2; exit 1; }

echo "== the checksums"
(cd dist && sha256sum --check --quiet SHA256SUMS)

echo "== lintian"
lintian --allow-root --fail-on error,warning "${packages[0]}"

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
echo "== the small Debian"
base=$(scripts/debian-root.sh systemd ca-certificates,systemd)
mkdir "$work/root"
tar -C "$work/root" -xf "$base"

echo "== the archive and the package"
unshare --mount --propagation private env PYTHONDONTWRITEBYTECODE=1 \
    python3 tests/deployment/dist.py "$work/root" "${archives[0]}" "${packages[0]}"
