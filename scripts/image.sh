#!/usr/bin/env bash
# Builds the image of docker/Dockerfile and runs it (tests/deployment/image.py has the checks). No image is fetched: the build
# image is made by debootstrap from the distribution's packages, and the program is built outside of the image, so that the test
# needs no second compilation. Must run as root, because it makes file systems and changes users.
#
# With CI=true, a test that is skipped is a failure.
#
#   BINARIES=dir   the directory of portcullis, if it is already built; otherwise the image has the program of `make dist`
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "-- skipped: the image ($*)"
    if [ "${CI:-}" = true ]; then exit 1; fi
    exit 0
}

[ "$(id -u)" = 0 ] || skip "make image must run as root"
scripts/ensure.sh image
for tool in buildah debootstrap python3; do
    command -v "$tool" >/dev/null || skip "$tool is missing"
done

if [ -n "${BINARIES:-}" ]; then program=$BINARIES/portcullis; else program=$(scripts/dist.sh program); fi
work=$(mktemp -d)
chmod 755 "$work"
# Buildah keeps images and containers here, and not among those of the machine.
buildah() { command buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
finish() {
    buildah umount --all >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

echo "== the build image"
base=$(scripts/debian-root.sh base binutils,ca-certificates)
container=$(buildah from scratch)
buildah add --quiet "$container" "$base" / >/dev/null
buildah commit --quiet "$container" localhost/build >/dev/null
buildah rm "$container" >/dev/null

echo "== the image"
mkdir "$work/context"
cp "$program" "$work/context/portcullis"
buildah build --quiet --isolation chroot --pull-never --format docker --file docker/Dockerfile --tag localhost/portcullis \
    --build-arg BUILD_IMAGE=localhost/build --build-arg PREBUILT=portcullis "$work/context" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log" >&2; exit 1; }

container=$(buildah from --pull-never localhost/portcullis)
files=$(buildah mount "$container")
buildah inspect --type image localhost/portcullis >"$work/image.json"
size=$(du --summarize --bytes "$files" | cut -f 1)
unshare --mount --propagation private env PYTHONDONTWRITEBYTECODE=1 python3 tests/deployment/image.py "$files" "$work/image.json" "$size"
