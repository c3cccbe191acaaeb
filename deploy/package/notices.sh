#!/bin/sh
# Writes what the authors of the modules that the programs are built from ask to be passed on with them: a file for each.
#
#   notices.sh FOLDER
set -eu

if [ $# -ne 1 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$1"
for program in mysql-sync mysql-sync-connector; do
	go build -o "$folder/$program" ./cmd/$program
	go run ./deploy/notices "$folder/$program" "$1/THIRD_PARTY_NOTICES.$program.txt"
done
