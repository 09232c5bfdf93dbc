#!/usr/bin/env bash
# Runs every test; arguments go to `cargo test`. Many integration tests check real times on a machine that other programs may
# use. So with CI=true, at most three failed integration tests run a second time, alone. Each of them is named at the end, even
# if it then passes: there is a fault in such a test or in the server.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly second_tries=3
# Tests wait for half of their time, so more of them run at once than there are cores.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 3 / 2))}
[ "${CI:-}" = true ] && [ $# = 0 ] || exec cargo test --workspace "$@"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if cargo test --workspace --no-fail-fast 2>&1 | tee "$log"; then exit; fi

# The targets that failed, and the tests that failed. A run that was aborted in the middle has no line `test result: FAILED`.
targets=$(sed -n 's/^error: test failed, to rerun pass `\(.*\)`$/\1/p' "$log" | sed 's/^-p portcullis //' | sort -u)
mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | sort -u)
ended=$(grep -c '^test result: FAILED' "$log" || true)
if [ "$targets" != "--test it" ] || [ "$ended" != 1 ] || [ "${#failed[@]}" = 0 ] || [ "${#failed[@]}" -gt "$second_tries" ]; then
    echo "test: failed: ${targets//$'\n'/, } (${#failed[@]} tests)" >&2
    exit 1
fi
printf '\n-- second try, alone: %s\n' "${failed[*]}"
cargo test --workspace --test it -- --exact --test-threads 1 "${failed[@]}"
printf '\n-- PASSED ONLY AT THE SECOND TRY: %s\n' "${failed[*]}"
