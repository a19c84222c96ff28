// The reference client: how a page should hold a live connection. Protocol: docs/live.md. What it looks like is page.js.

const HEARTBEAT_MS = 4 * 60_000; // API Gateway closes what is silent for 10 minutes
const RENEW_MS = 110 * 60_000; // … and everything after 2 hours: a new connection is opened before that
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const PAGES_AT_ONCE = 5; // of what was missed; more of them slowly, so that the limit of frames is kept
const PAGE_PAUSE_MS = 600;
const REFUSED_PAUSE_MS = 5_000;
const HOLDS = new Set(["flood", "repeated", "muted", "unavailable"]); // warnings after which a frame was not worked on

/** One user's connection: reconnects with jitter, resumes from its cursor, renews itself before its time is over.
 * `view` shows what comes: see page.js. */
export class Live {
  constructor(user, name, view) {
    Object.assign(this, { user, name, view, cursor: null, newest: 0, socket: null, failures: 0, resuming: false, pages: 0, stopped: false });
  }

  async open() {
    if (this.stopped || this.opening) return;
    this.opening = true;
    clearTimeout(this.reopening);
    if (!this.socket) this.view.status("connecting");
    let socket;
    try {
      const answer = await fetch("live-demo/tickets", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ user_id: this.user }),
      });
      if (answer.status === 404) return this.stop("unknownUser");
      if (!answer.ok) throw new Error(`tickets: ${answer.status}`);
      const { url } = await answer.json();
      if (this.stopped) return;
      socket = new WebSocket(`${url}&format=json`);
    } catch {
      return this.reopenLater();
    } finally {
      this.opening = false;
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
    if (this.stopped) return socket.close();
    const old = this.socket;
    this.socket = socket;
    this.resuming = false; // what the old one was asked is asked anew
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
    if (!this.socket) this.view.status("lost");
    clearTimeout(this.reopening);
    this.reopening = setTimeout(() => this.open(), longest * (0.5 + Math.random() / 2)); // jitter: not all pages at once
  }

  /** The network is back: no need to wait. */
  reopenNow() {
    if (!this.socket) this.open();
  }

  stop(why, message) {
    this.stopped = true;
    clearInterval(this.heart);
    for (const timer of [this.renewal, this.reopening, this.later]) clearTimeout(timer);
    if (this.socket) this.socket.close();
    this.view.status(why, message);
  }

  send(frame) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    return true;
  }

  resume() {
    if (this.resuming) return;
    this.resuming = true;
    this.send({ action: "resume", cursor: String(this.cursor) });
  }

  resumeIn(pauseMs) {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.resume(), pauseMs);
  }

  hear(frame) {
    const handle = {
      hello: () => this.hello(frame),
      notification: () => this.notified(frame),
      resumed: () => this.resumed(frame),
      "inbox.list": () => this.view.older(frame.entries, frame.cursor),
      "inbox.unread": () => this.view.unread(frame.unread),
      "chat.named": () => this.named(frame.name),
      "chat.name_needed": () => this.send({ action: "chat.name", name: this.name }),
      "chat.present": () => this.view.present(frame.names, frame.total, frame.guests),
      "chat.message": () => this.view.heard(frame),
      "chat.sent": () => this.view.sent(frame.to),
      "chat.blocked": () => this.view.blocked(frame.names),
      warning: () => this.warned(frame),
      bye: () => { if (frame.reason !== "unknown_connection") this.stop("bye", frame.message); }, // else: it comes again
    }[frame.event];
    if (handle) handle();
  }

  hello(frame) {
    this.failures = 0;
    this.view.status("online");
    this.view.unread(frame.inbox.unread);
    if (this.cursor === null) {
      this.cursor = Number(frame.inbox.cursor);
      this.send({ action: "inbox.list" });
    } else {
      this.resume();
    }
    if (frame.name) this.named(frame.name);
  }

  named(name) {
    this.name = name;
    this.view.named(name);
    this.send({ action: "chat.who" });
    this.send({ action: "chat.blocked" });
  }

  warned(frame) {
    if (this.resuming && HOLDS.has(frame.code)) {
      this.resuming = false;
      this.resumeIn(frame.seconds ? frame.seconds * 1000 : REFUSED_PAUSE_MS);
    }
    this.view.warned(frame);
  }

  // Cursors are dense, so a gap shows: what lies between is asked for, and comes in order.
  notified(frame) {
    const cursor = Number(frame.cursor);
    this.newest = Math.max(this.newest, cursor);
    if (this.cursor === null || cursor <= this.cursor) return;
    if (cursor > this.cursor + 1) return this.resume();
    this.cursor = cursor;
    this.view.unread(frame.unread);
    this.view.add([frame]);
  }

  resumed(frame) {
    this.resuming = false;
    const missed = frame.entries.filter((entry) => Number(entry.cursor) > this.cursor);
    this.cursor = Number(frame.cursor);
    this.view.add(missed);
    this.view.unread(frame.unread);
    const more = frame.more || this.newest > this.cursor; // something newer came while this was on its way
    this.pages = more ? this.pages + 1 : 0;
    if (more) this.resumeIn(this.pages < PAGES_AT_ONCE ? 0 : PAGE_PAUSE_MS);
  }
}
