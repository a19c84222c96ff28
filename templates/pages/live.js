// The reference client: how a page should hold a live connection. Protocol: docs/live.md.
// Everything that comes from others is shown as text, never as HTML.

const HEARTBEAT_MS = 4 * 60_000; // API Gateway closes what is silent for 10 minutes
const RENEW_MS = 110 * 60_000; // … and everything after 2 hours: a new connection is opened before that
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const TOAST_MS = 8_000;

const $ = (id) => document.getElementById(id);

/** One user's connection: reconnects with jitter, resumes from its cursor, renews itself before its time is over. */
class Live {
  constructor(user, name, view) {
    Object.assign(this, { user, name, view, cursor: null, newest: 0, socket: null, failures: 0, resuming: false, stopped: false });
  }

  async open() {
    if (this.stopped) return;
    if (!this.socket) this.view.status("Соединение…");
    let socket;
    try {
      const answer = await fetch("live-demo/tickets", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ user_id: this.user }),
      });
      if (answer.status === 404) return this.stop("Нет такого пользователя");
      if (!answer.ok) throw new Error(`tickets: ${answer.status}`);
      const { url } = await answer.json();
      if (this.stopped) return;
      socket = new WebSocket(`${url}&format=json`);
    } catch {
      return this.reopenLater();
    }
    let taken = false;
    socket.onopen = () => { taken = true; this.take(socket); };
    socket.onmessage = (message) => socket === this.socket && this.hear(JSON.parse(message.data));
    socket.onclose = () => {
      if (socket === this.socket) this.lost();
      else if (!taken) this.reopenLater(); // refused, or never there; an old one still serves, if there is one
    };
  }

  /** The new connection is the one from now on; the old one, if any, is closed only now: nothing falls between. */
  take(socket) {
    const old = this.socket;
    this.socket = socket;
    if (old) old.close();
    clearInterval(this.heart);
    clearTimeout(this.renewal);
    this.heart = setInterval(() => this.send({ action: "ping" }), HEARTBEAT_MS);
    this.renewal = setTimeout(() => this.open(), RENEW_MS * (0.95 + Math.random() * 0.05));
  }

  lost() {
    clearInterval(this.heart);
    clearTimeout(this.renewal);
    this.socket = null;
    this.resuming = false;
    this.reopenLater();
  }

  reopenLater() {
    if (this.stopped) return;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.failures++);
    if (!this.socket) this.view.status("Нет связи, скоро попробую снова");
    setTimeout(() => this.open(), longest * (0.5 + Math.random() / 2)); // jitter: not all pages at once
  }

  stop(why) {
    this.stopped = true;
    clearInterval(this.heart);
    clearTimeout(this.renewal);
    if (this.socket) this.socket.close();
    this.view.status(why);
  }

  send(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  resume() {
    if (this.resuming) return;
    this.resuming = true;
    this.send({ action: "resume", cursor: String(this.cursor) });
  }

  hear(frame) {
    const handle = {
      hello: () => this.hello(frame),
      notification: () => this.notified(frame),
      resumed: () => this.resumed(frame),
      "inbox.list": () => this.view.older(frame.entries, frame.cursor),
      "inbox.unread": () => this.view.unread(frame.unread),
      "chat.named": () => { this.name = frame.name; this.send({ action: "chat.who" }); },
      "chat.name_needed": () => this.send({ action: "chat.name", name: this.name }),
      "chat.present": () => this.view.present(frame.names),
      "chat.message": () => this.view.say(`${frame.from}: ${frame.text}`, frame.at),
      "chat.sent": () => {},
      "chat.blocked": () => this.view.say(`Заблокированы: ${frame.names.join(", ") || "никто"}`),
      warning: () => this.view.say(frame.message.ru, null, "warning"),
      bye: () => { if (frame.reason !== "unknown_connection") this.stop(frame.message.ru); }, // else: it comes again
    }[frame.event];
    if (handle) handle();
  }

  hello(frame) {
    this.failures = 0;
    this.view.status(`В сети: ${frame.user_id}`);
    this.view.unread(frame.inbox.unread);
    if (this.cursor === null) {
      this.cursor = Number(frame.inbox.cursor);
      this.send({ action: "inbox.list" });
    } else {
      this.resume();
    }
    if (frame.name) this.send({ action: "chat.who" });
  }

  // Cursors are dense, so a gap shows: what lies between is asked for, and comes in order.
  notified(frame) {
    const cursor = Number(frame.cursor);
    this.newest = Math.max(this.newest, cursor);
    if (this.cursor === null || cursor <= this.cursor) return;
    if (cursor > this.cursor + 1) return this.resume();
    this.cursor = cursor;
    this.view.unread(frame.unread);
    this.view.add(frame);
  }

  resumed(frame) {
    this.resuming = false;
    for (const entry of frame.entries) if (Number(entry.cursor) > this.cursor) this.view.add(entry);
    this.cursor = Number(frame.cursor);
    this.view.unread(frame.unread);
    if (frame.more || this.newest > this.cursor) this.resume(); // something newer came while this was on its way
  }
}

const element = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });

const view = {
  status: (text) => { $("status").textContent = text; },
  unread(count) {
    $("unread").textContent = count;
    $("read-all").disabled = count === 0;
    if (count > 0) return;
    for (const item of $("inbox").children) {
      item.className = "";
      item.querySelector("button")?.remove();
    }
  },
  entry(entry) {
    const item = element("li", entry.title, entry.read ? "" : "unread");
    item.dataset.id = entry.id;
    item.append(element("div", entry.body), element("time", new Date(entry.at).toLocaleString()));
    if (/^https?:\/\//.test(entry.url)) item.append(Object.assign(element("a", "Открыть"), { href: entry.url, rel: "noopener" }));
    if (!entry.read) {
      const read = element("button", "Прочитано");
      read.type = "button";
      read.onclick = () => { item.className = ""; read.remove(); live.send({ action: "inbox.read", ids: [entry.id] }); };
      item.append(read);
    }
    return item;
  },
  add(entry) {
    $("inbox").prepend(view.entry(entry));
    const toast = element("div", "", "toast");
    toast.append(element("strong", entry.title), element("span", entry.body));
    $("toasts").append(toast);
    setTimeout(() => toast.remove(), TOAST_MS);
  },
  older(entries, cursor) {
    const shown = new Set([...$("inbox").children].map((item) => item.dataset.id));
    $("inbox").append(...entries.filter((entry) => !shown.has(entry.id)).map(view.entry));
    $("older").hidden = cursor === null;
    $("older").onclick = () => live.send({ action: "inbox.list", cursor });
  },
  present: (names) => $("present").replaceChildren(...names.map((name) => element("li", name))),
  say(text, at, kind = "") {
    const item = element("li", text, kind);
    if (at) item.append(element("time", new Date(at).toLocaleTimeString()));
    $("chat").append(item);
    item.scrollIntoView({ block: "nearest" });
  },
};

let live = null;

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  if (live) live.stop("Не в сети");
  for (const list of ["inbox", "chat", "present"]) $(list).replaceChildren();
  live = new Live($("user").value.trim(), $("name").value.trim(), view);
  for (const control of $("say").elements) control.disabled = false;
  live.open();
});
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = $("line").value.trim();
  if (!line) return;
  live.send(line);
  if (line.includes(":")) view.say(`→ ${line}`);
  $("line").value = "";
});
$("read-all").addEventListener("click", () => live.send({ action: "inbox.read_all" }));
window.addEventListener("online", () => { if (live && !live.socket) live.open(); });
