/* A sentence typed into the frame's box (Enter) or into the page leads to its answer. */
(function () {
  function ask(field) {
    const words = field.value.trim(), query = new URLSearchParams();
    if (!words) return;
    const day = new URLSearchParams(location.search).get("as_of");
    if (day) query.set("as_of", day);
    query.set("q", words);
    history.pushState({}, "", "/search?" + query);
    dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.target.id !== "search") return;
    event.preventDefault();
    ask(event.target);
    window.dash_clientside.set_props("search", { value: "" });
    event.target.blur();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.ask")) return;
    event.preventDefault();
    ask(event.target.elements.q);
  });

  /* One menu of the filters at a time: a click elsewhere, or Escape, closes it. */
  const open = () => [...document.querySelectorAll(".ask-chip details[open]")];
  document.addEventListener("click", (event) => open().filter((menu) => !menu.contains(event.target)).forEach((menu) => (menu.open = false)));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });
})();
