// Keeps a page up to date: fetches it again while it is looked at, and exchanges what has changed.
// Without this script the page is complete; loading it again then shows the news.
"use strict";

const PAUSE = 1500; // milliseconds between an answer and the next request
const MOST_SHARE = 5; // a page that took long is asked for again after N times as long
const LONGEST = 15000;

const state = document.createElement("p");
const words = document.createElement("span");
const button = document.createElement("button");
let paused = false;
let timer = 0;
let latest = 0; // the number of the request under way

function show(name, text) {
  state.className = "live " + name;
  if (words.textContent !== text) words.textContent = text;
  button.textContent = paused ? "Resume" : "Pause";
}

function clock() {
  return new Date().toISOString().slice(11, 19) + " UTC";
}

function schedule(after) {
  clearTimeout(timer);
  if (!paused && document.visibilityState === "visible") timer = setTimeout(refresh, after);
}

async function refresh() {
  const number = ++latest;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(LONGEST) });
    const text = await answer.text();
    if (number !== latest || paused) return;
    if (!answer.ok) throw new Error(answer.status);
    exchange(new DOMParser().parseFromString(text, "text/html"));
    show("", "Live");
    state.dataset.updated = String(Number(state.dataset.updated || 0) + 1);
  } catch {
    if (number !== latest || paused) return;
    if (!state.classList.contains("lost")) show("lost", "The sandbox does not answer. This is what it showed until " + clock() + ".");
  }
  schedule(Math.max(PAUSE, MOST_SHARE * (performance.now() - began)));
}

// Regions are exchanged by their ids; one that came or went needs the whole page.
function exchange(fresh) {
  const ids = (page) => [...page.querySelectorAll("[data-live]")].map((region) => region.id).join();
  if (ids(document) !== ids(fresh)) {
    // The page has got other parts: take all of them, unless somebody is at work in this one.
    const main = document.querySelector("main");
    if (!isHeld(main) && !main.contains(document.activeElement)) {
      main.replaceChildren(...fresh.querySelector("main").childNodes);
      place();
    }
    return;
  }
  for (const region of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(region.id);
    if (region.innerHTML !== next.innerHTML && !isHeld(region)) exchangeRegion(region, next);
  }
}

// A text that is being selected, perhaps to be copied, stays as it is.
function isHeld(region) {
  const selection = getSelection();
  return !selection.isCollapsed && selection.rangeCount > 0 && selection.getRangeAt(0).intersectsNode(region);
}

function exchangeRegion(region, next) {
  const opened = new Set([...region.querySelectorAll("details[open][data-key]")].map((each) => each.dataset.key));
  const focused = region.contains(document.activeElement) ? describe(region, document.activeElement) : null;
  const anchor = findAnchor(region);
  region.replaceChildren(...next.childNodes);
  for (const each of region.querySelectorAll("details[data-key]")) each.open = opened.has(each.dataset.key);
  if (focused) find(region, focused)?.focus({ preventScroll: true });
  if (anchor) {
    const same = [...region.querySelectorAll("[data-key]")].find((each) => each.dataset.key === anchor.key);
    if (same) scrollBy({ top: same.getBoundingClientRect().top - anchor.top, behavior: "instant" });
  }
}

// Which element has the focus: the same kind with the same address, in the row with the same key.
function describe(region, element) {
  const key = element.closest("[data-key]")?.dataset.key;
  return { tag: element.tagName, href: element.getAttribute("href"), key };
}

function find(region, sought) {
  const all = [...region.querySelectorAll(sought.tag)];
  const like = all.filter((each) => each.getAttribute("href") === sought.href);
  return like.find((each) => each.closest("[data-key]")?.dataset.key === sought.key) || like[0];
}

// The first row in sight, if what stands above it may change its height.
function findAnchor(region) {
  if (region.getBoundingClientRect().top >= 0) return null;
  for (const each of region.querySelectorAll("[data-key]")) {
    const box = each.getBoundingClientRect();
    if (box.height && box.top >= 0) return { key: each.dataset.key, top: box.top };
  }
  return null;
}

// The state and its button stand beside the heading.
function place() {
  const heading = document.querySelector("main h1");
  if (!heading) return;
  const line = document.createElement("div");
  line.className = "headline";
  heading.replaceWith(line);
  line.append(heading, state);
}

button.type = "button";
button.addEventListener("click", () => {
  paused = !paused;
  if (paused) {
    clearTimeout(timer);
    show("paused", "Paused at " + clock());
  } else {
    show("", "Live");
    refresh();
  }
});
document.addEventListener("visibilitychange", () => schedule(0));
if (document.querySelector("[data-live]")) {
  const beat = document.createElement("i");
  beat.className = "beat";
  words.setAttribute("role", "status");
  state.append(beat, words, button);
  place();
  show("", "Live");
  schedule(PAUSE);
}
