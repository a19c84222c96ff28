// A file that is too long for a form goes straight into the bucket, and its page is opened then. Without this script the
// form takes files up to `data-most` bytes.
for (const form of document.querySelectorAll("form[data-most]")) {
  const bar = form.querySelector("progress");
  const failed = form.querySelector("[data-failed]");
  const field = form.elements.file;

  const put = (address, kind, file) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PUT", address);
      request.setRequestHeader("Content-Type", kind);
      request.upload.addEventListener("progress", ({ loaded, total }) => { bar.value = loaded / total; });
      request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(new Error(request.statusText))));
      request.addEventListener("error", () => reject(new Error("no answer")));
      request.send(file);
    });

  // Where the file goes: this list's page says it, or that of a list that is made for it now.
  const door = async () => {
    if (form.dataset.put) return { ...form.dataset, page: location.href };
    const asked = new FormData(form);
    asked.delete("file");
    asked.set("direct", "1");
    const answer = await fetch(form.action, { method: "POST", body: asked });
    const made = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("form[data-put]");
    if (!made) throw new Error("no list was made");
    return { ...made.dataset, page: answer.url };
  };

  form.addEventListener("submit", async (event) => {
    const [file] = field.files;
    if (!file || file.size <= Number(form.dataset.most)) return;
    event.preventDefault();
    failed.hidden = true;
    bar.hidden = false;
    form.querySelector("button").disabled = true;
    try {
      if (file.size > Number(form.dataset.largest)) throw new Error("over the limit");
      const to = await door();
      await put(to.put, to.kind, file);
      form.dataset.free = "";
      form.reset();
      location.assign(to.columns);
    } catch {
      bar.hidden = true;
      failed.hidden = false;
      form.querySelector("button").disabled = false;
    }
  });
}
