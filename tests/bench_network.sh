#!/usr/bin/env bash
# Four validators of dadbs under CometBFT against four of CometBFT's kvstore, with its indexer on and off: transactions
# per second, latency, CPU, disk and memory, side by side in one run. About six minutes once all is built.
#
#   tests/bench_network.sh [OPTION]...     see --help; `--seconds 3 --warmup 2 --paced 3` is a smoke test
set -euo pipefail
cd "$(dirname "$0")/.."

devnet/install-cometbft.sh target/cometbft
devnet/install-cometbft.sh target/cometbft abci-cli
target="${CARGO_TARGET_DIR:-target}"
# One after the other: the example's tests-only features must not reach the binary.
cargo build --quiet --release --package dadbs --bin dadbs
cargo build --quiet --release --package dadbs --example bench_network
exec "$target/release/examples/bench_network" --dadbs "$target/release/dadbs" "$@"
