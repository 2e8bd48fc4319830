"use strict";

// The link's secret is in the fragment, which no browser sends: opening the
// page uses nothing up, whoever opens it. Only the button does.

const form = document.querySelector("form");
const note = document.querySelector("#status");
const submit = form.querySelector("[type=submit]");
const password = document.querySelector("#password");
const again = document.querySelector("#again");
const show = document.querySelector("#show");
let token = "";

// Everything that the service says is shown as text, never as markup. The focus
// follows only where the button that had it is gone.
function say(text, kind) {
  note.className = kind;
  note.textContent = text;
  if (form.hidden) note.focus();
}

// Out of the address bar, where it could be photographed, synchronised and
// found again in the history.
function takeToken() {
  token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
  history.replaceState(null, "", location.pathname);
  form.hidden = !token;
  say(token ? "" : "This link is not complete. Open it again from the mail.", token ? "" : "bad");
}

function problemText(problem) {
  const faults = Array.isArray(problem.errors) ? problem.errors : [];
  const lines = [problem.detail || problem.title, ...faults.map((fault) => fault.message)];
  return lines.filter((line) => typeof line === "string" && line).join("\n");
}

async function send() {
  const body = { token };
  if (password) body.password = password.value;
  // Without cookies: the token alone says whose account it is. The mode stays
  // "cors", since under our referrer policy a browser may send any other with
  // the origin "null" (Fetch, section 3.2), which the service refuses.
  const answer = await fetch(form.dataset.to, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    redirect: "error",
  });
  if (answer.ok) return { done: true };
  const problem = await answer.json().catch(() => ({}));
  return { text: problemText(problem || {}) || "That did not work. Try again in a moment." };
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (submit.disabled) return;
  if (password && password.value !== again.value) {
    say("The two passwords are not the same.", "bad");
    again.focus();
    return;
  }
  submit.disabled = true;
  say("", "");
  const unreachable = { text: "The service cannot be reached. Try again in a moment." };
  const outcome = await send().catch(() => unreachable);
  submit.disabled = false;
  if (outcome.done) {
    token = "";
    form.reset();
    form.hidden = true;
    say(form.dataset.done, "good");
  } else {
    say(outcome.text, "bad");
  }
});

if (show) {
  show.addEventListener("click", () => {
    const shown = show.getAttribute("aria-pressed") !== "true";
    show.setAttribute("aria-pressed", String(shown));
    password.type = again.type = shown ? "text" : "password";
  });
}

// A second link that is opened in this tab changes the fragment only.
window.addEventListener("hashchange", takeToken);
takeToken();
