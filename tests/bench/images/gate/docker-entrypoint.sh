#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The documented interface of the official HAProxy image: options alone are HAProxy's, and it runs as master with
# workers in the foreground, so that SIGUSR2 loads the configuration again.
set -e
case "${1:-}" in -*) set -- haproxy "$@" ;; esac
if [ "${1:-}" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
