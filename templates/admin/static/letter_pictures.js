// A picture is chosen from the library in a dialog, which shows a part of the library's own page.
window.letterPictures = (form) => {
  const FULL_WIDTH_PX = 600;
  const dialog = document.getElementById("pictures");
  const inside = dialog.querySelector(".library");
  let field = null;

  const load = async (address) => {
    const answer = await fetch(address, { headers: { "hx-request": "true" } });
    if (answer.status === 401) document.getElementById("ended").hidden = false;
    const shelf = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("pick");
    if (!shelf) return;
    inside.replaceChildren(shelf);
    if (!dialog.open) dialog.showModal();
  };
  const fill = (other, text) => {
    if (!other || !text) return;
    other.value = text;
    other.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const choose = ({ url, alt, width }) => {
    const block = field.closest(".block");
    const of = (name) => block.querySelector(`[name="${block.id}.${name}"]`);
    fill(field, url);
    if (of("alt") && !of("alt").value) fill(of("alt"), alt);
    if (of("alt") && Number(width) < FULL_WIDTH_PX) fill(of("width"), width);
    dialog.close();
    field.focus();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-pick]");
    if (!link) return;
    event.preventDefault();
    field = link.closest(".field").querySelector("[data-picture]");
    load(`${link.href}/pick?locale=${link.closest(".language").dataset.locale}`);
  });
  dialog.addEventListener("click", (event) => {
    const picture = event.target.closest("[data-media]");
    const page = event.target.closest('a[href*="/media/pick"]');
    if (picture) choose(picture.dataset);
    if (!page) return;
    event.preventDefault();
    load(page.href);
  });
  dialog.addEventListener("submit", (event) => {
    if (event.target.method === "dialog") return;
    event.preventDefault();
    load(`${event.target.action}?${new URLSearchParams(new FormData(event.target))}`);
  });
};
