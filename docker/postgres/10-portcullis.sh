#!/usr/bin/env bash
# The image of PostgreSQL runs this file once, when it makes the database. The server gets a role that owns its own database and
# has no other right: it is no superuser, and it cannot reach other databases.
set -euo pipefail

export PORTCULLIS_PASSWORD_FILE=${PORTCULLIS_PASSWORD_FILE:-/run/secrets/database_password}
[ -r "$PORTCULLIS_PASSWORD_FILE" ] || { echo "$PORTCULLIS_PASSWORD_FILE cannot be read" >&2; exit 1; }

# psql reads the password itself, because other processes can see the arguments of a program.
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\set password `cat "$PORTCULLIS_PASSWORD_FILE"`
CREATE ROLE portcullis LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE portcullis OWNER portcullis ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE portcullis, postgres, template1 FROM PUBLIC;
SQL
