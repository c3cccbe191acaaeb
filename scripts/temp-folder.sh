#!/bin/bash
# Prints the folder for the tests' temporary files: TMPDIR if that is set, else /dev/shm if it has room for what tests write
# at once and may hold programs, else /tmp. Servers that create and drop schemas all the time would spend a third of
# their processor time in a disk's file system.
set -euo pipefail

room=6 # GiB, beside which there is still room for the servers and the tests themselves

# roomy says whether a folder is in memory, which has room beside what programs use of it.
roomy() {
	[ "$(stat -f -c %T "$1" 2>/dev/null)" = tmpfs ] || return 1
	local free available
	free=$(df --output=avail -k "$1" | tail -n 1)
	available=$(awk '$1 == "MemAvailable:" {print $2}' /proc/meminfo)
	[ "$free" -ge $((room << 20)) ] && [ "$available" -ge $((room << 20)) ]
}

# runs says whether programs may run from a folder.
runs() {
	local probe result=0
	probe=$(mktemp "$1/probe-XXXXXX" 2>/dev/null) || return 1
	printf '#!/bin/sh\n' >"$probe"
	chmod +x "$probe"
	"$probe" 2>/dev/null || result=1
	rm -f "$probe"
	return $result
}

if [ -n "${TMPDIR:-}" ]; then
	echo "$TMPDIR"
elif roomy /dev/shm && runs /dev/shm; then
	echo /dev/shm
else
	echo /tmp
fi
