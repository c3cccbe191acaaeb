#!/bin/sh
# After an installation or upgrade, of deb and rpm: nodes that run are restarted with the new program. Nothing is enabled
# or started that was not: the configuration has to be written first.
set -e

# deb says "configure" and the version that was there; rpm says how many versions there are now.
case $1 in
configure) upgrade=$2 ;;
[0-9]*) upgrade=$([ "$1" -lt 2 ] || echo yes) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ -n "$upgrade" ]; then
		systemctl try-restart mysql-sync.service 'mysql-sync@*.service' || true # the log says why; the package is installed
	fi
fi
