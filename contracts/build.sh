#!/bin/sh
# Builds the genesis contract `database` for wasm32, the same bytes from the same toolchain.
#
#   contracts/build.sh                 writes contracts/artifacts/
#   contracts/build.sh --check         builds into a temporary directory and compares with artifacts/
#   contracts/build.sh --out DIR NAME  builds the contract crate dadbs-NAME and writes DIR/NAME.wasm
#   build.sh --crate DIR ROOT TARGET   builds the crate in DIR, whose workspace is ROOT, into the folder
#                                      TARGET; `dadbs contract build` runs this script so
#
# Toolchain, the first that is there: rustup's (`rustup target add wasm32-unknown-unknown`), else a
# distribution's compiler with the sources of the standard library (Debian: rustc-web, cargo-web,
# rust-web-src, lld).
set -eu
cd "$(dirname "$0")"
target=wasm32-unknown-unknown
home=${CARGO_HOME:-$HOME/.cargo}

if [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target" ]; then
    cargo=cargo rustc=rustc std=
elif [ -f "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    cargo=/usr/bin/cargo rustc=/usr/bin/rustc std=-Zbuild-std=core,alloc
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
else
    echo "build.sh: no compiler for $target: run 'rustup target add $target', or install your distribution's package (Debian: rustc-web cargo-web rust-web-src)" >&2
    exit 2
fi
sysroot=$($rustc --print sysroot)
toolchain="$($rustc --version)${std:+, $std}"
# The linker: the compiler's own, else the one of another toolchain on this machine.
host=$($rustc -vV | sed -n 's/^host: //p')
own="$sysroot/lib/rustlib/$host/bin/rust-lld"
other="$(rustup run stable rustc --print sysroot 2>/dev/null || true)/lib/rustlib/$host/bin/rust-lld"
for linker in "$own" "$(command -v rust-lld || true)" "$(command -v wasm-ld || true)" "$other"; do
    if [ -x "$linker" ]; then
        export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"
        break
    fi
done
lld=$("$linker" -flavor wasm --version 2>/dev/null || "$linker" --version 2>/dev/null || echo 'no linker')
toolchain="$toolchain, $(echo "$lld" | cut -d' ' -f1-2)"

# Paths reach the bytes through panic messages: every one gets a name that no machine decides.
separator=$(printf '\037')
flags="-Clink-arg=-zstack-size=65536"
root=$(cd .. && pwd)
[ "${1:-}" != --crate ] || root=$3
for pair in "$root=/dadbs" "$home=/cargo" "$sysroot/lib/rustlib/src/rust=/rust"; do
    flags="$flags$separator--remap-path-prefix=$pair"
done
unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_PROFILE_CONTRACT_OPT_LEVEL
export CARGO_ENCODED_RUSTFLAGS="$flags" SOURCE_DATE_EPOCH=0 CARGO_INCREMENTAL=0
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"

# build NAME DIR: DIR/NAME.wasm
build() {
    # shellcheck disable=SC2086  # an empty $std is no argument
    $cargo build --locked --profile contract --quiet $std --target $target -p "dadbs-$1"
    mkdir -p "$2"
    cp "$CARGO_TARGET_DIR/$target/contract/dadbs_$1.wasm" "$2/$1.wasm"
}

case "${1:-}" in
--check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    build database "$fresh"
    recorded=$(sed -n 's/^toolchain: //p' artifacts/README.md)
    if [ "$recorded" != "$toolchain" ]; then
        echo "build.sh: it builds; the bytes are not compared, because artifacts/ was built with '$recorded' and this is '$toolchain'"
    elif cmp "$fresh/database.wasm" artifacts/database.wasm; then
        echo "build.sh: artifacts/database.wasm is what the sources give"
    else
        echo "build.sh: artifacts/database.wasm is not what the sources give: run contracts/build.sh and commit it" >&2
        exit 1
    fi
    ;;
--crate)
    cd "$2"
    export CARGO_TARGET_DIR="$4"
    # A contract that asks the SDK for `std` gets it.
    if $cargo tree --quiet --edges normal --prefix none --format '{p} {f}' | grep -q '^dadbs-sdk .* std$'; then
        std=${std:+-Zbuild-std=std,panic_abort}
        toolchain=$(echo "$toolchain" | sed 's/core,alloc/std,panic_abort/')
    fi
    # shellcheck disable=SC2086  # an empty $std is no argument
    $cargo build --profile contract --quiet $std --target $target
    echo "$toolchain"
    ;;
--out)
    build "$3" "$2"
    ;;
"")
    build database artifacts
    (cd artifacts && sha256sum database.wasm >SHA256SUMS)
    cat >artifacts/README.md <<END
# Genesis contracts

Built by \`contracts/build.sh\`, committed because the bytes depend on the compiler and genesis must not
depend on who built the node. \`contracts/build.sh --check\` builds them again and compares.

toolchain: $toolchain
END
    ls -l artifacts/database.wasm
    ;;
*)
    echo "usage: contracts/build.sh [--check | --out DIR NAME | --crate DIR ROOT TARGET]" >&2
    exit 2
    ;;
esac
