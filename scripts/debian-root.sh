#!/usr/bin/env bash
# Makes the file system of a small Debian, of the release of this machine, with additional packages, and prints the path of the
# archive. Must run as root. An archive of an earlier run is used again.
#
#   debian-root.sh <name> <packages, separated by commas>
set -euo pipefail
cd "$(dirname "$0")/.."

# The programs that run in this file system were built on this distribution, so they need the libraries of the same release.
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
tools=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}/deployment")
archive=$tools/$1-$release.tar
if [ -e "$archive" ]; then
    echo "$archive"
    exit
fi
# apt-get replaces the names itself.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' "Codename: $release" | head -n 1)
[ -n "$mirror" ] || { echo "debian-root: apt has no source for $release; run apt-get update" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$tools"
debootstrap --variant=minbase --include="$2" "$release" "$work/root" "$mirror" >"$work/log" || { tail -n 20 "$work/log" >&2; exit 1; }
# An interrupted run may leave half an archive. It must not be used.
tar -C "$work/root" -cf "$archive.new" .
mv "$archive.new" "$archive"
echo "$archive"
