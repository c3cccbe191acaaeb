#!/bin/sh
# Writes what shells complete the command line with, as the packages install it.
#
#   completions.sh FOLDER
set -eu

if [ $# -ne 1 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
fi
mkdir -p "$1"
for shell in bash zsh fish; do
	go run ./cmd/mysql-sync completion $shell >"$1/mysql-sync.$shell"
done
