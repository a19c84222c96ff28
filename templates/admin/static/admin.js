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

// Copies an address. Without a script it can be marked in its field.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  });
}
