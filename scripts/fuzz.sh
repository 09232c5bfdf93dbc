#!/usr/bin/env bash
# Fuzzes the decoders of untrusted bytes. The arguments are the fuzz targets; without arguments, all targets run. Each target
# runs for FUZZ_MINUTES (default 10). New inputs are kept in cargo's target directory. A finding ends the run, and its input is
# kept in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! rustup run nightly rustc --version >/dev/null 2>&1; then
    echo "fuzz: the nightly compiler is missing; run: rustup toolchain install nightly" >&2
    exit 1
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is missing; run: cargo install --locked cargo-fuzz" >&2
    exit 1
fi

readonly seconds=$((${FUZZ_MINUTES:-10} * 60))
readonly target=${CARGO_TARGET_DIR:-target}/fuzz
[[ $# -gt 0 ]] || set -- json protobuf delta frame_reader cookies forwarded_for database_url settings

for name in "$@"; do
    printf '\n== %s, %d s\n' "$name" "$seconds"
    mkdir -p "$target/learned/$name"
    CARGO_TARGET_DIR=$target nice -n 19 cargo +nightly fuzz run "$name" "$target/learned/$name" "fuzz/corpus/$name" -- \
        -max_total_time="$seconds" -max_len=65536 -malloc_limit_mb=64 -timeout=10 -print_final_stats=1
done
printf '\nNothing found.\n'
