#!/bin/sh
# After a removal, of deb and rpm. "apt purge" also takes away what the nodes keep beside their databases. The user
# stays: files elsewhere may belong to it.
set -e

if [ "$1" = purge ]; then
	rm -rf /var/lib/mysql-sync
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
