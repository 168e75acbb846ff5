#!/usr/bin/env bash
# One Apache Kafka node (KRaft, loopback, free ports, small memory) for tests. Needs java (17 or newer) and mvn.
#
#   broker.sh start   [DIR]   fetch the jars (once), format, start, wait until ready; prints the bootstrap address
#   broker.sh stop    [DIR]   ask it to stop, wait; a node that does not stop in 30 s is killed
#   broker.sh kill    [DIR]   SIGKILL: the fault
#   broker.sh restart [DIR]   start a stopped or killed node again: same data, same ports; prints the address
#   broker.sh pause   [DIR]   SIGSTOP: the broker is there and does not answer
#   broker.sh resume  [DIR]   SIGCONT
#   broker.sh address [DIR]   the bootstrap address
#   broker.sh clean   [DIR]   stop and remove the data
#   broker.sh possible        exit 0 if java and mvn are there
#
# DIR (or $REIVER_KAFKA_DIR) holds configuration, data, log and pid; default: target/kafka-broker of this repository.
# The jars (44 MB) are kept in $REIVER_KAFKA_LIB, default: ${XDG_CACHE_HOME:-~/.cache}/reiver/kafka-<version>.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command=${1:-help}
dir=${2:-${REIVER_KAFKA_DIR:-$here/../../target/kafka-broker}}
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
lib=${REIVER_KAFKA_LIB:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/reiver/kafka-$version}
# Any 16 bytes will do; a fixed id lets a node start again on old data.
cluster=MkU3OEVBNTcwNTJENDM2Qk

say() { printf '%s\n' "$*" >&2; }
fail() { say "broker.sh: $*"; exit 1; }

possible() { command -v java >/dev/null 2>&1 && command -v mvn >/dev/null 2>&1; }

# Fetches the jars into a folder of their own and renames it, so that a broken download is never taken for a whole one.
jars() {
  [ -e "$lib/.whole" ] && return
  possible || fail "java and mvn are needed"
  mkdir -p "$(dirname "$lib")"
  (
    flock 9
    [ -e "$lib/.whole" ] && exit 0
    say "fetching Apache Kafka $version into $lib"
    part=$(mktemp -d "$lib.XXXXXX")
    mvn -q -B -Dstyle.color=never -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$part" >&2
    touch "$part/.whole"
    rm -rf "$lib"
    mv "$part" "$lib"
  ) 9>"$lib.lock"
}

# Two ports that nobody listens on: a port that refuses a connection is taken.
free_port() {
  local port
  for _ in $(seq 1 100); do
    port=$((20000 + RANDOM % 12000))
    [ "$port" = "${1:-}" ] && continue
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s' "$port"
      return
    fi
  done
  fail "no free port"
}

configure() {
  local port controller
  port=$(free_port)
  controller=$(free_port "$port")
  rm -rf "$dir/data"
  printf '127.0.0.1:%s\n' "$port" >"$dir/address"
  cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
auto.create.topics.enable=false
num.partitions=4
# Records of 10 MB must pass (dead letters of oversized payloads).
message.max.bytes=12582912
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A killed node may register again only when its old session has ended (default 9 s).
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
background.threads=2
# The default of 128 MiB is taken from the heap at start.
log.cleaner.dedupe.buffer.size=4194304
# Compaction and retention within seconds, so that a test can wait for them.
log.cleaner.backoff.ms=1000
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=1000
END
}

session=()
java_node() {
  exec "${session[@]}" java -Xms64m -Xmx256m -Xss512k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxDirectMemorySize=64m \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=info -Dorg.slf4j.simpleLogger.showDateTime=true \
    -cp "$lib/*" "$@"
}

pid() { cat "$dir/pid" 2>/dev/null || true; }

alive() {
  local p
  p=$(pid)
  [ -n "$p" ] && [ -r "/proc/$p/cmdline" ] && tr '\0' ' ' <"/proc/$p/cmdline" | grep -q "$dir/server.properties"
}

launch() {
  alive && fail "a node already runs in $dir (pid $(pid))"
  : >"$dir/broker.log"
  # A session of its own: Ctrl-C in a test run does not reach the node.
  session=(setsid)
  (java_node kafka.Kafka "$dir/server.properties" </dev/null >>"$dir/broker.log" 2>&1 9>&- & printf '%s\n' "$!" >"$dir/pid")
  for _ in $(seq 1 1200); do
    if grep -q 'Kafka Server started' "$dir/broker.log"; then
      cat "$dir/address"
      return
    fi
    alive || return 1
    sleep 0.1
  done
  say "not ready within 120 s"
  return 1
}

# The clean ending; the answer to a node that hangs is SIGKILL.
stop() {
  local p
  p=$(pid)
  if alive; then
    kill -CONT "$p"
    kill -TERM "$p"
    for _ in $(seq 1 300); do
      alive || break
      sleep 0.1
    done
    if alive; then kill -KILL "$p"; fi
  fi
  rm -f "$dir/pid"
}

start() {
  jars
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  alive && fail "a node already runs in $dir (pid $(pid))"
  for _ in 1 2 3; do
    configure
    (java_node kafka.tools.StorageTool format --standalone -t "$cluster" -c "$dir/server.properties") \
      >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; fail "formatting failed"; }
    launch && return
    # Most likely somebody took the port in between: begin again with others.
    stop
    grep -q 'Address already in use' "$dir/broker.log" || break
  done
  tail -n 40 "$dir/broker.log" >&2
  fail "Kafka did not start; see $dir/broker.log"
}

[ -d "$dir" ] && dir=$(cd "$dir" && pwd)
case $command in
start) start ;;
restart)
  [ -e "$dir/server.properties" ] || fail "nothing to restart in $dir"
  stop
  launch || { tail -n 40 "$dir/broker.log" >&2; fail "Kafka did not start again"; }
  ;;
stop) stop ;;
kill)
  alive || fail "no node runs in $dir"
  kill -KILL "$(pid)"
  while alive; do sleep 0.05; done
  ;;
pause)
  alive || fail "no node runs in $dir"
  kill -STOP "$(pid)"
  ;;
resume)
  alive || fail "no node runs in $dir"
  kill -CONT "$(pid)"
  ;;
address) cat "$dir/address" ;;
clean)
  stop
  rm -rf "$dir"
  ;;
possible) possible ;;
*)
  sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
  exit 2
  ;;
esac
