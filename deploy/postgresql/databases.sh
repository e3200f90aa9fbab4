#!/bin/sh
# What the first start of PostgreSQL makes: a user and databases for the engine, and for the register.
set -eu
sql() { psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"; }

sql --set=temporal="$(cat /run/secrets/temporal-password)" --set=register="$(cat /run/secrets/register-password)" <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE ROLE scr LOGIN PASSWORD :'register';
CREATE DATABASE register OWNER scr ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, register FROM PUBLIC;
SQL
