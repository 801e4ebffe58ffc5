// Freshens the board and sends its forms without leaving the page. Everything also works without this file.
const EVERY = 700; // milliseconds
const shown = new Map([...document.querySelectorAll("[data-part]")].map((part) => [part.id, part.outerHTML]));
let tag = "";
let turn = 0; // what was asked for before the newest answer is not shown any more
let sending = false;

const fieldsOf = (root) => [...root.querySelectorAll("input:not([type=hidden]), textarea, select")].filter((f) => f.form?.id);
const keyOf = (f) => `${f.form.id} ${f.name} ${f.type === "radio" ? f.value : ""}`;
const typed = (f) =>
  f.type === "radio" || f.type === "checkbox"
    ? f.checked !== f.defaultChecked
    : f.tagName === "SELECT"
      ? [...f.options].some((o) => o.selected !== o.defaultSelected)
      : f.value !== f.defaultValue;

function remember(root, sent) {
  const kept = { fields: new Map(), scroll: new Map(), open: new Set(), focus: null };
  for (const f of fieldsOf(root)) {
    if (f.form.id !== sent && typed(f)) kept.fields.set(keyOf(f), f.type === "radio" || f.type === "checkbox" ? f.checked : f.value);
    if (f === document.activeElement) kept.focus = [keyOf(f), f.selectionStart, f.selectionEnd];
  }
  for (const box of root.querySelectorAll(".scroll[id]")) kept.scroll.set(box.id, box.scrollTop);
  for (const box of root.querySelectorAll("details[open][id]")) kept.open.add(box.id);
  return kept;
}

function restore(root, kept) {
  for (const box of root.querySelectorAll("details[id]")) box.open = kept.open.has(box.id);
  for (const f of fieldsOf(root)) {
    const key = keyOf(f);
    if (kept.fields.has(key)) f[f.type === "radio" || f.type === "checkbox" ? "checked" : "value"] = kept.fields.get(key);
    if (kept.focus?.[0] === key) {
      f.focus({ preventScroll: true });
      if (kept.focus[1] !== null && f.setSelectionRange) f.setSelectionRange(kept.focus[1], kept.focus[2]);
    }
  }
  for (const [id, top] of kept.scroll) document.getElementById(id)?.scrollTo(0, top);
}

function show(html, sent = "") {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old || (shown.get(part.id) === part.outerHTML && !sent)) continue;
    shown.set(part.id, part.outerHTML);
    const kept = remember(old, sent);
    old.replaceWith(part);
    restore(part, kept);
  }
}

async function go(url, options = {}, sent = "") {
  const mine = ++turn;
  const answer = await fetch(url, options);
  const html = await answer.text();
  if (!answer.ok) return document.body.replaceWith(new DOMParser().parseFromString(html, "text/html").body); // it says why
  if (mine !== turn) return;
  history.replaceState(null, "", answer.url);
  tag = "";
  show(html, sent);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-live]")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const to = form.getAttribute("action") ?? location.pathname;
  if (form.method !== "post") return void go(`${to}?${body}`);
  if (sending) return; // a double click is one click
  sending = true;
  go(to, { method: "POST", body }, form.id).finally(() => (sending = false));
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-live]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});
document.addEventListener("change", (event) => event.target.closest("form.picker")?.requestSubmit());
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.closest("form[data-live]")?.requestSubmit();
});

document.addEventListener("input", (event) => {
  const pin = event.target.closest("[data-pin]")?.dataset.pin; // what somebody writes in stays open
  if (!pin) return;
  const query = new URLSearchParams(location.search);
  for (const [name, value] of new URLSearchParams(pin)) query.set(name, value);
  history.replaceState(null, "", `?${query}`);
});

setInterval(async () => {
  if (document.hidden) return;
  const mine = turn;
  const answer = await fetch(`/sandbox/board${location.search}`, { headers: tag ? { "If-None-Match": tag } : {} }).catch(() => null);
  if (!answer || answer.status !== 200 || mine !== turn) return;
  const html = await answer.text();
  if (mine !== turn) return;
  tag = answer.headers.get("ETag");
  show(html);
}, EVERY);
