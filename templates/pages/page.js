// What the demo page looks like while live.js holds the connection. What comes from others is shown as text, never as HTML.

import { Live } from "./live.js";
import { WORDS } from "./words.js";

const TOAST_MS = 8_000;
const MOST_TOASTS = 3;
const MOST_LINES = 200;

const $ = (id) => document.getElementById(id);
const element = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
const button = (text, className, onclick) => Object.assign(element("button", text, className), { type: "button", onclick });
const link = (href, text) => Object.assign(element("a", text), { href, target: "_blank", rel: "noopener" });

let language = navigator.language.startsWith("ru") ? "ru" : "en";
let live = null;
let last = { state: "off", message: null };
let blocked = [];
let people = { names: [], total: 0, guests: [] };
let muted = 0;

const say = (key, ...values) => {
  const words = WORDS[language][key];
  return typeof words === "function" ? words(...values) : words;
};
const same = (one, other) => one.trim().toLowerCase() === other.trim().toLowerCase();

/** An element whose words change with the language. */
function saying(key, one) {
  one.dataset.say = key;
  one.textContent = say(key);
  return one;
}

function moment(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const form = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return Object.assign(element("time", date.toLocaleString(language, form)), { dateTime: at });
}

function entered(inside) {
  $("enter").hidden = inside;
  $("room").hidden = $("leave").hidden = !inside;
  for (const control of $("say").elements) control.disabled = !inside;
}

function showEmpty() {
  $("inbox-empty").hidden = $("inbox").children.length > 0;
  $("chat-empty").hidden = $("chat").children.length > 0;
}

