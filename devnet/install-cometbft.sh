#!/bin/sh
# Builds the pinned CometBFT from the Go module proxy into a folder: install-cometbft.sh <folder>
# `install-cometbft.sh <folder> abci-cli` builds its abci-cli, which holds the kvstore of the benches.
set -eu
VERSION=v0.38.25
case "${2:-cometbft}" in
    cometbft) program=cometbft path=cmd/cometbft says=${VERSION#v} ;;
    # It names its protocol only.
    abci-cli) program=abci-cli path=abci/cmd/abci-cli says=2.0.0 ;;
    *) program= ;;
esac
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ -z "$program" ]; then
    echo "usage: $0 <folder> [abci-cli]; the binary becomes <folder>/cometbft or <folder>/abci-cli" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
if [ -x "$folder/$program" ] && [ "$("$folder/$program" version)" = "$says" ]; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "go is missing: install Go 1.22 or newer, or put $program $VERSION into $folder" >&2
    exit 1
fi
GOBIN="$folder" CGO_ENABLED=0 GOFLAGS=-trimpath go install "github.com/cometbft/cometbft/$path@$VERSION"
"$folder/$program" version
