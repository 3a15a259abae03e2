// What pages can do better with a script. Every one of them works without: nothing is hidden that only
// this could show, except buttons that only this could serve.
"use strict";

// The sixth digit sends the form; what is pasted may hold spaces.
for (const field of document.querySelectorAll("input[data-digits]")) {
  field.addEventListener("input", () => {
    const digits = field.value.replaceAll(/\s/g, "");
    if (digits.length !== Number(field.dataset.digits) || !/^[0-9]+$/.test(digits)) return;
    field.value = digits;
    field.form.requestSubmit();
  });
}

// A second click would send the same code again.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent === "yes") event.preventDefault();
    form.dataset.sent = "yes";
  });
}

// Back from the browser's memory of pages, a form may be sent once more.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (navigator.clipboard === undefined) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const { innerText, dataset } = document.getElementById(button.dataset.copy);
    // Shown in groups to be read; apps want it in one piece.
    const text = dataset.key === undefined ? innerText : innerText.replaceAll(/\s/g, "");
    navigator.clipboard.writeText(text).then(
      () => (button.textContent = button.dataset.copied),
      () => (button.hidden = true),
    );
  });
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

for (const button of document.querySelectorAll("button[data-download]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const source = document.getElementById(button.dataset.download);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${source.innerText}\n`]));
    link.download = button.dataset.file;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

// The server knows only UTC.
for (const time of document.querySelectorAll("time")) {
  time.title += ` · ${new Date(time.dateTime).toLocaleString()}`;
}
