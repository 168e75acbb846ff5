// One stream for all tabs of this browser: browsers allow six connections to a server, and ten tabs want one each.
// Tabs say what they watch and that they are still there; what comes is passed on as it came.

import { Line } from "./line.js";

const STALE = 30_000;
/** experiment → { line, ports: Map(port → last word of it) } */
const watched = new Map();

self.addEventListener("connect", (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data.kind === "watch") watch(data.experiment, port);
    else if (data.kind === "leave") leave(port);
    else if (data.kind === "here") here(data.experiment, port);
  };
});

function watch(experiment, port) {
  leave(port);
  const room = watched.get(experiment);
  if (room) {
    room.ports.set(port, Date.now());
    // A stream that is there already begins nowhere: the tab fetches a snapshot and goes on from it.
    port.postMessage({ kind: "joined" });
    return;
  }
  const ports = new Map([[port, Date.now()]]);
  const tell = (kind, data) => {
    for (const port of ports.keys()) port.postMessage({ kind, data });
  };
  watched.set(experiment, { ports, line: new Line(experiment, tell) });
}

/** A tab that did not say so for long, since its machine slept or was busy, has been forgotten: it joins again. */
function here(experiment, port) {
  const room = watched.get(experiment);
  if (room?.ports.has(port)) room.ports.set(port, Date.now());
  else watch(experiment, port);
}

function leave(port) {
  for (const [experiment, room] of watched) {
    room.ports.delete(port);
    if (room.ports.size === 0) close(experiment, room);
  }
}

function close(experiment, room) {
  room.line.close();
  watched.delete(experiment);
}

// A tab that was killed does not say so.
setInterval(() => {
  const now = Date.now();
  for (const [experiment, room] of watched) {
    for (const [port, heard] of room.ports) if (now - heard > STALE) room.ports.delete(port);
    if (room.ports.size === 0) close(experiment, room);
  }
}, STALE / 2);
