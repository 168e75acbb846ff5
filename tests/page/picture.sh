#!/usr/bin/env bash
# Makes docs/page-light.png and docs/page-dark.png, the picture in the README: the page on the demo, about a hundred
# seconds after it opened, in 128 colours. REIVER_BIN names a binary that is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
node=$(tests/page/tools.sh)
command -v pngquant >/dev/null 2>&1 || apt-get -q install -y --no-install-recommends pngquant >&2
if [ -z "${REIVER_BIN:-}" ]; then
  cargo build --release --locked
  REIVER_BIN=$(realpath "${CARGO_TARGET_DIR:-target}/release/reiver")
fi
export REIVER_BIN
"$node" tests/page/picture.mjs docs
for theme in light dark; do
  pngquant --strip --force --ext .png 128 "docs/page-$theme.png"
  size=$(stat --format %s "docs/page-$theme.png")
  [ "$size" -lt 200000 ] || { echo "docs/page-$theme.png has $size bytes" >&2; exit 1; }
done
