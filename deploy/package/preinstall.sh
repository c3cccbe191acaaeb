#!/bin/sh
# Before an installation or upgrade, of deb and rpm: the user of the nodes, to whose group the configuration belongs.
set -e

if ! getent group mysql-sync >/dev/null; then
	groupadd --system mysql-sync
fi
if ! getent passwd mysql-sync >/dev/null; then
	useradd --system --gid mysql-sync --no-create-home --home-dir /var/lib/mysql-sync --shell /usr/sbin/nologin \
		--comment mysql-sync mysql-sync
fi
