#!/bin/sh
# Writes an order at each site and waits until the other site has it, then deletes both at one and waits for the other.
# The sites are reached at BERLIN_HOST, BERLIN_PORT, BOSTON_HOST and BOSTON_PORT, with the password MYSQL_PWD.
#
# Exit codes: 0 all arrived; 1 something did not within a minute.
set -eu

# at runs a statement at a site: at berlin 'SELECT 1'.
at() {
	case $1 in
	berlin) host=$BERLIN_HOST port=${BERLIN_PORT:-3306} ;;
	boston) host=$BOSTON_HOST port=${BOSTON_PORT:-3306} ;;
	esac
	mariadb --protocol=tcp --host="$host" --port="$port" --user=app --batch --skip-column-names shop -e "$2"
}

# await waits until a query gives a value at a site: await boston 'SELECT 1' 1.
await() {
	tries=120
	until [ "$(at "$1" "$2")" = "$3" ]; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "$1 does not say \"$3\" to: $2" >&2
			exit 1
		fi
		sleep 0.5
	done
}

at berlin "REPLACE INTO orders VALUES (1001, 'from berlin', 1.50)"
echo "berlin wrote order 1001"
await boston "SELECT name FROM orders WHERE id = 1001" "from berlin"
echo "boston has order 1001"

at boston "REPLACE INTO orders VALUES (1002, 'from boston', 2.50)"
echo "boston wrote order 1002"
await berlin "SELECT name FROM orders WHERE id = 1002" "from boston"
echo "berlin has order 1002"

at boston "DELETE FROM orders WHERE id IN (1001, 1002)"
echo "boston deleted both"
await berlin "SELECT COUNT(*) FROM orders WHERE id IN (1001, 1002)" 0
echo "berlin has deleted both: replication works in both directions"
