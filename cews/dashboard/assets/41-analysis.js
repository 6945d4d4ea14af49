/* What is chosen on the pages about items and suppliers stands in the address; a country of the map leads to its page. */
(function () {
  const none = () => window.dash_clientside.no_update;

  /* Writes what differs from the usual into the address, without a new page; the day of a replay stays. */
  function write(query) {
    const kept = new URLSearchParams(location.search), next = new URLSearchParams();
    if (kept.get("as_of")) next.set("as_of", kept.get("as_of"));
    Object.entries(query).forEach(([name, value]) => [value].flat().forEach((one) => one && next.append(name, one)));
    history.replaceState(history.state, "", location.pathname + (next.size ? "?" + next : ""));
  }

  function mirror(page, usual, last) {
    return (of, hs, period, chosen) => {
      if (!page.test(location.pathname) || !of) return none();
      const [reporter, flow] = of.split(":");
      write({ reporter, flow, hs, period, [last]: chosen === usual ? "" : chosen });
      return none();
    };
  }

  Object.assign(window.dash_clientside.cews, {
    suppliersAddress: mirror(/^\/suppliers\/?$/, "share", "measure"),
    supplierAddress: mirror(/^\/suppliers\/[A-Z]{3}$/, "value", "order"),
    itemAddress(range, model) {
      if (/^\/items\/./.test(location.pathname)) write({ range: range === "5" ? "" : range, model });
      return none();
    },
    compareAddress(item, measure, scale, from, to) {
      if (!/^\/compare\/?$/.test(location.pathname)) return none();
      write({ item, measure: measure === "quantity" ? "" : measure, scale: scale === "index" ? "" : scale, from, to });
      return none();
    },
    openCountry(clicked) {
      const point = clicked && clicked.points && clicked.points[0];
      const country = point && (point.location || point.customdata);
      if (!country) return none();
      const query = new URLSearchParams(location.search);
      query.delete("measure");
      location.assign("/suppliers/" + country + (query.size ? "?" + query : ""));
      return none();
    },
  });

  /* What is compared stands in the address; buttons add to it and take from it. */
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-compare-add], [data-compare-drop]");
    if (!button) return;
    const now = new URLSearchParams(location.search).getAll("item");
    const { compareAdd: more, compareDrop: less } = button.dataset;
    const next = more && !now.includes(more) ? [...now, more] : now.filter((key) => key !== less);
    window.dash_clientside.set_props("compare-lines", { data: next });
    window.dash_clientside.set_props("compare-search", { value: "" });
    document.getElementById("compare-search").focus();
  });
})();
