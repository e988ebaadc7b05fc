#!/usr/bin/env bash
# Builds the contract in C: build.sh [FILE.wasm]. Needs clang and wasm-ld, which Rust's toolchain brings, too; on
# Debian what is missing is installed.
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-counter.wasm}
install() {
    local sudo=()
    [ "$(id --user)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get install --yes --quiet --quiet "$1" > /dev/null
}
command -v clang > /dev/null || install clang
PATH="$PATH:$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/gcc-ld"
command -v wasm-ld > /dev/null || install lld
clang --target=wasm32 -std=c11 -O2 -Wall -Wextra -Werror -Wno-unused-function -ffreestanding -nostdlib \
    -fuse-ld="$(command -v wasm-ld)" -Wl,--no-entry -Wl,-zstack-size=16384 -o "$out" counter.c
ls -l "$out"
