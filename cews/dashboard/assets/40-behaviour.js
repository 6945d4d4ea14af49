/* What happens in the browser on any page: title, menu, language, colours, tables of charts, keys. */
(function () {
  const none = () => window.dash_clientside.no_update;
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.cews = {
    title(words) {
      if (words) document.title = words;
      return none();
    },
    menu(opened, navbar) {
      return { ...navbar, collapsed: { mobile: !opened } };
    },
    closeMenu() {
      return false;
    },
    closeSearch(_path, words) {
      return words ? "" : none();
    },
    language() {
      const pressed = window.dash_clientside.callback_context.triggered_id;
      const clicked = window.dash_clientside.callback_context.triggered[0];
      if (!pressed || !clicked || !clicked.value) return none();
      const code = pressed.replace("language-", "");
      document.cookie = "cews_language=" + code + ";path=/;max-age=31536000;samesite=lax";
      location.reload();
      return none();
    },
    scheme(clicks) {
      if (!clicks) return none();
      const root = document.documentElement, order = ["light", "dark", "auto"];
      const next = order[(order.indexOf(root.getAttribute("data-scheme")) + 1) % order.length];
      root.setAttribute("data-scheme", next);
      localStorage.setItem("mantine-color-scheme-value", next);
      dispatchEvent(new StorageEvent("storage", { key: "mantine-color-scheme-value", newValue: next, storageArea: localStorage }));
      return none();
    },
  };

  /* A chart's table is made when it is opened; its first row are the headings. */
  document.addEventListener("toggle", (event) => {
    const place = event.target.open && event.target.querySelector("[data-table]");
    if (!place || place.firstChild) return;
    const table = document.createElement("table");
    table.className = "table compact";
    JSON.parse(place.dataset.table).forEach((words, number) => {
      const row = (number ? table.tBodies[0] || table.createTBody() : table.createTHead()).insertRow();
      words.forEach((word, column) => {
        const cell = row.appendChild(document.createElement(number ? "td" : "th"));
        if (!number) cell.scope = "col";
        if (column) cell.className = "number";
        cell.textContent = word;
      });
    });
    place.append(table);
  }, true);

  /* Keys: a page adds its own to the table; those of ``going`` count after a g. */
  let leader = 0;
  const go = (path) => location.assign(path + (new URLSearchParams(location.search).get("as_of") ? "?as_of=" + new URLSearchParams(location.search).get("as_of") : ""));
  const going = { o: "/", a: "/alerts", e: "/events" };
  const keys = (window.cewsKeys = window.cewsKeys || {});
  Object.assign(keys, {
    "/": () => document.getElementById("search").focus(),
    "?": () => go("/help"),
    g: () => { leader = Date.now(); },
  });

  function closeSearchBox() {
    const search = document.getElementById("search");
    if (document.activeElement !== search && !document.activeElement.closest(".search-results")) return false;
    window.dash_clientside.set_props("search", { value: "" });
    search.blur();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") return walk(event);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && closeSearchBox()) return;
    const target = event.target;
    if (event.key !== "Escape" && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable=true]")) return;
    if (event.key === "Enter" && target.closest("a, button, summary, label")) return;
    const path = Date.now() - leader < 1500 && going[event.key];
    const action = path ? () => go(path) : keys[event.key];
    leader = 0;
    if (action && action() !== false && event.key !== "Escape") event.preventDefault();
  });

  /* Arrows walk through what the search found. */
  function walk(event) {
    const links = [...document.querySelectorAll(".search-result")];
    const here = links.indexOf(document.activeElement);
    if (!links.length || (here < 0 && document.activeElement.id !== "search")) return;
    event.preventDefault();
    const next = here + (event.key === "ArrowDown" ? 1 : -1);
    (next < 0 ? document.getElementById("search") : links[Math.min(next, links.length - 1)]).focus();
  }
})();
