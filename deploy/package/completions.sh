#!/bin/sh
# Writes what shells complete the command lines of both programs with, as the packages install it.
#
#   completions.sh FOLDER
set -eu

if [ $# -ne 1 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
fi
mkdir -p "$1"
for program in mysql-sync mysql-sync-connector; do
	for shell in bash zsh fish; do
		go run ./cmd/$program completion $shell >"$1/$program.$shell"
	done
done
