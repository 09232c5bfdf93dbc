#!/usr/bin/env bash
# Builds the release in dist/: an archive for any Linux with a new enough C library, a package for Debian, the list
# of all components (SBOM, in the form of CycloneDX), and the checksums. Two checkouts of one commit give the same bytes, also in
# different folders: no file contains a path of this machine, the time of the build or an order of its file system.
#
#   dist.sh            builds everything
#   dist.sh program    only compiles the program, and prints its path (other scripts use the same program)
#
#   SOURCE_DATE_EPOCH=seconds   the time of all files; otherwise the time of the commit
set -euo pipefail
cd "$(dirname "$0")/.."

# The newest release that is known to work. The tool is compiled into the folder of the build.
readonly CYCLONEDX=0.5.9
export CARGO_TERM_COLOR=never LC_ALL=C TZ=UTC
umask 022
root=$PWD
target=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")
readonly root target

have() { command -v "$1" >/dev/null 2>&1; }
step() { printf '\n== %s\n' "$*"; }
skip() { printf '\n-- skipped: %s\n' "$*"; }
fail() { printf 'dist: %s\n' "$*" >&2; exit 1; }

# --- the program ------------------------------------------------------------------------------------------------------

# Paths of this machine in the program are replaced by these. If several prefixes fit, the compiler takes the last one.
compile() {
    local home=${CARGO_HOME:-$HOME/.cargo} sysroot commit from flags=() c_flags=
    sysroot=$(rustc --print sysroot)
    commit=$(rustc --version --verbose | sed -n 's/^commit-hash: //p')
    for from in "$root=/usr/src/portcullis" "$target=/usr/src/portcullis/target" "$home=/usr/src/cargo" \
        "$sysroot/lib/rustlib/src/rust=/rustc/$commit"; do
        flags+=("--remap-path-prefix=$from")
        c_flags+=" -ffile-prefix-map=$from"
    done
    # The compilers of C get one text, which is split at spaces.
    [[ "$root$target$home" != *" "* ]] || fail "the path of the project or of cargo contains a space: $root, $target, $home"
    # Some crates are compiled again when this time changes, and do not contain it.
    env --unset=SOURCE_DATE_EPOCH CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f' && echo "${flags[*]}")" CFLAGS="${CFLAGS:-}$c_flags" \
        cargo build --locked --profile dist --workspace --bin portcullis
}

readonly program=$target/dist/portcullis
if [ "${1:-}" = program ]; then
    compile >&2
    echo "$program"
    exit
fi

# --- what is around the program -----------------------------------------------------------------------------------------

time_of_commit() { git log -1 --format=%ct 2>/dev/null; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(time_of_commit)} || fail "this is no git checkout: set SOURCE_DATE_EPOCH to the time of the release"
export SOURCE_DATE_EPOCH
if [ -n "$(git status --porcelain 2>/dev/null)" ]; then
    printf 'dist: warning: there are changes that are not committed, so the commit alone does not give these files\n' >&2
fi

scripts/ensure.sh dist
have python3 || fail "python3 is missing"

step "the program"
compile
version=$("$program" --version | sed 's/^portcullis //')
name=portcullis-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly version name work tree=$work/$name doc=$work/$name/share/doc/portcullis

# The list of components names the paths of the crates of this project. It is made from a copy with a replaced path. The tool
# reads only the manifests and the names of the sources.
components() {
    local tool=$target/tools/bin/cargo-cyclonedx source=$work/source
    if ! "$tool" cyclonedx --version 2>/dev/null | grep -qwF "$CYCLONEDX"; then
        cargo install --quiet --locked --root "$target/tools" --version "$CYCLONEDX" cargo-cyclonedx
    fi
    mkdir "$source"
    cp -r Cargo.toml Cargo.lock actors loadtest protocol src tests "$source"
    (cd "$source" && "$tool" cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps)
    sed "s|file://$source|file:///usr/src/portcullis|g" "$source/portcullis.cdx.json"
}

step "manual pages, completions, documentation and the list of components"
mkdir -p "$tree/bin" "$tree/lib/systemd/system" "$tree/lib/sysusers.d" "$tree/share/bash-completion/completions" \
    "$tree/share/fish/vendor_completions.d" "$tree/share/man/man1" "$tree/share/zsh/site-functions" "$doc/examples"
cp "$program" "$tree/bin/"
"$program" manual "$work/manual"
cp "$work"/manual/man/*.1 "$tree/share/man/man1/"
cp "$work/manual/completions/portcullis.bash" "$tree/share/bash-completion/completions/portcullis"
cp "$work/manual/completions/portcullis.fish" "$tree/share/fish/vendor_completions.d/"
cp "$work/manual/completions/_portcullis" "$tree/share/zsh/site-functions/"
cp docker/systemd/portcullis.service docker/systemd/portcullis-migrate.service "$tree/lib/systemd/system/"
cp docker/systemd/portcullis.sysusers.conf "$tree/lib/sysusers.d/portcullis.conf"
cp LICENSE README.md CHANGELOG.md "$doc/"
cp -r docs "$doc/"
cp docker/systemd/portcullis.env.example "$doc/examples/"
cp -r docker/caddy docker/haproxy docker/nginx "$doc/examples/"
rm "$doc/examples/caddy/Dockerfile"
components >"$doc/portcullis.cdx.json"
cargo metadata --locked --format-version 1 >"$work/metadata.json"
scripts/third-party.py "$doc/portcullis.cdx.json" "$work/metadata.json" >"$doc/THIRD-PARTY.txt"
chmod -R u=rwX,go=rX "$tree"

rm -rf dist
mkdir dist
step "dist/$name.tar.gz"
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=gnu \
    --directory "$work" "$name" | gzip --no-name -9 >"dist/$name.tar.gz"
cp "$doc/portcullis.cdx.json" "dist/portcullis-$version.cdx.json"

# --- the package for Debian -----------------------------------------------------------------------------------------------

# A version of Debian sorts the part after ~ before everything else, as cargo does with the part after a hyphen.
package() {
    local build=$work/package/portcullis debian=$work/package/portcullis/debian
    mkdir "$work/package"
    cp -r "$tree" "$build"
    cp -r packaging/debian "$debian"
    mkdir -p "$build/etc/portcullis"
    cp docker/systemd/portcullis.env.example "$build/etc/portcullis/portcullis.env"
    sed 's|/usr/local/|/usr/|g' docker/systemd/portcullis.service >"$debian/portcullis.service"
    sed 's|/usr/local/|/usr/|g' docker/systemd/portcullis-migrate.service >"$debian/portcullis.portcullis-migrate.service"
    sed 's|/usr/local/|/usr/|g' docker/systemd/portcullis.sysusers.conf >"$debian/portcullis.sysusers"
    cat >"$debian/changelog" <<END
portcullis (${version/-/\~}-1) unstable; urgency=medium

  * Release $version. The file changelog.gz says what has changed.

 -- $(sed -n 's/^Maintainer: //p' "$debian/control")  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END
    (cd "$build" && DEB_RULES_REQUIRES_ROOT=no debian/rules binary) >"$work/package.log" 2>&1 ||
        { cat "$work/package.log" >&2; fail "the package cannot be built"; }
    cp "$work"/package/*.deb dist/
}

if have dh && have dpkg-shlibdeps; then
    step "the package for Debian"
    package
else
    skip "the package for Debian (debhelper or dpkg-dev is missing)"
fi

(cd dist && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
step "dist"
(cd dist && du --bytes -- * && cat SHA256SUMS)
