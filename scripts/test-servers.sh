#!/bin/bash
# Runs the tests that need a database or a broker on other versions of them, and says at the end on which they were run.
# A version that cannot be had is said, and no failure.
#
#   test-servers.sh [SERVER…] -- [ARGUMENT OF go test…]
#
# The servers are named as by install-server.sh; without one they are those below.
set -uo pipefail
cd "$(dirname "$0")/.."

servers=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	servers+=("$1")
	shift
done
[ $# = 0 ] || shift
[ ${#servers[@]} -gt 0 ] || servers=(mariadb-bullseye mariadb-11.4.5 mariadb-trixie mysql mosquitto-trixie mosquitto-sid)

# users_of are the packages whose tests have started one of these.
users_of() { grep -rl --include=*_test.go "testkit\.\($1\)\>" cmd pkg | xargs -n 1 dirname | sort -u | sed 's|^|./|'; }

report=() failed=0
for server in "${servers[@]}"; do
	installed=$(scripts/install-server.sh "$server")
	case $? in
	0) version=$(tail -n 1 <<<"$installed") ;;
	3) report+=("NOT TESTED  $server: it cannot be had here") && continue ;;
	*) report+=("NOT TESTED  $server: it was not installed") failed=1 && continue ;;
	esac
	case $server in
	mosquitto-*) variable=MYSQL_SYNC_TEST_BROKER packages=$(users_of 'Mosquitto\|AnyBroker\|AnyBrokerFor\|BrokerOf') ;;
	*) variable=MYSQL_SYNC_TEST_SERVER packages=$(users_of 'Server\|Shared\|Schema\|OwnSchema') ;;
	esac
	echo "=== $server: $version"
	# shellcheck disable=SC2086 # The packages are words.
	if env $variable="$server" go test -count 1 "$@" $packages; then
		report+=("passed      $server: $version")
	else
		report+=("FAILED      $server: $version") failed=1
	fi
done
printf '\n'
printf '%s\n' "${report[@]}"
exit $failed
