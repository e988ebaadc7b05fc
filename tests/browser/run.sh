#!/usr/bin/env bash
# gRPC-Web from a page in a real browser: run.sh GRPC-URL ADDRESS prints what the page shows. Installs Debian's Chromium
# where there is none; needs Node.js.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 http://127.0.0.1:9090 dadbs1..." >&2; exit 2; }
command -v node > /dev/null || { echo "node is missing: install Node.js 20 or newer" >&2; exit 1; }
if ! command -v chromium > /dev/null; then
    sudo=()
    [ "$(id --user)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update --quiet --quiet
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends chromium > /dev/null
fi
exec node "$(dirname "$0")/test.mjs" "$@"
