#!/bin/sh
# Make the engine's tables, or bring them up to date. The databases are there already (postgresql/databases.sh).
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal-password)
export SQL_PASSWORD
for name in temporal visibility; do
    case $name in temporal) database=temporal ;; *) database=temporal_visibility ;; esac
    tool() { temporal-sql-tool --plugin postgres12 --ep postgresql -p 5432 -u temporal --db "$database" "$@"; }
    tool update-schema -d "/etc/temporal/schema/postgresql/v12/$name/versioned" ||
        { tool setup-schema -v 0.0 && tool update-schema -d "/etc/temporal/schema/postgresql/v12/$name/versioned"; }
done
