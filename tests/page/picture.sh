#!/usr/bin/env bash
# Makes docs/page-light.png and docs/page-dark.png: the page on the demo, about a hundred seconds after it opened.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
node=$(tests/page/tools.sh)
cargo build --release --locked
REIVER_BIN=${REIVER_BIN:-${CARGO_TARGET_DIR:-target}/release/reiver} "$node" tests/page/picture.mjs docs
