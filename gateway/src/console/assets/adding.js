// Adding to the catalogue: shows how much was sent, and keeps the page of an intake up to date. Every word is in the page; without
// this script the form is sent as any other and the page of an intake refreshes itself.
"use strict";

// In milliseconds, between two looks at an intake.
const PAUSE = 1000;

const form = document.querySelector("form[data-upload]");
if (form) {
  const [wrong, sending, ready, words, bar] =
    ["[data-wrong]", "[data-sending]", "[data-ready]", "[data-words]", "progress"].map(which => form.querySelector(which));
  let request = null;

  const show = isSending => {
    sending.hidden = !isSending;
    ready.hidden = isSending;
    if (isSending) form.querySelector("[data-abort]").focus();
  };
  const fail = why => {
    request = null;
    show(false);
    wrong.textContent = why;
    wrong.hidden = false;
    wrong.scrollIntoView({ block: "nearest" });
  };
  const answered = () => {
    const answer = request;
    if (answer.status == 200) {
      request = null;
      location.assign(answer.responseURL);
      return;
    }
    const page = new DOMParser().parseFromString(answer.responseText, "text/html");
    const told = page.querySelector("[role=alert]:not([hidden])") || page.querySelector("main h1");
    fail(told ? told.textContent : form.dataset.cutOff);
  };

  form.addEventListener("submit", event => {
    event.preventDefault();
    const bytes = [...form.elements.files.files].reduce((sum, file) => sum + file.size, 0);
    wrong.hidden = true;
    if (bytes > Number(form.dataset.limit)) return fail(form.dataset.tooLong);
    if (bytes > Number(form.dataset.room)) return fail(form.dataset.noRoom);
    request = new XMLHttpRequest();
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = total ? Math.floor(1000 * loaded / total) : 0;
      words.textContent = loaded < total ? `${Math.floor(100 * loaded / total)} %` : form.dataset.sent;
    });
    request.addEventListener("load", answered);
    request.addEventListener("error", () => fail(form.dataset.cutOff));
    request.addEventListener("abort", () => fail(form.dataset.cancelled));
    request.open("POST", form.action);
    request.send(new FormData(form));
    show(true);
  });
  form.querySelector("[data-abort]").addEventListener("click", () => request && request.abort());
  // Whoever leaves the page stops what is being sent.
  addEventListener("beforeunload", event => {
    if (request) event.preventDefault();
  });
}

const follow = async () => {
  const shown = document.querySelector("[data-follow]");
  if (!shown) return;
  try {
    const answer = await fetch(location.href, { redirect: "error" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-follow]");
    // It is over: the whole page has other words and other buttons.
    if (!next) return location.reload();
    shown.replaceWith(document.adoptNode(next));
  } catch (error) {
    // The gateway is busy or was restarted, or the session is over: the page stays and asks again.
  }
  setTimeout(follow, PAUSE);
};
setTimeout(follow, PAUSE);
