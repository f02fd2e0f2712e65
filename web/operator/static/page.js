// Makes a page live: it is fetched again every few seconds, and what has changed is put in place, so that whatever is
// open, focused or typed in stays so. Everything works without it.
"use strict";

const EVERY = 3000;
const stale = document.getElementById("stale");

function put(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || from.id !== to.id
      || (from.dataset && from.dataset.key !== to.dataset.key)) {
    from.replaceWith(to.cloneNode(true));
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    // What the reader has opened stays open.
    if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) from.removeAttribute(name);
  }
  const there = [...from.childNodes];
  const wanted = [...to.childNodes];
  wanted.forEach((node, place) => {
    if (place < there.length) put(there[place], node);
    else from.append(node.cloneNode(true));
  });
  there.slice(wanted.length).forEach((node) => node.remove());
}

async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
    // The session has ended; the page that it leads to says so.
    location.assign(answer.url);
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = page.getElementById(part.id);
    if (next) put(part, next);
  }
  document.title = page.title;
}

async function beat() {
  if (!document.hidden) {
    try {
      await renew();
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    }
  }
  setTimeout(beat, EVERY);
}

setTimeout(beat, EVERY);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) renew().catch(() => { stale.hidden = false; });
});
