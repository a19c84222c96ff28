// A preview that follows what is typed. Without this script its button does the same.
for (const button of document.querySelectorAll("button[data-follows]")) {
  let timer;
  const show = () => button.form.requestSubmit(button);
  button.form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 500);
  });
  show();
}

// The empty texts of a language are filled from the campaign's own. Without this script the button does the same.
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    for (const field of button.closest("fieldset").querySelectorAll("[data-from]")) {
      field.value ||= button.form.elements[field.dataset.from].value;
    }
  });
}

// A form that was changed asks before it is left. `data-unsaved`: what it holds was typed before this page was made.
const DOUBLE_CLICK_MS = 3000;
let sent = null;

// What a browser has made of the page, beside what the page said.
const isChanged = (field) => {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "file") return field.files.length > 0;
  if (field.tagName !== "SELECT") return field.type !== "hidden" && field.value !== field.defaultValue;
  const first = [...field.options].some((one) => one.defaultSelected);
  return [...field.options].some((one, n) => one.selected !== (first ? one.defaultSelected : n === 0));
};
const isUnsaved = (form) =>
  "unsaved" in form.dataset ||
  [...form.elements].some((field) => field.name && field.matches("input, textarea, select") && isChanged(field));

addEventListener("beforeunload", (event) => {
  const left = [...document.querySelectorAll('form[method="post"]:not([data-free])')].filter((form) => form !== sent);
  if (left.some(isUnsaved)) event.preventDefault();
});

// A double click sends a form once. (The server does it once too; here the first answer is also the one that is seen.)
addEventListener("submit", (event) => {
  const form = event.target;
  const elsewhere = event.submitter?.formTarget || event.defaultPrevented;
  if (form.method !== "post" || elsewhere) return;
  if (form === sent) {
    event.preventDefault();
    return;
  }
  sent = form;
  setTimeout(() => { if (sent === form) sent = null; }, DOUBLE_CLICK_MS);
});

// A part of the page that says that it was asked for too often is shown, as any other answer.
addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 429) event.detail.shouldSwap = true;
});

// A part of the page that refreshes itself is refused once the session is over; the page stays, and says so.
addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) document.getElementById("ended").hidden = false;
});

// A page that is left alone is signed out on the server; it says so a while before. (Refreshing by itself is no asking.)
const IDLE_WARNING_SECONDS = 120;
const idle = Number(document.body.dataset.idleSeconds);
if (idle) setTimeout(() => { document.getElementById("idle").hidden = false; }, (idle - IDLE_WARNING_SECONDS) * 1000);

// A part of the page that comes anew is found as it was left: what a person has opened is open, the keyboard is where it
// was, and what they point at, press or write in does not slide away from under the hand.
const PRESSED = "a:active, button:active, summary:active, label:active";
const nameOf = (box) => box.querySelector("summary").textContent;
const controlsOf = (box) => [...box.querySelectorAll("summary, button")];
const isSeen = ({ top, bottom }) => bottom > 0 && top < innerHeight;
let left = null;
addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  if (part.querySelector(PRESSED)) {
    event.detail.shouldSwap = false; // a press ends where it began; what refreshes by itself comes again
    return;
  }
  const focused = document.activeElement;
  const isWriting = focused.matches("input, textarea, select");
  let held = isWriting ? focused : [...document.querySelectorAll(":hover")].at(-1);
  if (held && !isSeen(held.getBoundingClientRect())) held = null;
  if (part.contains(held)) held = held.closest("details"); // there will be another of the same name
  const boxes = [...part.querySelectorAll("details")];
  const known = boxes.map((box) => [nameOf(box), { box, control: controlsOf(box).indexOf(focused) }]);
  left = { known: new Map(known), held, top: held?.getBoundingClientRect().top };
});
addEventListener("htmx:afterSwap", (event) => {
  if (left === null) return;
  for (const box of event.target.querySelectorAll?.("details") ?? []) {
    const old = left.known.get(nameOf(box));
    if (!old) continue;
    box.open = old.box.open;
    controlsOf(box)[old.control]?.focus({ preventScroll: true });
    if (old.box === left.held) left.held = box;
  }
  if (left.held?.isConnected) scrollBy(0, left.held.getBoundingClientRect().top - left.top);
});

// Copies an address. Without a script it can be marked in its field.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  });
}

// Fields that the server has made anew hold what was typed, and are not saved by that.
addEventListener("htmx:afterSwap", (event) => {
  const form = event.target.closest?.('form[method="post"]');
  if (form && event.target.querySelector('input:not([type="hidden"]), select, textarea')) form.dataset.unsaved = "";
});

// What is typed in a condition while the server makes its fields anew stays typed.
const fieldsOf = (row) => row.querySelectorAll('input:not([type="hidden"])');
let typedRow = null;
addEventListener("htmx:beforeSwap", (event) => {
  const row = event.detail.target;
  if (!row.matches(".rule")) return;
  typedRow = { id: row.id, values: Object.fromEntries([...fieldsOf(row)].map((one) => [one.name, one.value])) };
});
addEventListener("htmx:afterSwap", () => {
  if (typedRow === null) return;
  const { id, values } = typedRow;
  typedRow = null;
  for (const field of fieldsOf(document.getElementById(id))) field.value = values[field.name] ?? field.value;
});
