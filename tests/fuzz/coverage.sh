#!/bin/sh
# Cargo's RUSTC_WRAPPER: compiles the crates that are fuzzed with the coverage that libFuzzer reads,
# and every other crate as it is. Which crates these are stands in Cargo.toml: those with one codegen unit.
fuzzed=no
for argument in "$@"; do
    case "$argument" in
        codegen-units=1) fuzzed=yes ;;
        build_script_*) exec "$@" ;;
    esac
done
test "$fuzzed" = yes || exec "$@"
exec "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
