#!/usr/bin/env bash
# Builds the pinned grpcurl from the Go module proxy into a folder: install-grpcurl.sh <folder>
set -euo pipefail
VERSION=v1.9.3
if [ $# -ne 1 ]; then
    echo "usage: $0 <folder>; the binary becomes <folder>/grpcurl" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ -x "$folder/grpcurl" ] && exit 0
if ! command -v go >/dev/null; then
    echo "go is missing: install Go 1.24 or newer, or put grpcurl $VERSION into $folder" >&2
    exit 1
fi
GOBIN="$folder" CGO_ENABLED=0 GOFLAGS=-trimpath go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$VERSION"
