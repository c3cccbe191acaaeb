#!/bin/bash
# Takes a screenshot of a real node's status page: writes a PNG (docs/status-page.png).
#
#   draw-page.sh [PNG]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
png=$(realpath -m "${1:-$root/docs/status-page.png}")
"$root/scripts/install-deps.sh" mariadb mosquitto chromium
cd "$root"
go test ./pkg/web -run '^TestPicture$' -count 1 -timeout 5m -picture "$png"
