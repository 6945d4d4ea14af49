/* The filters of the pages about suppliers stand in the address; a country of the map leads to its page. */
(function () {
  const none = () => window.dash_clientside.no_update;

  /* Writes what differs from the usual into the address, without a new page; the day of a replay stays. */
  function write(query) {
    const kept = new URLSearchParams(location.search), next = new URLSearchParams();
    if (kept.get("as_of")) next.set("as_of", kept.get("as_of"));
    Object.entries(query).forEach(([name, value]) => value && next.set(name, value));
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
})();
