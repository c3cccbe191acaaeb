#!/bin/sh
# After a removal, of deb and rpm. "apt purge" also takes away the connectors' state files. The user stays: files elsewhere
# may belong to it.
set -e

if [ "$1" = purge ]; then
	rm -rf /var/lib/mysql-sync-connector
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
