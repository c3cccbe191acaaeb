#!/bin/sh
# Installs, upgrades, removes and purges a Debian package in a copy of this machine, and says what it sees. The copy is
# a file system over the machine's own, in memory; it goes with the mount name space in which this runs.
#
#   unshare --mount --fork install.sh FOLDER OLD.deb NEW.deb
set -eu

folder=$1
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/machine"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/machine"
mount -t proc proc "$folder/machine/proc"
mount --bind /dev "$folder/machine/dev"
mkdir -p "$folder/machine/packages"
cp "$2" "$folder/machine/packages/old.deb"
cp "$3" "$folder/machine/packages/new.deb"

chroot "$folder/machine" sh -eu <<'INSIDE'
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
configuration=/etc/mysql-sync/configuration.json
ls -d /usr/bin/mysql-sync /etc/mysql-sync 2>/dev/null && { echo "there is one already" >&2; exit 1; }

look() { stat -c "$1: %a %U:%G %n" /etc/mysql-sync $configuration /usr/bin/mysql-sync; }
version() { echo "$1: version $(setpriv --reuid=mysql-sync --regid=mysql-sync --clear-groups /usr/bin/mysql-sync version)"; }
changed() { if [ "$(cat $configuration)" = '{"changed": true}' ]; then echo "$1: the configuration is as it was changed"; fi; }

dpkg --install /packages/old.deb
look installed
version installed
echo '{"changed": true}' >$configuration

dpkg --install /packages/new.deb
look upgraded
version upgraded
changed upgraded

mkdir -p /var/lib/mysql-sync
dpkg --remove mysql-sync
changed removed
[ -e /usr/bin/mysql-sync ] || echo "removed: no program"

dpkg --purge mysql-sync
[ -e $configuration ] || echo "purged: no configuration"
[ -e /var/lib/mysql-sync ] || echo "purged: no state"
INSIDE
