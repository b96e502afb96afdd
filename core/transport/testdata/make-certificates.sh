#!/bin/sh
# Makes the certificates of the TLS tests anew: an authority, two servers, a client, a revoked and an expired client,
# all on P-256 keys, valid for a hundred years.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from=20200101000000Z
to=21200101000000Z

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1-key.pem"; }

: > "$work/index.txt"
echo 1001 > "$work/serial"
echo 01 > "$work/crlnumber"
cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = this
[this]
database = $work/index.txt
serial = $work/serial
crlnumber = $work/crlnumber
new_certs_dir = $work
certificate = ca.pem
private_key = ca-key.pem
default_md = sha256
default_days = 1
default_crl_days = 1
policy = any
copy_extensions = copy
unique_subject = no
[any]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
userId = optional
CNF

key ca
openssl req -new -key ca-key.pem -subj "/C=SE/O=Example/CN=Test Authority" -out "$work/ca.csr" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
openssl ca -batch -notext -selfsign -config "$work/ca.cnf" -in "$work/ca.csr" -out ca.pem -startdate $from -enddate $to 2> /dev/null

issue() { # name subject subjectAltName [end]
  name=$1 subject=$2 san=$3
  shift 3
  key "$name"
  openssl req -new -key "$name-key.pem" -subj "$subject" -addext "subjectAltName=$san" -out "$work/$name.csr"
  openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/$name.csr" -out "$name.pem" -startdate $from -enddate "${1:-$to}" 2> /dev/null
}

issue server "/C=SE/ST=Uppland/L=Stockholm/O=Example/OU=Voice/CN=sip.example.org/UID=sip" \
  "DNS:sip.example.org,IP:127.0.0.1,URI:sip:example.org,email:admin@example.org"
issue other "/O=Example/CN=other.example.net" "DNS:other.example.net"
issue client "/C=DE/ST=Hessen/L=Fulda/O=Example/OU=Phones/CN=phone.example.org/UID=phone" \
  "DNS:phone.example.org,IP:192.0.2.7,URI:sip:phone@example.org,email:phone@example.org"
issue revoked "/O=Example/CN=revoked.example.org" "DNS:revoked.example.org"
issue expired "/O=Example/CN=expired.example.org" "DNS:expired.example.org" 20200201000000Z
openssl ca -config "$work/ca.cnf" -revoke revoked.pem 2> /dev/null
openssl ca -config "$work/ca.cnf" -gencrl -crl_lastupdate $from -crl_nextupdate $to -out crl.pem 2> /dev/null
rm ca-key.pem
