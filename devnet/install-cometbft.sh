#!/bin/sh
# Builds the pinned CometBFT from the Go module proxy into a folder: install-cometbft.sh <folder>
set -eu
VERSION=v0.38.25
if [ $# -ne 1 ]; then
    echo "usage: $0 <folder>; the binary becomes <folder>/cometbft" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
if [ -x "$folder/cometbft" ] && [ "$("$folder/cometbft" version)" = "${VERSION#v}" ]; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "go is missing: install Go 1.22 or newer, or put cometbft $VERSION into $folder" >&2
    exit 1
fi
GOBIN="$folder" CGO_ENABLED=0 GOFLAGS=-trimpath go install "github.com/cometbft/cometbft/cmd/cometbft@$VERSION"
"$folder/cometbft" version
