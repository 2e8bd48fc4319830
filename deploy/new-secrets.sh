#!/bin/sh
# Makes every secret of a new deployment in deploy/secrets/, once. Keep a copy
# of `kek` where the database backups are not: without it the vault is lost.
set -eu
cd "$(dirname "$0")"
umask 077
if [ -e secrets ]; then
    echo "secrets/ exists; nothing was changed" >&2
    exit 1
fi
mkdir secrets.new
trap 'rm -rf secrets.new' EXIT
cd secrets.new

# 32 random bytes as hex: safe in a URL and in a configuration file.
new() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

service=$(new) projector=$(new) database=$(new)
head -c 32 /dev/urandom | base64 | tr -d '\n' >kek
printf '%s' "$database" >postgres_password
printf 'postgres://countersign:%s@postgres:5432/countersign' "$database" >postgres_url
printf 'nats://service:%s@nats:4222' "$service" >nats_service_url
printf 'nats://projector:%s@nats:4222' "$projector" >nats_projector_url
cat >nats_users.conf <<END
SERVICE_PASSWORD: "$service"
PROJECTOR_PASSWORD: "$projector"
OPERATOR_PASSWORD: "$(new)"
SYSTEM_PASSWORD: "$(new)"
END
# The folder is closed to others; the files are mounted one by one into
# containers whose users must be able to read them.
chmod 444 ./*
cd ..
mv secrets.new secrets
trap - EXIT
echo "made $PWD/secrets"
