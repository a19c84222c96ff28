// Keeps the list fresh while it is looked at. Without scripts the page works the same, by reloading it.
"use strict";

const PERIOD_MS = 2500;

async function refresh() {
  const list = document.querySelector("[data-fresh]");
  if (document.hidden || !list || list.contains(document.activeElement)) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-fresh]");
  if (fresh && fresh.innerHTML !== list.innerHTML) list.replaceWith(fresh);
}

setInterval(() => refresh().catch(() => {}), PERIOD_MS);
