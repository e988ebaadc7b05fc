#!/usr/bin/env bash
# Rows per second of `dadbs import` into the embedded chain, against `sqlite3 FILE .dump | sqlite3` in the
# same run. The comparison that an import ends with is timed apart: the reference has none.
#
#   tests/bench_import.sh [FILE]     a SQLite file; PROJ's proj.db (Debian package proj-data) unless given
set -euo pipefail
cd "$(dirname "$0")/.."

file="${1:-/usr/share/proj/proj.db}"
[ -r "$file" ] || { echo "bench_import: $file cannot be read; install proj-data or name a SQLite file" >&2; exit 2; }
command -v sqlite3 > /dev/null || { echo "bench_import: sqlite3 is not installed" >&2; exit 2; }
cargo build --quiet --release --package dadbs
dadbs="${CARGO_TARGET_DIR:-target}/release/dadbs"

folder=$(mktemp -d)
export DADBS_HOME="$folder/home" DADBS_NODE=http://127.0.0.1:19090
"$dadbs" dev --grpc-addr 127.0.0.1:19090 --rpc-addr 127.0.0.1:19657 > "$folder/dev.log" 2>&1 &
node=$!
trap 'kill "$node" 2> /dev/null; wait "$node" 2> /dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do
    "$dadbs" status > /dev/null 2>&1 && break
    kill -0 "$node" 2> /dev/null || { cat "$folder/dev.log" >&2; exit 1; }
    sleep 0.1
done

now() { date +%s.%N; }
began=$(now)
sqlite3 "$file" .dump | sqlite3 "$folder/copy.db"
dumped=$(now)
"$dadbs" import "$file" --database bench --accept-losses --yes > "$folder/import.log" 2>&1 ||
    { cat "$folder/import.log" >&2; exit 1; }
imported=$(now)
"$dadbs" import "$file" --database bench --check > "$folder/check.log" 2>&1 || { cat "$folder/check.log" >&2; exit 1; }
checked=$(now)

rows=$("$dadbs" export bench "$folder/out.db" > /dev/null && sqlite3 "$folder/out.db" \
    "SELECT 'SELECT ' || group_concat('(SELECT count(*) FROM \"' || name || '\")', '+') FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'" |
    sqlite3 "$folder/out.db")
awk -v rows="$rows" -v a="$began" -v b="$dumped" -v c="$imported" -v d="$checked" 'BEGIN {
    check = d - c; import = c - b - check; dump = b - a
    printf "%-44s %10s %10s %8s\n", rows " rows", "seconds", "rows/s", "ratio"
    printf "%-44s %10.2f %10.0f\n", "sqlite3 .dump | sqlite3", dump, rows / dump
    printf "%-44s %10.2f %10.0f %7.1fx\n", "dadbs import, into signed blocks", import, rows / import, import / dump
    printf "%-44s %10.2f %10.0f\n", "dadbs import --check, every cell", check, rows / check
}'
