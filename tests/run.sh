#!/usr/bin/env bash
# Runs the tests and installs what they need.
#
#   tests/run.sh           the everyday suite: format, lints, all fast tests
#   tests/run.sh --long    the stock contract rebuilt, the main job on proj.db, and 100,000 statements against full dumps and plain SQLite
#   tests/run.sh --slow    everything slow: the above, crash matrix, real clients, real CometBFT, fuzz targets
#
# Needed on the machine: the Rust toolchain and a C compiler. The slow suite also wants Go, Node.js and
# root or sudo for three Debian packages (proj-data, clang, chromium); what is missing is said and ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%s)\n' "$1" "$(date +%H:%M:%S)"; }

everyday() {
    step "format"
    cargo fmt --all --check
    # A workspace of its own, which follows the crates of this one.
    cargo metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml > /dev/null
    step "lints"
    cargo clippy --workspace --all-targets --quiet -- -D warnings
    step "tests"
    cargo test --workspace --quiet
    step "everyday suite passed"
}

install_debian() {
    local missing=()
    for package in "$@"; do
        dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null | grep --quiet 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    step "installing ${missing[*]}"
    local sudo=()
    [ "$(id --user)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update --quiet --quiet
    "${sudo[@]}" apt-get install --yes --quiet --quiet "${missing[@]}" > /dev/null
}

# All of the workspace is named so that the build of the everyday suite serves.
# The artifact in genesis is compared with what its sources give.
contract() {
    if ! rustup target list --installed 2>/dev/null | grep --quiet wasm32-unknown-unknown; then
        install_debian rustc-web cargo-web rust-web-src
    fi
    step "the stock contract is what its sources give"
    contracts/build.sh --check
}

long() {
    contract
    install_debian proj-data
    step "proj.db: import, resume, check, export, queries, proofs"
    cargo test --workspace --quiet --test proj -- --ignored
    step "long differential fuzz of the engine"
    cargo test --workspace --quiet --test differential -- --ignored
    step "long suite passed"
}

slow() {
    contract
    install_debian proj-data clang
    step "CometBFT"
    devnet/install-cometbft.sh target/cometbft
    step "slow tests"
    DADBS_COMETBFT_DIR="$PWD/target/cometbft" PATH="$PWD/target/cometbft:$PATH" \
        cargo test --workspace --quiet -- --ignored
    if docker info > /dev/null 2>&1; then
        devnet/test-compose.sh
    else
        step "no Docker engine runs: the composed network was not tested (devnet/test-compose.sh)"
    fi
    step "fuzz targets, a minute each"
    tests/fuzz/run.sh 60
    step "slow suite passed"
}

case "${1:-}" in
    "") everyday ;;
    --long) long ;;
    --slow) slow ;;
    *) echo "usage: tests/run.sh [--long | --slow]" >&2; exit 2 ;;
esac
