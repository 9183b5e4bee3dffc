// Reads a page again while it is looked at. Everything works without this.
"use strict";

(() => {
  const part = () => document.querySelector("[data-refresh]");

  // What a person is at must not be taken from under their hands.
  const busy = (element) =>
    document.hidden ||
    element.querySelector(":focus:not(a), details[open]") !== null ||
    String(document.getSelection()) !== "";

  // What tells at once how things are: read aloud when it has changed.
  const gist = (element) => (element.querySelector("[data-aloud]") ?? element.querySelector("h1"))?.textContent;

  async function refresh() {
    const old = part();
    if (!old) return;
    if (!busy(old)) {
      try {
        const answer = await fetch(location.href, { redirect: "manual", headers: { "X-Unattended": "1" } });
        if (answer.type === "opaqueredirect") return location.reload(); // The session has ended.
        if (answer.ok) {
          const read = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = read.getElementById(old.id);
          const focused = document.activeElement?.getAttribute?.("href");
          if (fresh && !busy(old)) {
            old.replaceWith(fresh);
            if (gist(old) !== gist(fresh)) document.getElementById("aloud").textContent = gist(fresh);
            if (focused) fresh.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
          }
        }
      } catch {
        // The service is away for a moment: what is shown stays.
      }
    }
    plan();
  }

  function plan() {
    const seconds = Number(part()?.dataset.refresh);
    if (seconds > 0) setTimeout(refresh, seconds * 1000);
  }

  plan();
})();
