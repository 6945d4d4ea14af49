/* A changed field of a list leads to the address with its value, as a link does: the router shows it, back goes back. */
(function () {
  function lead(field) {
    const query = new URLSearchParams(location.search), value = field.value.trim();
    if (value === (query.get(field.dataset.query) || "")) return;
    value ? query.set(field.dataset.query, value) : query.delete(field.dataset.query);
    query.delete("page");
    history.pushState({}, "", location.pathname + (query.size ? "?" + query : ""));
    dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  document.addEventListener("change", (event) => event.target.matches("select[data-query], input[type=date][data-query]") && lead(event.target));
  document.addEventListener("focusout", (event) => event.target.matches("input[type=search][data-query]") && lead(event.target));
  document.addEventListener("search", (event) => event.target.matches("[data-query]") && lead(event.target), true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input[data-query]")) lead(event.target);
  });
})();
