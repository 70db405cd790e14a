#!/usr/bin/env bash
# A PostgreSQL server of its own in a folder: postgres.sh start FOLDER | stop FOLDER. It listens on a socket in the folder alone.
set -euo pipefail

folder=$2
tools=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
# The server refuses to run as root.
as_user() { if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }

case $1 in
start)
    # The server outlives this script: it must not keep what it inherits, or whoever started the script waits for ever.
    for fd in $(ls /proc/self/fd); do if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then eval "exec $fd>&-"; fi; done
    mkdir -p "$folder"
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$folder"; fi
    as_user "$tools/initdb" -D "$folder/data" -U tests -A trust -E UTF8 --locale=C >"$folder.log" 2>&1
    as_user "$tools/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w \
        -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c max_connections=300" start >>"$folder.log" 2>&1
    ;;
stop) as_user "$tools/pg_ctl" -D "$folder/data" -m immediate -w stop >>"$folder.log" 2>&1 ;;
esac
