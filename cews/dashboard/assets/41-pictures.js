/* A chart as a picture: with its title and, below it, where the numbers come from, when they were known, and that they are
   simulated where they are. Drawn on white whatever the colours of the page. */
(function () {
  const said = (selector) => document.querySelector(selector)?.innerText.trim() || "";
  const plain = (words) => words.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  function dressed(plot, title, note) {
    const layout = structuredClone(plot.layout), margin = layout.margin || {};
    const below = { xref: "paper", yref: "paper", x: 0, y: 0, yshift: -44, xanchor: "left", yanchor: "top", showarrow: false };
    return {
      ...layout,
      autosize: false,
      paper_bgcolor: "#ffffff",
      plot_bgcolor: "#ffffff",
      title: { text: plain(title), x: 0.012, xanchor: "left", y: 0.975, yanchor: "top", font: { size: 18, color: "#1b2430" } },
      margin: { ...margin, l: Math.max(margin.l || 0, 24), t: 76, b: 84 },
      annotations: [...(layout.annotations || []), { ...below, text: plain(note), font: { size: 12, color: "#5b6675" } }],
    };
  }

  async function save(button) {
    const { picture, note } = button.dataset, page = said("h1 > span:first-child") || said("h1");
    const title = page + " · " + button.dataset.title;
    const plot = button.closest(".figure").querySelector(".js-plotly-plot"), box = plot.getBoundingClientRect();
    const about = [said(".nav-foot p"), note, said(".banner-simulated"), "C-EWS"].filter(Boolean).join(" · ");
    const figure = { data: plot.data, layout: dressed(plot, title, about), config: { topojsonURL: "/assets/topojson/" } };
    const size = { width: Math.max(900, Math.round(box.width)), height: Math.max(420, Math.round(box.height)) + 120 };
    const link = document.createElement("a");
    link.href = await window.Plotly.toImage(figure, { format: picture, ...size, scale: picture === "png" ? 2 : 1 });
    link.download = title.replace(/[^\p{L}\p{N}]+/gu, "-") + "." + picture;
    link.click();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-picture]"), file = event.target.closest("a.file.follows");
    if (button) save(button);
    if (file) file.search = location.search; /* the file of a list has the filter of the list */
  });
})();
