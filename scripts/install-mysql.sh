#!/bin/bash
# Installs a real MySQL server for the tests into a folder of its own, beside whatever the machine has, and prints that
# folder. MySQL comes from Debian's "sid", because stable releases have only MariaDB.
#
# Where the machine has a mysqld of its own that is not MariaDB's, that will do, and the folder is /. Otherwise this
# needs root, debootstrap (installed where it is missing and apt is there) and Debian's mirror. It takes about a minute
# the first time and no time afterwards. Exit code 3: MySQL cannot be had on this machine.
set -euo pipefail

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mysql-sync
root=$cache/mysql-sid
unfinished=$cache/mysql-sid.new

unavailable() {
	echo "install-mysql: MySQL CANNOT BE HAD HERE: $*" >&2
	exit 3
}

# inside runs a command in the new system, with a root of its own to see.
inside() { DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$unfinished" "$@"; }

# The mounts live in a name space of this script alone: nothing stays mounted, however it ends.
if [ "${1:-}" != --in-namespace ]; then
	own=$(PATH=$PATH:/usr/local/sbin:/usr/sbin mysqld --version 2>/dev/null || true)
	if [ -n "$own" ] && [[ $own != *MariaDB* ]]; then
		echo /
		exit 0
	fi
	[ "$(uname -s)" = Linux ] || unavailable "the system is not Linux"
	[ "$(id -u)" = 0 ] || unavailable "only root can set up a system in a folder"
	mkdir -p "$cache"
	exec 9>"$cache/mysql-sid.lock"
	flock 9
	if [ -x "$root/usr/sbin/mysqld" ]; then
		echo "$root"
		exit 0
	fi
	if ! command -v debootstrap >/dev/null; then
		command -v apt-get >/dev/null || unavailable "debootstrap is missing"
		{ apt-get update && apt-get install -y --no-install-recommends debootstrap debian-archive-keyring; } >&2 ||
			unavailable "debootstrap cannot be installed"
	fi
	unshare --mount "$0" --in-namespace >&2 || unavailable "see the messages above"
	mv "$unfinished" "$root"
	echo "$root"
	exit 0
fi

rm -rf "$unfinished"
debootstrap --variant=minbase sid "$unfinished" "$mirror"
mount -t proc proc "$unfinished/proc"
mount --bind /dev "$unfinished/dev"
# The lists that debootstrap has left are enough: no second download of them.
inside apt-get install -y --no-install-recommends mysql-server-core
inside apt-get clean
rm -rf "$unfinished"/var/lib/apt/lists/*
inside mysqld --version
