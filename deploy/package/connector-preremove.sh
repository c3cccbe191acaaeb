#!/bin/sh
# Before a removal, of deb and rpm: the connectors stop. What they have done is in their state files, which stay.
set -e

# deb says "remove" or "upgrade"; rpm says how many versions will be left.
case $1 in
remove | 0) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
	systemctl stop 'mysql-sync-connector@*.service' || true
fi
