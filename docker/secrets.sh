#!/usr/bin/env bash
# Writes the secrets of compose.yaml to docker/secrets: random values, one file each. Files that exist are kept.
set -euo pipefail
cd "$(dirname "$0")"

# Only the owner can enter the directory, from its first moment on. Compose mounts each file into its containers with the
# permissions that the file has here, and the server runs there as user 65532, which must be able to read it.
(umask 077 && mkdir -p secrets)
chmod 700 secrets
for name in postgres_password database_owner_password database_password jwt_secret_key csrf_secret_key data_encryption_key; do
    file=secrets/$name
    [ -e "$file" ] && continue
    # The group `postgres` of the image of PostgreSQL, which sets the passwords of the two roles.
    case $name in database_*) group=999 mode=440 ;; *) group=65532 mode=400 ;; esac
    (umask 077 && head -c 32 /dev/urandom | base64 | tr -d '=\n' | tr '+/' '-_' >"$file.new")
    if [ "$(id -u)" = 0 ]; then chown "65532:$group" "$file.new" && chmod "$mode" "$file.new"; else chmod 444 "$file.new"; fi
    mv "$file.new" "$file"
    echo "wrote docker/$file"
done
