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
