#!/usr/bin/env bash
# The image of PostgreSQL runs this file once, when it makes the database. There are two roles: the owner of the database and its
# tables, which only `portcullis migrate` and other commands of operators use, and the role of the server, which gets its rights from
# `portcullis migrate`. Neither is a superuser, and neither can reach other databases.
set -euo pipefail

export PORTCULLIS_PASSWORD_FILE=${PORTCULLIS_PASSWORD_FILE:-/run/secrets/database_password}
export PORTCULLIS_OWNER_PASSWORD_FILE=${PORTCULLIS_OWNER_PASSWORD_FILE:-/run/secrets/database_owner_password}
for file in "$PORTCULLIS_PASSWORD_FILE" "$PORTCULLIS_OWNER_PASSWORD_FILE"; do
    [ -r "$file" ] || { echo "$file cannot be read" >&2; exit 1; }
done

# psql reads the passwords itself, because other processes can see the arguments of a program.
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\set password `cat "$PORTCULLIS_PASSWORD_FILE"`
\set owner_password `cat "$PORTCULLIS_OWNER_PASSWORD_FILE"`
CREATE ROLE portcullis LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE ROLE portcullis_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
CREATE DATABASE portcullis OWNER portcullis_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE portcullis, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE portcullis TO portcullis;
SQL
