#!/bin/sh
# Writes what the authors of the modules that the program is built from ask to be passed on with it.
#
#   notices.sh FILE
set -eu

if [ $# -ne 1 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$(dirname "$1")"
go build -o "$folder/mysql-sync" ./cmd/mysql-sync
go run ./deploy/notices "$folder/mysql-sync" "$1"
