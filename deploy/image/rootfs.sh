#!/bin/sh
# Lays out the files of a program's image: the program, a user, the certificates of public authorities, the licences.
#
#   rootfs.sh PROGRAM FOLDER
#
# The certificates are those of the machine. The Dockerfile and the tests run this, with whole paths.
set -eu

if [ $# -ne 2 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
	exit 2
fi
program=$1 folder=$2
name=$(basename "$program") # mysql-sync or mysql-sync-connector
user=65532 # as in other images without a shell

umask 022
mkdir -p "$folder/usr/bin" "$folder/etc/ssl/certs" "$folder/etc/mysql-sync" "$folder/var/lib/$name" "$folder/tmp"
cp "$program" "$folder/usr/bin/$name"
chmod 755 "$folder/usr/bin/$name"
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
doc=$folder/usr/share/doc/$name
mkdir -p "$doc"
(
	cd "$(dirname "$0")/../.."
	cp LICENSE "$doc/copyright"
	go run ./deploy/notices "$program" "$doc/THIRD_PARTY_NOTICES.txt"
)
printf 'root:x:0:0:root:/:/sbin/nologin\nmysql-sync:x:%s:%s:mysql-sync:/var/lib/%s:/sbin/nologin\n' $user $user "$name" \
	>"$folder/etc/passwd"
printf 'root:x:0:\nmysql-sync:x:%s:\n' $user >"$folder/etc/group"
chmod 1777 "$folder/tmp"
chmod 700 "$folder/var/lib/$name"
if [ "$(id -u)" = 0 ]; then
	chown $user:$user "$folder/var/lib/$name"
fi
