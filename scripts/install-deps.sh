#!/bin/bash
# Installs what the tests and the demonstration need and the machine lacks, with apt if permitted. Does nothing
# if nothing is missing. Starts no service.
#
#   install-deps.sh                  all of it
#   install-deps.sh mariadb          MariaDB's server
#   install-deps.sh mosquitto        the broker
#   install-deps.sh compiler openssl a C compiler for the race detector, and openssl for make-certs.sh
#   install-deps.sh faketime         a fake clock for a server
#   install-deps.sh chromium         the browser that the status page is tested in
#   install-deps.sh node             for the Airtable client that checks a stand-in
#   install-deps.sh paho             Python's MQTT, for the peer of docs/protocol.md
#   install-deps.sh postgres         PostgreSQL, which the connector reads and writes
#   install-deps.sh debezium         Java and Maven, for the comparison with Debezium in make bench; not part of "all of it"
#   install-deps.sh proxies          nginx and Caddy, in front of the status page
#   install-deps.sh deploy           tools that check deploy: systemd's and Prometheus', and the certificates of an image
set -euo pipefail

[ $# -gt 0 ] || set -- mariadb mosquitto compiler openssl faketime chromium node paho postgres proxies deploy

# Debian keeps servers where an ordinary user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin

have() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || return 1
	done
}

compiles() { echo '#include <stdlib.h>' | "${CC:-gcc}" -E - >/dev/null 2>&1; }

has_paho() { "$1" -c 'import paho.mqtt.client, sqlite3' 2>/dev/null; }

packages=()
for part; do
	case $part in
	mariadb) have mariadbd mariadb-install-db my_print_defaults || packages+=(mariadb-server-core mariadb-client-core) ;;
	mosquitto) have mosquitto mosquitto_passwd || packages+=(mosquitto) ;;
	compiler) compiles || packages+=(gcc libc6-dev) ;;
	openssl) have openssl || packages+=(openssl) ;;
	faketime) compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || packages+=(libfaketime) ;;
	chromium) have chromium || have chromium-browser || have google-chrome || packages+=(chromium fonts-liberation) ;;
	node) have node || packages+=(nodejs) ;;
	paho) has_paho python3 || has_paho /usr/bin/python3 || packages+=(python3-paho-mqtt) ;;
	postgres) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || have initdb psql || packages+=(postgresql) ;;
	debezium) have java javac mvn || packages+=(default-jdk-headless maven) ;;
	proxies)
		have nginx || packages+=(nginx)
		have caddy || packages+=(caddy)
		;;
	deploy)
		have systemd-analyze || packages+=(systemd)
		have promtool || packages+=(prometheus)
		[ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
		;;
	*)
		echo "install-deps: $part is not one of mariadb, mosquitto, compiler, openssl, faketime, chromium, node, paho, postgres, debezium, proxies, deploy" >&2
		exit 2
		;;
	esac
done
[ ${#packages[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
	as_root=(sudo -n)
fi
if ! have apt-get || ! "${as_root[@]}" true 2>/dev/null; then
	echo "install-deps: please install these (the names are Debian's): ${packages[*]}" >&2
	if have apt-get; then
		echo "    sudo apt-get install --no-install-recommends ${packages[*]}" >&2
	fi
	exit 1
fi

# A package with a service starts it unless this file forbids it. The tests start their own servers.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '"${as_root[@]}" rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
	"${as_root[@]}" chmod 755 $policy
fi

echo "install-deps: installing ${packages[*]}" >&2
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"

# Services must not start at boot either: nobody asked for that.
for service in mosquitto postgresql prometheus nginx caddy; do
	if [[ " ${packages[*]} " == *" $service "* ]]; then
		if [ -e /etc/init.d/$service ]; then
			"${as_root[@]}" update-rc.d $service disable
		elif have systemctl; then # only systemd would start it
			"${as_root[@]}" systemctl --root=/ --quiet disable $service
		fi
	fi
done
