#!/bin/sh
# What the demo promises, on the release build, with three seeds (or those given): within 20 s every arm has rewards and
# the truly best one 1.25 times a uniform share; within 30 s after the change the new best has the largest; it ends by
# itself with one document. Takes two minutes a seed.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --locked
reiver="${CARGO_TARGET_DIR:-target}/release/reiver"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ $# -gt 0 ] || set -- 1 2 3

# within LIMIT FILE PATTERN: the number of seconds in the line that matches is at most LIMIT.
within() {
  seconds=$(sed -nE "s/.*$3.*/\1/p" "$2" | head -n 1)
  [ -n "$seconds" ] || { echo "never: $3"; cat "$2"; exit 1; }
  awk -v s="$seconds" -v limit="$1" 'BEGIN { exit !(s <= limit) }' || { echo "$seconds s, more than $1: $3"; exit 1; }
}

for seed in "$@"; do
  "$reiver" demo --seed "$seed" --duration 95s --listen 127.0.0.1:0 --json >"$folder/out" 2>"$folder/err"
  within 20 "$folder/err" 'after ([0-9.]+) s every arm has rewards'
  within 30 "$folder/err" '([0-9.]+) s after the change [a-z]+, truly the best now'
  tail -n 1 "$folder/out" | grep -q '^{"events":.*"arms":{' || { echo "no document"; exit 1; }
  echo "seed $seed:"
  grep -E 'every arm has rewards|after the change' "$folder/err"
done
