// One stream for all tabs of this browser: browsers allow six connections to a server, and ten tabs want one each.
// Tabs say what they watch and that they are still there; what comes is passed on as it came.

const STALE = 30_000;
const AGAIN = 2_000;
/** experiment → { source, ports: Map(port → last word of it), last id } */
const watched = new Map();

self.addEventListener("connect", (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data.kind === "watch") watch(data.experiment, port);
    else if (data.kind === "leave") leave(port);
    else if (data.kind === "here") for (const room of watched.values()) if (room.ports.has(port)) room.ports.set(port, Date.now());
  };
});

function watch(experiment, port) {
  leave(port);
  let room = watched.get(experiment);
  if (!room) {
    room = { ports: new Map(), source: null, last: null, timer: null };
    watched.set(experiment, room);
  }
  room.ports.set(port, Date.now());
  // A stream that is there already begins nowhere: the tab fetches a snapshot and goes on from it.
  if (room.source) port.postMessage({ kind: "joined" });
  else open(experiment, room);
}

function leave(port) {
  for (const [experiment, room] of watched) {
    room.ports.delete(port);
    if (room.ports.size === 0) close(experiment, room);
  }
}

function close(experiment, room) {
  clearTimeout(room.timer);
  room.source?.close();
  watched.delete(experiment);
}

function tell(room, message) {
  for (const port of room.ports.keys()) port.postMessage(message);
}

function open(experiment, room) {
  const query = new URLSearchParams();
  if (experiment) query.set("experiment", experiment);
  if (room.last) query.set("last", room.last);
  const source = new EventSource(`/v1/stream?${query}`);
  room.source = source;
  for (const kind of ["snapshot", "delta"]) {
    source.addEventListener(kind, (event) => {
      room.last = event.lastEventId;
      tell(room, { kind, data: event.data });
    });
  }
  source.onerror = () => {
    tell(room, { kind: "cut" });
    if (source.readyState !== EventSource.CLOSED) return;
    // A refusal ends an EventSource for good: a fresh one is needed.
    room.source = null;
    clearTimeout(room.timer);
    room.timer = setTimeout(() => watched.get(experiment) === room && open(experiment, room), AGAIN);
  };
}

// A tab that was killed does not say so.
setInterval(() => {
  const now = Date.now();
  for (const [experiment, room] of watched) {
    for (const [port, heard] of room.ports) if (now - heard > STALE) room.ports.delete(port);
    if (room.ports.size === 0) close(experiment, room);
  }
}, STALE / 2);
