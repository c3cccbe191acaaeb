#!/bin/sh
# Before a removal, of deb and rpm: the nodes stop. What they have made in the databases stays, so that a node that is
# installed again goes on; "mysql-sync uninstall" takes it out.
set -e

# deb says "remove" or "upgrade"; rpm says how many versions will be left.
case $1 in
remove | 0) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
	systemctl disable --now mysql-sync.service || true
	systemctl stop 'mysql-sync@*.service' || true
fi
