/* What happens in the browser: title, menu, language, colours, the filter in the address, keys. */
(function () {
  const none = () => window.dash_clientside.no_update;
  const NARROW = matchMedia("(max-width: 900px)");
  const MEDIUM = matchMedia("(max-width: 1400px)");
  let grid = null; /* the interface of the grid on the page, once it is there */
  const withGrid = (work) => window.dash_ag_grid.getApiAsync("alerts-grid").then(work); /* waits for it */
  const onAlerts = () => location.pathname.startsWith("/alerts");

  /* The address says what is shown, without a new page: a reload or a sent link shows the same. */
  function address(filter, chosen) {
    const kept = new URLSearchParams(location.search), query = new URLSearchParams();
    if (kept.get("as_of")) query.set("as_of", kept.get("as_of"));
    if (filter.state !== "open") query.set("state", filter.state);
    filter.level.forEach((level) => query.append("level", level));
    filter.class.forEach((kind) => query.append("class", kind));
    if (filter.q) query.set("q", filter.q);
    const path = chosen === null || chosen === undefined ? "/alerts" : "/alerts/" + chosen;
    history.replaceState(history.state, "", path + (query.size ? "?" + query : ""));
  }

  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

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
    closeSearch() {
      return "";
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
    filter(state, level, kind, words, before) {
      const now = { state: state || "open", level: level || [], class: kind || [], q: (words || "").trim() };
      return same(now, before) ? none() : now;
    },
    choose(rows, closes, before) {
      if (window.dash_clientside.callback_context.triggered_id === "panel-close") return closes ? null : none();
      const chosen = rows && rows.length ? Number(rows[0].id) : before;
      return chosen === before ? none() : chosen;
    },
    mirror(filter, chosen) {
      if (!onAlerts()) return none();
      address(filter, chosen);
      const asked = JSON.stringify(filter);
      withGrid((api) => {
        const before = api === grid ? wanted : null;
        if (api !== grid) attach(api);
        else if (asked !== shown) api.purgeInfiniteCache();
        shown = asked;
        wanted = chosen === undefined ? null : chosen;
        if (wanted !== null) select();
        else if (before !== null) api.deselectAll();
      });
      return "card panel" + (chosen === null || chosen === undefined ? "" : " panel-open");
    },
  };

  let shown = ""; /* the filter whose rows the grid holds */
  let wanted = null; /* the alert to be selected once its row is loaded */

  function attach(api) {
    grid = api;
    narrow();
    api.addEventListener("modelUpdated", select);
  }

  function select() {
    const node = wanted === null || grid.isDestroyed() ? null : grid.getRowNode(String(wanted));
    if (node && node.data && !node.isSelected()) node.setSelected(true, true);
  }

  /* A narrow screen has room for three columns, a small desk for six. */
  function narrow() {
    if (!grid || grid.isDestroyed()) return;
    grid.setColumnsVisible(["shock", "trend", "opened"], !NARROW.matches);
    grid.setColumnsVisible(["partner"], !MEDIUM.matches);
  }

  function step(by) {
    onAlerts() && withGrid((api) => {
      const chosen = api.getSelectedNodes()[0];
      const index = chosen ? chosen.rowIndex + by : 0;
      const node = api.getDisplayedRowAtIndex(Math.max(0, Math.min(index, api.getDisplayedRowCount() - 1)));
      if (!node || !node.data) return;
      node.setSelected(true, true);
      api.ensureIndexVisible(node.rowIndex);
    });
  }

  function open() {
    onAlerts() && withGrid((api) => {
      const chosen = api.getSelectedNodes()[0];
      if (chosen) location.assign(chosen.data.href);
    });
  }

  function close() {
    const search = document.getElementById("search");
    if (document.activeElement === search || document.activeElement.closest(".search-results")) {
      window.dash_clientside.set_props("search", { value: "" });
      search.blur();
    } else if (document.getElementById("panel")) {
      window.dash_clientside.set_props("alerts-chosen", { data: null });
    }
  }

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

  let leader = 0;
  const go = (path) => location.assign(path + (new URLSearchParams(location.search).get("as_of") ? "?as_of=" + new URLSearchParams(location.search).get("as_of") : ""));
  const keys = {
    "/": () => document.getElementById("search").focus(),
    "?": () => go("/help"),
    j: () => step(1),
    k: () => step(-1),
    Enter: open,
    g: () => { leader = Date.now(); },
    o: () => Date.now() - leader < 1500 && go("/"),
    a: () => Date.now() - leader < 1500 && go("/alerts"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") return walk(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.closest("input, textarea, select, [contenteditable=true]")) return;
    if (event.key === "Enter" && target.closest("a, button, summary, label")) return;
    const action = keys[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
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

  [NARROW, MEDIUM].forEach((width) => width.addEventListener("change", narrow));
})();
