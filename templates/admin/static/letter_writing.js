// Formatting and merge tags: what is written at the caret of a text, as if it were typed.
window.letterWriting = (form) => {
  const dialog = document.getElementById("tags");
  const fallback = document.getElementById("fallback");
  let field = null;

  const write = (target, text, from, to) => {
    target.focus();
    target.setSelectionRange(from, to);
    // Old, and the only way that the browser's own undo knows of.
    if (!document.execCommand("insertText", false, text)) {
      target.setRangeText(text, from, to, "end");
      target.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };
  const around = (target, before, after) => {
    const { selectionStart: from, selectionEnd: to, value } = target;
    const chosen = value.slice(from, to);
    write(target, before + chosen + after, from, to);
    target.setSelectionRange(from + before.length, from + before.length + chosen.length);
  };
  const ways = {
    bold: (target) => around(target, "**", "**"),
    italic: (target) => around(target, "*", "*"),
    link: (target) => {
      const { selectionStart: from, selectionEnd: to, value } = target;
      const chosen = value.slice(from, to);
      write(target, `[${chosen}](https://)`, from, to);
      const at = from + chosen.length + (chosen ? 11 : 1);
      target.setSelectionRange(at, at);
    },
    list: (target) => {
      const { selectionStart, selectionEnd: to, value } = target;
      const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
      write(target, value.slice(from, to).replace(/^/gm, "- "), from, to);
    },
  };
  const fieldOf = (button) => button.closest(".field").querySelector("[data-insert]");
  const chosen = () => dialog.querySelector("[name=tag]:checked");
  const ready = () => {
    document.getElementById("fallback-field").hidden = !(chosen() && "fallback" in chosen().dataset);
    document.getElementById("insert").disabled = !chosen();
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-write], [data-tags]");
    if (!button) return;
    if (button.dataset.write) {
      ways[button.dataset.write](fieldOf(button));
      return;
    }
    field = fieldOf(button);
    fallback.value = "";
    ready();
    dialog.showModal();
  });
  form.addEventListener("keydown", (event) => {
    const way = { b: "bold", i: "italic", k: "link" }[event.key.toLowerCase()];
    if (!way || !(event.ctrlKey || event.metaKey) || !("markdown" in event.target.dataset)) return;
    event.preventDefault();
    ways[way](event.target);
  });
  dialog.addEventListener("change", ready);
  dialog.addEventListener("close", () => {
    const tag = chosen();
    if (dialog.returnValue === "insert" && tag) {
      const other = "fallback" in tag.dataset ? ` | "${fallback.value.trim().replaceAll('"', "”")}"` : "";
      write(field, `{{ ${tag.value}${other} }}`, field.selectionStart, field.selectionEnd);
    }
    dialog.returnValue = "";
    field.focus();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
};
