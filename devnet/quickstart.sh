#!/usr/bin/env bash
# Builds dadbs, starts the embedded chain, loads a small library of books, shows a joined query and a
# verified row, and keeps running. Ctrl-C stops it; another start resumes the same chain.
#
#   devnet/quickstart.sh            keep running
#   devnet/quickstart.sh --once     stop after the last step (for tests)
#
# Environment: PROFILE (release or dev), DADBS_HOME (target/quickstart), GRPC_ADDR, RPC_ADDR.
set -euo pipefail
cd "$(dirname "$0")/.."

profile="${PROFILE:-release}"
export DADBS_HOME="${DADBS_HOME:-$PWD/target/quickstart}"
grpc_addr="${GRPC_ADDR:-127.0.0.1:9090}"
rpc_addr="${RPC_ADDR:-127.0.0.1:26657}"
export DADBS_NODE="http://$grpc_addr"

cargo build --profile "$profile" --package dadbs
folder="$profile"
[ "$profile" = dev ] && folder=debug
dadbs="${CARGO_TARGET_DIR:-target}/$folder/dadbs"

say() { printf '\n$ dadbs %s\n' "$*"; "$dadbs" "$@"; }

"$dadbs" dev --grpc-addr "$grpc_addr" --rpc-addr "$rpc_addr" &
node=$!
trap 'kill "$node" 2> /dev/null; wait "$node" 2> /dev/null || true' EXIT
for _ in $(seq 100); do
    "$dadbs" status > /dev/null 2>&1 && break
    kill -0 "$node" 2> /dev/null || { trap - EXIT; wait "$node"; }
    sleep 0.1
done

if ! "$dadbs" sql tables library > /dev/null 2>&1; then
    say sql create library --yes
    say sql exec library --file devnet/sample.sql --yes
fi
say sql query library "SELECT member.name, book.title, author.name AS author
  FROM loan JOIN member ON member.id = loan.member_id
  JOIN book USING (isbn) JOIN author ON author.id = book.author_id
  WHERE loan.returned IS NULL ORDER BY member.name LIMIT 5"
say verify library author 1
say status

[ "${1:-}" = --once ] && exit 0
printf '\nThe chain keeps running at %s; Ctrl-C stops it.\n' "$DADBS_NODE"
wait "$node"
