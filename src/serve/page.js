// Keeps the page up to date: asks the same origin once a second while the page is visible, and says when it cannot.
// What it puts in place was escaped by the server.
"use strict";

const live = document.getElementById("live");
const stale = document.getElementById("stale");
let good = Date.now();

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/page.json", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error("status " + answer.status);
    const facts = await answer.json();
    live.innerHTML = facts.html;
    live.classList.remove("old");
    stale.hidden = true;
    good = Date.now();
  } catch (error) {
    const age = Math.round((Date.now() - good) / 1000);
    stale.textContent = "No answer for " + age + " s (" + error.message + "): these numbers are old. Trying again.";
    stale.hidden = false;
    live.classList.add("old");
  }
}

async function loop() {
  await refresh();
  setTimeout(loop, 1000);
}

document.addEventListener("visibilitychange", refresh);
setTimeout(loop, 1000);
