#!/usr/bin/env bash
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The documented interface of the official PostgreSQL image: environment, first start, files of
# /docker-entrypoint-initdb.d, dropping from root. Written anew for the test bench.
set -Eeuo pipefail

say() { echo "docker-entrypoint: $*" >&2; }
die() { say "$@"; exit 1; }

# $1 or the contents of the file named by $1_FILE, else $2
file_env() {
  local name=$1 file="${1}_FILE"
  [[ -z ${!name:-} || -z ${!file:-} ]] || die "$name and $file are both set; keep one of them"
  if [[ -n ${!file:-} ]]; then
    export "$name=$(< "${!file}")"
  elif [[ -z ${!name:-} ]]; then
    export "$name=${2:-}"
  fi
  unset "$file"
}

read_environment() {
  file_env POSTGRES_PASSWORD
  file_env POSTGRES_USER postgres
  file_env POSTGRES_DB "$POSTGRES_USER"
  file_env POSTGRES_INITDB_ARGS
  : "${POSTGRES_HOST_AUTH_METHOD:=}"
  [[ -n $POSTGRES_PASSWORD || $POSTGRES_HOST_AUTH_METHOD == trust ]] ||
    die 'the superuser needs a password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE'
}

make_directories() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 0700 "$PGDATA" || true
  [[ -z ${POSTGRES_INITDB_WALDIR:-} ]] || mkdir -p "$POSTGRES_INITDB_WALDIR"
  [[ $(id -u) == 0 ]] || return 0
  find "$PGDATA" ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \! -user postgres -exec chown postgres '{}' +
  find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
}

init_cluster() {
  # The arguments are one string in the interface, so they are split as a shell would; the password goes by a pipe.
  eval 'initdb -D "$PGDATA" --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"\
    ${POSTGRES_INITDB_WALDIR:+--waldir=\"\$POSTGRES_INITDB_WALDIR\"} $POSTGRES_INITDB_ARGS"
  local method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption -D "$PGDATA" 2>/dev/null)}
  printf '\nhost all all all %s\n' "${method:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
}

docker_process_sql() {
  PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password \
    --dbname "$POSTGRES_DB" "$@"
}

create_database() {
  local found
  found=$(docker_process_sql --dbname postgres --tuples-only --set db="$POSTGRES_DB" \
    <<< "SELECT 1 FROM pg_database WHERE datname = :'db'")
  [[ -n $found ]] || docker_process_sql --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db"'
}

process_init_file() {
  local f=$1
  say "running $f"
  case $f in
    *.sh) if [[ -x $f ]]; then "$f"; else set +u; . "$f"; set -u; fi ;;
    *.sql) docker_process_sql -f "$f" ;;
    *.sql.gz) gunzip -c "$f" | docker_process_sql ;;
    *.sql.xz) xz -dc "$f" | docker_process_sql ;;
    *.sql.zst) zstd -dc "$f" | docker_process_sql ;;
    *) say "ignoring $f" ;;
  esac
}

first_start() {
  read_environment
  local f
  local -a init_files=()
  for f in /docker-entrypoint-initdb.d/*; do [[ ! -e $f ]] || init_files+=("$f"); done
  init_cluster
  [[ ${1:-} != postgres ]] || shift
  # Nobody but these scripts may reach the server before they are done: it listens on the socket only.
  PGUSER=$POSTGRES_USER NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -w start \
    -o "$(printf '%q ' "$@" -c listen_addresses='' -p "${PGPORT:-5432}")"
  create_database
  for f in "${init_files[@]}"; do process_init_file "$f"; done
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  say 'first start complete'
}

wants_information() {
  local a
  for a; do case $a in -'?' | --help | --describe-config | -V | --version) return 0 ;; esac; done
  return 1
}

main() {
  [[ ${1:-} != -* ]] || set -- postgres "$@"
  if [[ ${1:-} == postgres ]] && ! wants_information "$@"; then
    make_directories
    if [[ $(id -u) == 0 ]]; then
      exec gosu postgres "${BASH_SOURCE[0]}" "$@"
    fi
    if [[ -s $PGDATA/PG_VERSION ]]; then
      say "$PGDATA holds a database; nothing to initialise"
    else
      first_start "$@"
    fi
  fi
  exec "$@"
}

main "$@"
