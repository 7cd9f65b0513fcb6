#!/bin/sh
# Makes what the processes of the compose cell need, once: keys in /cell/keys,
# from there to each process what cxxd keygen prints for it, and a password for
# each database in /db. What is there is kept, so every start may run it.
set -eu
umask 077
cd /cell
cxxd keygen --out keys --nodes 1,2 --host acs1 --host acs2

give() { # process file…
	to=$1
	shift
	for file; do
		mkdir -p "$to/${file%/*}"
		cp "keys/$file" "$to/$file"
	done
}

for zone in 1 2; do
	if [ ! -s "/db/zone$zone.password" ]; then
		head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"/db/zone$zone.new"
		chmod 444 "/db/zone$zone.new" # for the database's user; only its container sees the volume
		mv "/db/zone$zone.new" "/db/zone$zone.password"
	fi
	for n in 1 2; do
		mkdir -p "acs$n/secret"
		echo "cxx:$(cat "/db/zone$zone.password")@tcp(zone$zone:3306)/cxx" >"acs$n/secret/zone$zone.dsn"
	done
done

for n in 1 2; do
	give "acs$n" tls/server.pem tls/server.key mesh/ca.pem "mesh/node-$n.pem" "mesh/node-$n.key" \
		ticket/public.pem secret/seal.key secret/fake-salt secret/admin.token
	give "nas$n" tls/server.pem tls/server.key ticket/private.pem
	cp keys/ca.pem "acs$n/ca.pem"
	cp keys/ca.pem "nas$n/ca.pem"
done
