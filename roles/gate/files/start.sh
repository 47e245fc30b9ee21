#!/usr/bin/env bash
# Managed by Ansible: role llmfleet.gateway.gate.
# Runs HAProxy, hands a reload on, and ends it once no request runs any more. HAProxy's own soft stop also waits for each client that
# keeps a connection without a request on it, up to three minutes (option idle-close-on-response, by which a reload meets no
# request), and nobody listens meanwhile: neither to clients nor to the LiteLLM that has their requests in hand.
set -u
haproxy=
# Memory: a full disk keeps no gate from starting.
at=/dev/shm

# Its number is in $! as soon as it runs; nothing before that. The substitution in ports() gives $! another meaning.
started() { haproxy=${haproxy:-${!-}}; [[ -n $haproxy ]]; }

# The host's own address in each network of this container, which is the first one, or the way out: who comes by a published port
# on the loopback address comes from there. The kernel writes addresses backwards.
hosts() {
  local to way
  while read -r _ to way _; do
    case $to in
      00000000) printf '%d.%d.%d.%d\n' "0x${way:6:2}" "0x${way:4:2}" "0x${way:2:2}" "0x${way:0:2}" ;;
      *[0-9A-F]) printf '%d.%d.%d.%d\n' "0x${to:6:2}" "0x${to:4:2}" "0x${to:2:2}" $((0x${to:0:2} + 1)) ;;
    esac
  done < /proc/net/route
}

# Ports of this side of the user's TCP connections in a state, as the kernel writes both. In a host's network there are others' too.
ports() {
  local here state uid
  while read -r _ here _ state _ _ _ uid _; do
    [[ $state != "$1" || $uid != "$UID" ]] || echo "${here##*:}"
  done < <(cat /proc/net/tcp /proc/net/tcp6 2> /dev/null)
}

# The addresses that Docker's DNS knows, as commands of sed. HAProxy asks only once it runs, and has no server until it is answered,
# which can take a second. Its own way to ask before (init-addr libc) takes 20 s for each container that is not there where the
# DNS of the host does not answer.
addresses() {
  local word place more found
  while read -r word _ place more; do
    [[ $word == server && $more == *'init-addr none'* ]] || continue
    {
      found=$(timeout 2 getent ahostsv4 "${place%:*}" 2> /dev/null)
      found=${found%%[!0-9.]*}
      [[ -z $found ]] || echo "/ $place /s/init-addr none/init-addr $found,none/"
    } &
  done < /etc/llmfleet/haproxy.cfg
  wait
}

configuration() { sed "$(addresses)" /etc/llmfleet/haproxy.cfg; }

# What HAProxy reads when it starts or reloads: states that were kept, and servers that are down until their first check.
prepare() {
  hosts > /run/llmfleet/hosts
  {
    if [[ -s /var/lib/llmfleet/servers ]]; then cat /var/lib/llmfleet/servers; else echo 1; fi
    if [[ -e /etc/llmfleet/unproven ]]; then cat /etc/llmfleet/unproven; fi
  } > "$at/servers"
  configuration > "$at/haproxy.cfg"
}

# The configuration without the frontends that requests come in by. LiteLLM's way to the models is left.
closed() {
  local line kept=1
  while IFS= read -r line; do
    case $line in
      'frontend litellm' | 'frontend servers') kept= ;;
      [a-z]*) kept=1 ;;
    esac
    [[ -z $kept ]] || printf '%s\n' "$line"
  done
}

# Once nobody listens there any more; where HAProxy does not take that it stops by itself.
close_entrances() {
  local before
  before=$(ports 0A | wc -l)
  configuration | closed > "$at/haproxy.cfg"
  kill -USR2 "$haproxy"
  for _ in {1..20}; do
    (($(ports 0A | wc -l) == before)) || return
    sleep 0.3
  done
  kill -USR1 "$haproxy"
}

# A request that runs has a connection to its server, and none is kept for the next one (http-reuse never): its port here is
# none of those at which HAProxy listened. Twice in a row, since a request may be between its client and its server.
stop() {
  local listening port quiet=0
  trap '' USR1 USR2 TERM
  started || exit 0
  listening=" $(ports 0A | tr '\n' ' ') "
  close_entrances
  while ((quiet < 2)); do
    sleep 0.3
    quiet=$((quiet + 1))
    for port in $(ports 01); do
      [[ $listening == *" $port "* ]] || quiet=0
    done
  done
  kill -TERM "$haproxy" 2> /dev/null
}

reload() {
  prepare
  started && kill -USR2 "$haproxy"
}

# Before HAProxy, so that no signal finds nobody.
trap stop USR1 TERM
trap reload USR2
prepare
haproxy "$@" &
started

# A trap ends the wait, and the process goes on.
while true; do
  wait "$haproxy"
  code=$?
  kill -0 "$haproxy" 2> /dev/null || exit "$code"
done