function entry(one) {
  const item = element("li", "", one.read ? "" : "unread");
  item.dataset.id = one.id;
  const row = element("div", "", "row");
  row.append(element("strong", one.title), moment(one.at));
  item.append(row);
  if (one.body) item.append(element("p", one.body));
  const actions = element("div", "", "row");
  if (/^https?:\/\//.test(one.url)) actions.append(saying("open", link(one.url, "")));
  const read = () => { asRead(item); live.send({ action: "inbox.read", ids: [one.id] }); };
  if (!one.read) actions.append(saying("read", button("", "quiet", read)));
  if (actions.children.length) item.append(actions);
  return item;
}

function asRead(item) {
  item.className = "";
  item.querySelector("button")?.remove();
}

function toast(title, text, url) {
  const box = element("div", "", "toast");
  const words = element("div", "");
  words.append(element("strong", title), element("span", text));
  if (/^https?:\/\//.test(url ?? "")) words.append(link(url, say("open")));
  const close = button("×", "plain", () => box.remove());
  close.setAttribute("aria-label", say("close"));
  box.append(words, close);
  $("toasts").append(box);
  while ($("toasts").children.length > MOST_TOASTS) $("toasts").firstChild.remove();
  setTimeout(() => box.remove(), TOAST_MS);
}

/** Nobody vouches for a guest: wherever one's name stands, this stands beside it. */
const guestMark = () => saying("guest", Object.assign(element("small", "", "guest"), { title: say("guestMeans") }));

function line(kind, from, text, at, guest = false) {
  const item = element("li", "", kind);
  if (from) item.append(element("b", from), ...(guest ? [" ", guestMark()] : []), ": ");
  item.append(element("span", text));
  if (at) item.append(moment(at));
  $("chat").append(item);
  while ($("chat").children.length > MOST_LINES) $("chat").firstChild.remove();
  showEmpty();
  $("chat").scrollTop = $("chat").scrollHeight;
  return item;
}

function person(name) {
  const item = element("li", "");
  const self = live !== null && same(name, live.name);
  const isBlocked = blocked.some((one) => same(one, name));
  item.className = self ? "self" : isBlocked ? "blocked" : "";
  if (self) item.append(element("span", name));
  else {
    const write = button(name, "plain", () => { $("line").value = `${name}: `; $("line").focus(); });
    write.title = say("writeTo", name);
    const action = isBlocked ? "unblock" : "block";
    const block = button(isBlocked ? "↺" : "⊘", "plain", () => live.send({ action: `chat.${action}`, name }));
    block.title = say(action, name);
    block.setAttribute("aria-label", say(action, name));
    item.append(write, ...(people.guests.includes(name) ? [guestMark()] : []), block);
  }
  return item;
}

function showPeople() {
  const gone = blocked.filter((name) => !people.names.some((one) => same(one, name)));
  $("present").replaceChildren(...[...people.names, ...gone].map(person));
  if (people.total > people.names.length) $("present").append(element("li", say("andMore", people.total - people.names.length)));
}

function mute(seconds) {
  clearInterval(muted);
  const until = Date.now() + seconds * 1000;
  const show = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    $("mute").hidden = left <= 0;
    $("mute").textContent = say("muted", left);
    if (left <= 0) clearInterval(muted);
  };
  show();
  muted = setInterval(show, 250);
}

const view = {
  status(state, message = null) {
    last = { state, message };
    $("status").textContent = message ? message[language] : say(state, live?.user);
    $("status").dataset.state = { online: "on", connecting: "wait", lost: "wait" }[state] ?? "off";
    if (state === "unknownUser") entered(false);
  },
  unread(count) {
    $("unread").textContent = count;
    $("unread").setAttribute("aria-label", say("unread", count));
    $("unread").dataset.count = count;
    $("read-all").disabled = count === 0;
    document.title = (count ? `(${count}) ` : "") + say("title");
    if (count === 0) for (const item of $("inbox").children) asRead(item);
  },
  add(entries) {
    for (const one of entries) $("inbox").prepend(entry(one));
    showEmpty();
    if (entries.length > MOST_TOASTS) toast(say("missed", entries.length), entries.at(-1).title);
    else for (const one of entries) toast(one.title, one.body, one.url);
  },
  older(entries, cursor) {
    const shown = new Set([...$("inbox").children].map((item) => item.dataset.id));
    $("inbox").append(...entries.filter((one) => !shown.has(one.id)).map(entry));
    showEmpty();
    $("older").hidden = cursor === null;
    $("older").onclick = () => live.send({ action: "inbox.list", cursor });
  },
  named: () => showPeople(),
  present(names, total, guests) { people = { names, total, guests }; showPeople(); },
  blocked(names) { blocked = names; showPeople(); },
  heard: (frame) => line("theirs", frame.from, frame.text, frame.at, frame.guest),
  sent(to) {
    const waiting = [...$("chat").querySelectorAll(".waiting")].find((item) => same(item.dataset.to, to));
    waiting?.classList.remove("waiting");
  },
  warned(frame) {
    $("chat").querySelector(".waiting")?.classList.replace("waiting", "failed");
    if (frame.code === "muted") mute(frame.seconds);
    else line("warning", "", frame.message[language]);
  },
};

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(one.dataset.say);
  $("language").textContent = say("otherLanguage");
  $("line").placeholder = say("lineExample");
  view.status(last.state, last.message);
  view.unread(Number($("unread").textContent));
  showPeople();
}

function leave() {
  if (live) live.stop("off");
  live = null;
  [people, blocked] = [{ names: [], total: 0, guests: [] }, []];
  for (const list of ["inbox", "chat", "present", "toasts"]) $(list).replaceChildren();
  $("mute").hidden = true;
  $("line").value = "";
  clearInterval(muted);
  view.unread(0);
  showEmpty();
  entered(false);
}

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  leave();
  live = new Live($("user").value.trim(), $("name").value.trim(), view);
  entered(true);
  live.open();
});
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = $("line").value.trim();
  if (!words || !live.send(words)) return;
  const [to, ...text] = words.split(":");
  if (text.length) line("mine waiting", to.trim(), text.join(":").trim()).dataset.to = to;
  $("line").value = text.length ? `${to}: ` : "";
});
$("user").addEventListener("change", () => { $("name").value = say("names")[$("user").value] ?? $("name").value; });
$("read-all").addEventListener("click", () => live.send({ action: "inbox.read_all" }));
$("example").addEventListener("click", () => fetch("live-demo/notifications", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ user_id: live.user }),
}));
$("leave").addEventListener("click", leave);
$("language").addEventListener("click", () => speak(language === "ru" ? "en" : "ru"));
window.addEventListener("online", () => live?.reopenNow());
speak(language);
showEmpty();
