// Filters the claims of this page by text, system, verdict and kind of statement. The state lives in
// the address, so that it can be kept and shared; a claim named behind # is shown whatever the filter.
"use strict";
(() => {
  const form = document.getElementById("filter");
  const count = document.getElementById("count");
  const fields = { q: "search", system: "system", verdict: "verdict", kind: "kind" };
  const claims = [...document.querySelectorAll("article.claim")].map((article) => ({
    article,
    text: article.textContent.toLowerCase() + " " + (article.dataset.covers || ""),
  }));
  const field = (name) => document.getElementById(fields[name]);
  const named = () => {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return null; /* no text, so no name */ }
    const place = id && document.getElementById(id);
    return place ? place.closest("article.claim") : null;
  };

  function apply() {
    const words = field("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = ["system", "verdict", "kind"].map((name) => [name, field(name).value]);
    const target = named();
    let visible = 0;
    for (const { article, text } of claims) {
      const fits =
        wanted.every(([name, value]) => !value || article.dataset[name] === value) &&
        words.every((word) => text.includes(word));
      article.hidden = !fits && article !== target;
      if (!article.hidden) visible += 1;
    }
    count.textContent = visible === 1 ? "1 claim" : `${visible} claims`;
  }

  function remember() {
    const query = new URLSearchParams();
    for (const name of Object.keys(fields)) {
      if (field(name).value) query.set(name, field(name).value);
    }
    const address = query.size ? `?${query}` : location.pathname;
    // some browsers forbid this for files; then the filter works all the same
    try { history.replaceState(null, "", address); } catch { /* not kept */ }
  }

  function show() {
    apply();
    const target = named();
    if (!target) return;
    for (const details of target.querySelectorAll("details")) details.open = true;
    target.scrollIntoView();
  }

  const query = new URLSearchParams(location.search);
  for (const name of Object.keys(fields)) field(name).value = query.get(name) || "";
  form.hidden = false;
  form.addEventListener("input", () => { remember(); apply(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { remember(); apply(); }));
  addEventListener("hashchange", show);
  show();
})();
