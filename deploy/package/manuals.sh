#!/bin/sh
# Writes the manual pages of both programs' commands, compressed, as the packages install them.
#
#   manuals.sh FOLDER
set -eu

if [ $# -ne 1 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
fi
for program in mysql-sync mysql-sync-connector; do
	mkdir -p "$1/$program"
	rm -f "$1/$program"/*.1.gz
	go run -tags manuals ./cmd/$program manuals "$1/$program"
	gzip -9n "$1/$program"/*.1
done
