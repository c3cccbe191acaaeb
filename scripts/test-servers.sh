#!/bin/bash
# Runs the tests that need a database or a broker on other versions of them, and says at the end on which they were run.
# A version that cannot be had is said, and no failure.
#
#   test-servers.sh [SERVER[+SERVER]…] -- [ARGUMENT OF go test…]
#
# The servers are named as by install-server.sh; a database and a broker with a + between them are tried in one run. Without
# one they are those below.
set -uo pipefail
cd "$(dirname "$0")/.."

runs=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	runs+=("$1")
	shift
done
[ $# = 0 ] || shift
[ ${#runs[@]} -gt 0 ] || runs=(mariadb-bullseye+mosquitto-trixie mariadb-trixie+mosquitto-sid mariadb-11.4.5 mysql)

# users_of are the packages whose tests have started one of these.
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
