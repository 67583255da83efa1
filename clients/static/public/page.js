"use strict";

/* What the public page does better with JavaScript. Without it everything works all the same: each file by itself with
   its progress becomes one form with all of them, and the link is copied by hand. */

const form = document.querySelector("[data-submission]");
let sending = 0;

/** A link that is copied at a press. */
function offerCopying(button) {
  const field = document.getElementById(button.dataset.copy);
  const status = document.getElementById("copy-status");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      status.textContent = "Copied.";
    } catch {
      field.select();
      status.textContent = "The link is selected: copy it now.";
    }
  });
}

/** One press, one request; and none while files are on their way. */
function sendOnce(sent) {
  let gone = false;
  sent.addEventListener("submit", (event) => {
    if (sending > 0) {
      event.preventDefault();
      say("Wait until your files are uploaded, then press again.");
    } else if (gone) {
      event.preventDefault();
    }
    gone = gone || !event.defaultPrevented;
    setTimeout(() => { gone = false; }, 5000);
  });
  window.addEventListener("pageshow", () => { gone = false; });
}

function say(text) {
  document.getElementById("upload-status").textContent = text;
}

/** Files are sent as they are chosen, one after the other. */
function uploadAtOnce(input) {
  const drop = input.closest("[data-largest]");
  let last = Promise.resolve();
  drop.querySelector("[data-upload]").hidden = true;
  input.addEventListener("change", () => {
    for (const file of input.files) {
      const row = newRow(file);
      if (file.size > Number(drop.dataset.largest)) {
        row.fail(drop.dataset.tooLarge);
      } else {
        last = queue(last, file, row);
      }
    }
    input.value = "";
  });
  window.addEventListener("beforeunload", (event) => { if (sending > 0) event.preventDefault(); });
}

function queue(last, file, row) {
  sending += 1;
  row.wait();
  return last.then(() => send(file, row)).finally(() => { sending -= 1; });
}

/** The whole form goes with each file, so that what was typed is saved too; the answer is this page anew. */
function send(file, row) {
  const body = new FormData(form);
  body.delete("files");
  body.append("files", file);
  body.set("act", "upload");
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.upload.addEventListener("progress", (event) => row.advance(event.loaded, event.total));
    request.addEventListener("load", () => { settle(request, row); done(); });
    request.addEventListener("error", () => { row.fail("The connection was lost.", () => queue(Promise.resolve(), file, row)); done(); });
    request.open("POST", form.action);
    request.send(body);
  });
}

function settle(request, row) {
  const page = request.response;
  const kept = page && page.getElementById("kept");
  const fault = page && page.getElementById("id_files_error");
  if (kept && !fault && (request.status === 200 || request.status === 422)) {
    document.getElementById("kept").replaceChildren(...kept.childNodes);
    row.finish();
  } else {
    const told = fault || (page && page.querySelector(".summary li, .words"));
    row.fail(told ? told.textContent.trim() : "The file could not be uploaded. Try again in a moment.");
  }
}

/** A file on its way, shown with its progress. */
function newRow(file) {
  const list = document.getElementById("uploads");
  const row = list.appendChild(document.createElement("li"));
  const name = add("span", "name", row);
  const state = add("span", "state", row);
  const bar = document.createElement("progress");
  name.appendChild(document.createElement("bdi")).textContent = file.name;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  list.hidden = false;

  function close() {
    row.remove();
    list.hidden = list.children.length === 0;
  }
  return {
    wait() {
      row.replaceChildren(name, state, bar);
      state.className = "state";
      state.textContent = "Waiting";
      bar.value = 0;
    },
    advance(loaded, total) {
      bar.value = loaded / total;
      state.textContent = loaded < total ? `${Math.floor(100 * loaded / total)}%` : "Checking";
    },
    finish() {
      close();
      say(`${file.name} is uploaded.`);
    },
    fail(text, again) {
      row.replaceChildren(name, state);
      state.className = "state failed";
      state.textContent = text.startsWith(file.name) ? text.slice(file.name.length + 2) : text;
      if (again) press("Try again", again);
      press("Dismiss", close);
      say(`${file.name}: ${state.textContent}`);
    },
  };

  function press(label, act) {
    const button = add("button", "quiet", row);
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-label", `${label}: ${file.name}`);
    button.addEventListener("click", act);
  }
}

function add(tag, className, parent) {
  const element = parent.appendChild(document.createElement(tag));
  element.className = className;
  return element;
}

document.querySelectorAll("[data-copy]").forEach(offerCopying);
document.querySelectorAll("form").forEach(sendOnce);
if (form) uploadAtOnce(form.elements.files);
