#!/bin/sh
# Runs each fuzz target: tests/fuzz/run.sh [seconds per target, default 60] [target ...]
#
# Needs a C++ compiler and the stable Rust toolchain. Inputs that are worth keeping go to
# target/fuzz-corpus; an input that crashes a target, hangs it or exhausts its memory is kept under
# tests/fuzz/artifacts, and the exit code is 1. To run one again: target/debug/fuzz-<target> <file>
set -u
cd "$(dirname "$0")" || exit 1
seconds=${1:-60}
test $# -gt 0 && shift
test $# -gt 0 || set -- tx bundle sql wasm values checkpoint journal

target_dir=$(realpath -m "${CARGO_TARGET_DIR:-../../target}")
export CARGO_TARGET_DIR="$target_dir"
started=$(date +%s)
RUSTC_WRAPPER="$PWD/coverage.sh" cargo build --locked --quiet || exit 1
echo "built in $(($(date +%s) - started)) s"

status=0
printf '%-12s %12s %10s %8s\n' target executions "per second" coverage
for target in "$@"; do
    found="$target_dir/fuzz-corpus/$target"
    log="$target_dir/fuzz-$target.log"
    mkdir -p "$found" artifacts
    # The stock contract is a seed, too.
    test "$target" = wasm && cp ../../contracts/artifacts/database.wasm "$found/"
    case "$target" in
        sql) length=4096 ;;
        wasm) length=8192 ;;
        *) length=16384 ;;
    esac
    "$target_dir/debug/fuzz-$target" "$found" "corpus/$target" \
        -max_total_time="$seconds" -max_len="$length" -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target-" >"$log" 2>&1
    code=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    printf '%-12s %12s %10s %8s\n' "$target" "${executions:--}" "${rate:--}" "${coverage:--}"
    if test "$code" -ne 0; then
        echo "$target FAILED (exit code $code); the end of $log:"
        tail -40 "$log"
        status=1
    fi
done
exit "$status"
