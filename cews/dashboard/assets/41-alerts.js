/* The inbox: the filter in the address, the alert that is open, the rows that are ticked, and the keys for both. */
(function () {
  const none = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const NARROW = matchMedia("(max-width: 900px)"), MEDIUM = matchMedia("(max-width: 1400px)"), WIDE = matchMedia("(min-width: 1700px)");
  const ONE = ["state", "handling", "assignee", "flow", "event", "from", "to", "q"], MANY = ["level", "class", "chapter", "partner"];
  const onAlerts = () => location.pathname.startsWith("/alerts");
  const withGrid = (work) => window.dash_ag_grid.getApiAsync("alerts-grid").then(work); /* waits for it */
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  let grid = null; /* the interface of the grid on the page, once it is there */
  let shown = ""; /* the filter whose rows the grid holds */
  let made = null; /* the decision the grid has seen */
  let open = null; /* the alert in the panel, or on its way there */
  let drawn = null; /* the one whose row is marked */
  let place = -1; /* its row, also once it has left the list */
  let waiting = null; /* a step that was asked for before the rows had come */

  /* The address says what is shown, without a new page: a reload or a sent link shows the same. */
  function address(filter) {
    const kept = new URLSearchParams(location.search), query = new URLSearchParams();
    if (kept.get("as_of")) query.set("as_of", kept.get("as_of"));
    ONE.forEach((key) => filter[key] && filter[key] !== "open" && query.set(key, filter[key]));
    MANY.forEach((key) => filter[key].forEach((value) => query.append(key, value)));
    history.replaceState(history.state, "", (open === null ? "/alerts" : "/alerts/" + open) + (query.size ? "?" + query : ""));
  }

  Object.assign(window.dash_clientside.cews, {
    filter(...values) {
      const before = values.pop(), now = {};
      ONE.forEach((key, number) => { now[key] = (values[number] || "").trim(); });
      MANY.forEach((key, number) => { now[key] = values[ONE.length + number] || []; });
      now.state = now.state || "open";
      return same(now, { ...before }) ? none() : now;
    },
    unchoose(closes) {
      return closes ? 0 : none();
    },
    mirror(filter, chosen, decision) {
      if (!onAlerts()) return none();
      open = chosen || null;
      address(filter);
      const asked = JSON.stringify(filter);
      withGrid((api) => {
        if (api !== grid) attach(api);
        else if (asked !== shown) api.purgeInfiniteCache();
        else if (decision !== made) api.refreshInfiniteCache();
        shown = asked;
        made = decision;
        redraw([drawn, open]);
        if (drawn !== open && open !== null) emptyComment();
        drawn = open;
      });
      return "card panel" + (open === null ? "" : " panel-open");
    },
  });

  window.dashAgGridFunctions.cewsRowClass = (params) => (params.data && Number(params.data.id) === open ? "row-open" : "");

  function attach(api) {
    grid = api;
    place = -1;
    columns();
    api.addEventListener("rowClicked", (event) => {
      if (event.data && !event.event.target.closest(".ag-selection-checkbox, .ag-checkbox")) choose(event.node);
    });
    api.addEventListener("selectionChanged", ticked);
    api.addEventListener("modelUpdated", () => {
      const node = open !== null && api.getRowNode(String(open));
      if (node && node.data) place = node.rowIndex;
      if (waiting && api.isLastRowIndexKnown()) waiting();
    });
  }

  function redraw(numbers) {
    const nodes = numbers.map((number) => number !== null && grid.getRowNode(String(number))).filter(Boolean);
    if (nodes.length) grid.redrawRows({ rowNodes: nodes });
  }

  /* Known at once: the next key may come before the page has answered this one. */
  function choose(node) {
    place = node.rowIndex;
    open = Number(node.data.id);
    set("alerts-chosen", { data: open });
  }

  const emptyComment = () => document.getElementById("comment") && set("comment", { value: "" });

  /* A narrow screen has room for three columns, of which boxes to tick may be one; a small desk for six. */
  function columns() {
    if (!grid || grid.isDestroyed()) return;
    const button = document.getElementById("alerts-pick"), picking = button && button.getAttribute("aria-pressed") === "true";
    grid.setColumnsVisible(["shock", "trend", "handling"], !NARROW.matches);
    grid.setColumnsVisible(["ag-Grid-SelectionColumn"], picking || !NARROW.matches);
    grid.setColumnsVisible(["change"], !(picking && NARROW.matches));
    grid.setColumnsVisible(["partner"], !MEDIUM.matches);
    grid.setColumnsVisible(["opened"], !NARROW.matches && (WIDE.matches || !grid.getColumn("handling")));
  }
  [NARROW, MEDIUM, WIDE].forEach((width) => width.addEventListener("change", columns));

  /* How many rows are ticked, and what can be done to them. */
  function ticked() {
    const bulk = document.getElementById("bulk");
    if (!bulk) return;
    const number = grid.getSelectedNodes().length, count = bulk.querySelector("[data-words]");
    bulk.classList.toggle("hidden", !number);
    count.textContent = count.dataset.words.replace("{number}", number.toLocaleString());
  }

  /* The row beside the open one; where that has left the list, the one that came into its place. */
  function beside(api, by) {
    const node = open === null ? null : api.getRowNode(String(open));
    const from = node && node.data ? node.rowIndex + by : open === null || place < 0 ? 0 : by > 0 ? place : place - 1;
    const found = api.getDisplayedRowAtIndex(Math.max(0, Math.min(from, api.getDisplayedRowCount() - 1)));
    return found && found.data ? found : null;
  }

  const step = (by, tick) => onAlerts() && withGrid((api) => {
    const from = open === null ? null : api.getRowNode(String(open)), node = beside(api, by);
    waiting = node || api.isLastRowIndexKnown() ? null : () => step(by, tick);
    if (!node) return;
    if (tick) [from, node].forEach((one) => one && one.data && one.selectable !== false && one.setSelected(true));
    choose(node);
    api.ensureIndexVisible(node.rowIndex);
  });

  const tick = () => onAlerts() && withGrid((api) => {
    const node = open === null ? null : api.getRowNode(String(open));
    if (node && document.getElementById("bulk")) node.setSelected(!node.isSelected());
  });

  function enter() {
    const node = onAlerts() && grid && open !== null && grid.getRowNode(String(open));
    if (!node || !node.data) return false;
    location.assign(node.data.href);
  }

  /* First what is ticked, then the panel. */
  function escape() {
    if (!onAlerts()) return false;
    if (grid && grid.getSelectedNodes().length) grid.deselectAll();
    else set("alerts-chosen", { data: 0 });
  }

  Object.assign((window.cewsKeys = window.cewsKeys || {}), {
    j: () => step(1),
    k: () => step(-1),
    J: () => step(1, true),
    K: () => step(-1, true),
    x: tick,
    Enter: enter,
    Escape: escape,
    e: escape,
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#bulk-clear") && grid) grid.deselectAll();
    const fold = event.target.closest("#alerts-fold"), pick = event.target.closest("#alerts-pick");
    if (pick) {
      pick.setAttribute("aria-pressed", pick.getAttribute("aria-pressed") !== "true");
      if (grid) grid.deselectAll();
      columns();
    }
    if (fold) fold.setAttribute("aria-expanded", document.getElementById("alerts-toolbar").classList.toggle("unfolded"));
  });

  /* Which alerts a decision is about: those that are ticked, else the one in the panel. */
  window.cewsTargets = (inPanel) => {
    const rows = !inPanel && grid && !grid.isDestroyed() ? grid.getSelectedNodes().filter((node) => node.data) : [];
    if (rows.length) return rows.map((node) => [Number(node.data.id), node.data.version]);
    const panel = document.querySelector("#panel-inner [data-alert]");
    return panel && open !== null ? [[Number(panel.dataset.alert), Number(panel.dataset.version)]] : [];
  };
})();
