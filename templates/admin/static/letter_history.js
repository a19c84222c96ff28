// What was, to be brought back: a part of the page with what is typed in it, as text.
window.letterHistory = (root, after) => {
  const MOST = 100;
  const states = [];
  let at = -1;

  // A text of the page holds what its fields were made with: now they are made with what is in them.
  const written = () => {
    for (const field of root.querySelectorAll("input")) field.setAttribute("value", field.value);
    for (const field of root.querySelectorAll("textarea")) if (field.textContent !== field.value) field.textContent = field.value;
    for (const one of root.querySelectorAll("option")) one.toggleAttribute("selected", one.selected);
    return root.innerHTML;
  };
  const keep = () => {
    const now = written();
    if (now === states[at]) return false;
    states.splice(at + 1);
    states.push(now);
    if (states.length > MOST) states.shift();
    at = states.length - 1;
    return true;
  };
  const step = (by) => {
    keep();
    if (!states[at + by]) return false;
    at += by;
    root.innerHTML = states[at];
    after();
    return true;
  };
  keep();
  return { keep, undo: () => step(-1), redo: () => step(1), canUndo: () => at > 0, canRedo: () => at < states.length - 1 };
};
