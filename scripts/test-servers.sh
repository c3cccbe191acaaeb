#!/bin/bash
# Runs the tests that need a database or a broker on other versions of these, and lists those versions at the end.
# An unavailable version is reported, but is not a failure.
#
#   test-servers.sh [SERVER[+SERVER]…] -- [ARGUMENT OF go test…]
#
# Servers are named as for install-server.sh; a database and a broker joined by + are tested in one run. By default
# these are the ones below.
set -uo pipefail
cd "$(dirname "$0")/.."

runs=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	runs+=("$1")
	shift
done
[ $# = 0 ] || shift
[ ${#runs[@]} -gt 0 ] || runs=(mariadb-bullseye+mosquitto-trixie mariadb-trixie+mosquitto-sid mariadb-11.4.5 mysql)

# users_of lists the packages whose tests start one of these.
users_of() { grep -rl --include=*_test.go "testkit\.\($1\)\>" cmd pkg | xargs -n 1 dirname | sort -u | sed 's|^|./|'; }

report=() failed=0
for run in "${runs[@]}"; do
	environment=() packages=() versions=()
	for server in ${run//+/ }; do
		installed=$(scripts/install-server.sh "$server")
		case $? in
		0) ;;
		3) report+=("NOT TESTED  $server: it cannot be had here") && continue ;;
		*) report+=("NOT TESTED  $server: it was not installed") failed=1 && continue ;;
		esac
		versions+=("$server: $(tail -n 1 <<<"$installed")")
		case $server in
		mosquitto-*) variable=MYSQL_SYNC_TEST_BROKER users=$(users_of 'Mosquitto\|AnyBroker\|AnyBrokerFor\|BrokerOf') ;;
		*) variable=MYSQL_SYNC_TEST_SERVER users=$(users_of 'Server\|Shared\|Schema\|OwnSchema') ;;
		esac
		environment+=("$variable=$server")
		mapfile -t -O ${#packages[@]} packages <<<"$users"
	done
	[ ${#versions[@]} -gt 0 ] || continue
	printf '=== %s\n' "${versions[@]}"
	result=passed
	env "${environment[@]}" go test -count 1 "$@" $(printf '%s\n' "${packages[@]}" | sort -u) || result=FAILED failed=1
	for version in "${versions[@]}"; do
		report+=("$(printf '%-11s %s' $result "$version")")
	done
done
printf '\n'
printf '%s\n' "${report[@]}"
exit $failed
