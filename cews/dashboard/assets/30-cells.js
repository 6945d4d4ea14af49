/* The grid's theme and cells. A cell shows what its row brings; a row not loaded yet shows nothing. */
(function () {
  const React = window.React;
  const h = React.createElement;
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

  functions.cewsGridTheme = (quartz) =>
    quartz.withParams({
      backgroundColor: "var(--card)",
      foregroundColor: "var(--text)",
      headerBackgroundColor: "var(--card)",
      headerTextColor: "var(--text3)",
      headerFontWeight: 500,
      headerFontSize: 12.5,
      fontSize: 13.5,
      fontFamily: "inherit",
      borderColor: "var(--line)",
      rowHoverColor: "var(--hover)",
      selectedRowBackgroundColor: "var(--brand-soft)",
      accentColor: "var(--brand-text)",
      wrapperBorderRadius: 12,
      cellHorizontalPadding: 10,
      columnBorder: false,
      headerColumnResizeHandleDisplay: "none",
    });

  const cell = (render) => (params) => (params.data ? render(params.data) : null);
  const two = (upper, lower, more) => h("div", { className: "cell-two " + (more || "") }, upper, h("small", null, lower));

  const simulated = (row) =>
    row.simulated ? h("span", { key: "simulated", className: "icon icon-flask", role: "img", title: row.simulated, "aria-label": row.simulated }) : null;

  cells.LevelCell = cell((row) =>
    h("div", { className: "cell-centre" },
      h("span", { className: "pill pill-" + row.slug },
        h("span", { className: "shape shape-" + row.slug, "aria-hidden": true }), h("span", null, row.level))));

  cells.NameCell = cell((row) =>
    two(h("b", { title: row.name }, row.name), [row.code + " · " + row.flow, simulated(row)]));

  cells.KindCell = cell((row) => two(h("span", { title: row.shock }, row.shock), row.period));
  cells.PartnerCell = cell((row) => two(h("span", { title: row.partner }, row.partner), row.partner_code));
  cells.OpenedCell = cell((row) => two(h("span", null, row.opened), row.state));

  cells.HandlingCell = cell((row) =>
    two(h("span", { className: "stage stage-" + row.stage, title: row.handling },
      h("span", { className: "stage-mark", "aria-hidden": true }), h("span", null, row.handling)), h("span", { title: row.handled }, row.handled)));

  cells.TrendCell = cell((row) => {
    const known = row.trend.filter((number) => number !== null);
    if (known.length < 2) return null;
    const low = Math.min(...known, 0), high = Math.max(...known), wide = Math.max(row.trend.length - 1, 1);
    const at = (number, index) => [(index / wide) * 100, high > low ? 31 - ((number - low) / (high - low)) * 28 : 17];
    const points = row.trend.map((number, index) => (number === null ? null : at(number, index))).filter(Boolean);
    const last = points[points.length - 1];
    return h("div", { className: "cell-centre" },
      h("svg", { className: "spark spark-" + row.slug, viewBox: "0 0 100 34", preserveAspectRatio: "none", "aria-hidden": true },
        h("polyline", { points: points.map((p) => p.map((n) => n.toFixed(1)).join(",")).join(" ") }),
        h("circle", { cx: last[0], cy: last[1], r: 3 })));
  });

  cells.ChangeCell = cell((row) => {
    const part = Math.min(Math.abs(row.ratio === null ? 0 : row.ratio), 1) * 50;
    const side = row.ratio < 0 ? { right: "50%", width: part + "%" } : { left: "50%", width: part + "%" };
    return h("div", { className: "cell-two cell-right" },
      h("span", { className: "figure" }, h("small", null, row.measure), h("b", null, row.change)),
      h("span", { className: "deviation deviation-" + row.slug, "aria-hidden": true }, h("i", { style: side })));
  });
})();
