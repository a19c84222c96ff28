// The block editor: what its buttons do at once that without this script the server does, moving by keyboard and
// pointer, undo, formatting and merge tags at the caret.
const form = document.getElementById("letter");
const root = document.getElementById("languages");
const announced = document.getElementById("announced");
if (root) start();

function start() {
  document.body.classList.add("scripted");
  const tabs = document.getElementById("tabs");
  const wide = matchMedia("(min-width: 78rem)");
  let shown = [];

  const all = (selector, inside = root) => [...inside.querySelectorAll(selector)];
  const blockOf = (slot) => slot.querySelector(":scope > .block");
  const slotsOf = (list) => [...list.children].filter((one) => one.dataset.number);
  const say = (what, values = {}) => {
    announced.textContent = announced.dataset[what].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };

  // Languages: one, or two beside each other where there is room.
  const showLanguages = () => {
    const known = all(".language");
    const codes = known.map((one) => one.dataset.locale);
    shown = shown.filter((one) => codes.includes(one));
    if (!shown.length) shown = codes.slice(0, 2).reverse();
    const now = shown.slice(wide.matches ? -2 : -1);
    for (const one of known) one.hidden = !now.includes(one.dataset.locale);
    tabs.hidden = known.length < 2;
    tabs.replaceChildren(...known.map((one) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = one.dataset.language;
      button.setAttribute("aria-pressed", String(!one.hidden));
      button.addEventListener("click", () => toggle(one.dataset.locale));
      return button;
    }));
    const select = document.getElementById("shown");
    const chosen = select.value;
    select.replaceChildren(...known.map((one) => new Option(one.dataset.language, one.dataset.locale)));
    select.value = codes.includes(chosen) ? chosen : codes[0];
  };
  const toggle = (code) => {
    const others = shown.slice(-2).filter((one) => one !== code);
    const is = !document.getElementById(`doc.${code}`).hidden;
    shown = is && others.length ? others : [...others, code];
    showLanguages();
    follow(shown.at(-1));
    [...tabs.children].find((one) => one.textContent === document.getElementById(`doc.${code}`).dataset.language).focus();
  };
  const follow = (code) => {
    const select = document.getElementById("shown");
    if (select.value === code) return;
    select.value = code;
    preview();
  };
  const preview = () => form.dispatchEvent(new Event("input"));

  // Counters, and the tools of a field.
  const count = (field) => {
    const told = field.parentElement.querySelector(".count");
    told.textContent = `${[...field.value].length} / ${field.dataset.count}`;
    told.classList.toggle("over", [...field.value].length > Number(field.dataset.count));
  };
  const closeKinds = () => {
    for (const kinds of all("button[hidden] + .kinds")) {
      kinds.previousElementSibling.hidden = false;
      kinds.remove();
    }
  };
  const dress = () => {
    closeKinds();
    for (const field of all("[data-insert]")) {
      if (field.parentElement.querySelector(".field-tools")) continue;
      const tools = document.getElementById("field-tools").content.firstElementChild.cloneNode(true);
      if (!("markdown" in field.dataset)) all("[data-write]", tools).forEach((one) => one.remove());
      field.before(tools);
      if (field.dataset.count) tools.prepend(Object.assign(document.createElement("span"), { className: "count" }));
    }
    all("[data-count]").forEach(count);
    showLanguages();
    told();
  };
  const told = () => {
    if (!history) return;
    document.getElementById("undo").disabled = !history.canUndo();
    document.getElementById("redo").disabled = !history.canRedo();
  };
  const changed = () => {
    if (history.keep()) {
      form.dataset.unsaved = "";
      document.getElementById("test-unsaved").hidden = false;
    }
    told();
    preview();
  };
  let history = null;
  dress();
  history = window.letterHistory(root, dress);
  document.getElementById("history").hidden = false;

  const back = (way) => {
    if (!history[way]()) return;
    form.dataset.unsaved = "";
    say(way === "undo" ? "undone" : "redone");
    told();
    preview();
  };
  document.getElementById("undo").addEventListener("click", () => back("undo"));
  document.getElementById("redo").addEventListener("click", () => back("redo"));

  // Blocks.
  const title = (slot) => blockOf(slot).dataset.title;
  const moveTo = (slot, before) => {
    slot.parentElement.insertBefore(slot, before);
    const slots = slotsOf(slot.parentElement);
    say("moved", { title: title(slot), n: slots.indexOf(slot) + 1, of: slots.length });
  };
  const step = (slot, by, focused) => {
    const slots = slotsOf(slot.parentElement);
    const to = slots.indexOf(slot) + by;
    if (to < 0 || to >= slots.length) return;
    moveTo(slot, by < 0 ? slots[to] : slots[to].nextElementSibling);
    focused.focus();
    slot.scrollIntoView({ block: "nearest" });
    changed();
  };
  const leaveOut = (slot) => {
    const next = slot.nextElementSibling || slot.previousElementSibling;
    const name = title(slot);
    slot.remove();
    (blockOf(next) || next.querySelector("button")).focus();
    say("deleted", { title: name });
    changed();
  };
  const choose = (button) => {
    const [, list, after] = button.value.split(" ");
    closeKinds();
    const kinds = document.getElementById("kinds").content.firstElementChild.cloneNode(true);
    for (const one of all("button", kinds)) {
      if (/\.column\d$/.test(list) && !("simple" in one.dataset)) one.remove();
      one.value = `add ${list} ${after} ${one.value}`;
    }
    kinds.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      closeKinds();
      button.focus();
    });
    button.hidden = true;
    button.after(kinds);
    kinds.querySelector("button").focus();
  };

  // The server makes new blocks and languages: the page comes back with them.
  const ask = async (button) => {
    const [verb] = button.value.split(" ");
    const known = new Set(all(".block, .language").map((one) => one.id));
    const body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(button.formAction, { method: "POST", body, headers: { "hx-request": "true" } });
    if (answer.status === 401) document.getElementById("ended").hidden = false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("languages");
    if (!fresh) return say("failed");
    root.replaceChildren(...fresh.childNodes);
    document.getElementById("mistakes")?.remove();
    const wrong = page.getElementById("mistakes");
    if (wrong) document.getElementById("letter").before(wrong);
    const added = all(".language, .block").find((one) => !known.has(one.id));
    if (added?.dataset.locale) shown.push(added.dataset.locale);
    dress();
    if (verb === "language-add" && added) document.getElementById("new_language").value = "";
    const to = added?.querySelector("input:not([type=hidden]), textarea, select") || added || root.querySelector(".language");
    to.focus();
    added?.scrollIntoView({ block: "center" });
    if (added?.dataset.title) say(verb === "copy" ? "copied" : "added", { title: added.dataset.title });
    changed();
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="do"]');
    if (!button) return;
    const [verb] = button.value.split(" ");
    event.preventDefault();
    const slot = button.closest(".slot");
    if (verb === "up" || verb === "down") step(slot, verb === "up" ? -1 : 1, button);
    else if (verb === "delete") leaveOut(slot);
    else if (verb === "choose") choose(button);
    else ask(button).catch(() => say("failed"));
  });
  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const slot = event.target.closest?.("#languages .slot[data-number]");
    if (event.altKey && slot && (key === "arrowup" || key === "arrowdown")) {
      event.preventDefault();
      step(slot, key === "arrowup" ? -1 : 1, event.target);
    } else if (command && !event.target.matches("input:not([type=radio]), textarea") && (key === "z" || key === "y")) {
      event.preventDefault();
      back(key === "y" || event.shiftKey ? "redo" : "undo");
    }
  });

  // Dragging, by mouse and by finger.
  root.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip || event.button) return;
    event.preventDefault();
    const slot = grip.closest(".slot");
    const list = slot.parentElement;
    slot.classList.add("dragged");
    document.body.classList.add("dragging");
    const over = new AbortController();
    let moved = false;
    const move = ({ clientY }) => {
      if (clientY < 90) scrollBy(0, -14);
      if (clientY > innerHeight - 60) scrollBy(0, 14);
      const others = slotsOf(list).filter((one) => one !== slot);
      const next = others.find((one) => {
        const box = blockOf(one).getBoundingClientRect();
        return clientY < box.top + Math.min(box.height / 2, 60);
      }) || null;
      if (next === slot.nextElementSibling) return;
      moved = true;
      moveTo(slot, next);
    };
    const end = () => {
      over.abort();
      slot.classList.remove("dragged");
      document.body.classList.remove("dragging");
      blockOf(slot).focus({ preventScroll: true });
      if (moved) changed();
    };
    // Of the whole page: a captured pointer is lost when its block moves.
    for (const [kind, does] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) {
      addEventListener(kind, does, { signal: over.signal });
    }
  });

  root.addEventListener("input", (event) => {
    if (event.target.dataset.count) count(event.target);
    document.getElementById("test-unsaved").hidden = false;
  });
  root.addEventListener("change", changed);
  root.addEventListener("focusin", (event) => {
    const language = event.target.closest(".language");
    if (language) follow(language.dataset.locale);
  });
  wide.addEventListener("change", showLanguages);
  window.letterWriting(form);
  window.letterPictures(form);
}
