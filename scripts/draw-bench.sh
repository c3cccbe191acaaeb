#!/bin/bash
# Draws the results of "make bench": reads a JSON file (docs/bench.json), writes an SVG (docs/bench.svg).
#
#   draw-bench.sh [JSON [SVG]]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
json=$(realpath -m "${1:-$root/docs/bench.json}")
svg=$(realpath -m "${2:-$root/docs/bench.svg}")
cd "$root"
go run ./cmd/mysql-sync-bench -draw "$json" > "$svg.new"
mv "$svg.new" "$svg"
