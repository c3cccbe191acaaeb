#!/bin/bash
# Makes the certificates for a broker with TLS: an authority, the broker's, and one for each client.
#
#   make-certs.sh FOLDER SERVER [CLIENT...]
#
# SERVER is the name or address by which clients reach the broker; separate several with commas. What is already
# in the folder is kept, so that a client can be added later. The broker gets ca.crt, server.crt and server.key (its user
# must be able to read the key), a client ca.crt, CLIENT.crt and CLIENT.key. Keep ca.key where nobody else has access.
set -euo pipefail

if [ $# -lt 2 ]; then
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
fi
folder=$1 servers=$2
shift 2
days=825 # the most that all programs accept
for client; do
	if ! [[ $client =~ ^[a-zA-Z0-9_-]{2,32}$ && $client != ca && $client != server ]]; then
		echo "make-certs: $client cannot be a client's name: 2 to 32 of a-z A-Z 0-9 _ -, and neither ca nor server" >&2
		exit 2
	fi
done

umask 077
mkdir -p "$folder"
cd "$folder"

# key makes the private key NAME.key.
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

# issue makes the certificate NAME.crt, signed by the authority, for the purposes in the second argument.
issue() {
	if [ -e "$1.crt" ]; then
		return
	fi
	key "$1"
	openssl req -new -key "$1.key" -subj "/CN=$1" |
		openssl x509 -req -days $days -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" \
			-extfile <(printf 'basicConstraints=CA:FALSE\n%s\n' "$2")
}

if [ ! -e ca.crt ]; then
	key ca
	openssl req -new -x509 -key ca.key -days 3650 -subj "/CN=mysql-sync authority" -out ca.crt \
		-addext keyUsage=critical,keyCertSign,cRLSign
fi

names=
for name in ${servers//,/ }; do
	if [[ $name == *:* || $name =~ ^[0-9.]+$ ]]; then
		names+=,IP:$name
	else
		names+=,DNS:$name
	fi
done
issue server "extendedKeyUsage=serverAuth
subjectAltName=${names#,}"

for client; do
	issue "$client" extendedKeyUsage=clientAuth
done
chmod 644 ./*.crt
