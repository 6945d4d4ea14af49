/* Leads to the same page as of another day: the rest of the address stays. */
(function () {
  function go(day) {
    const query = new URLSearchParams(location.search);
    day === "now" ? query.delete("as_of") : query.set("as_of", day);
    location.assign(location.pathname + (query.size ? "?" + query : ""));
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-day]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      event.stopPropagation(); /* before the router takes the address without its filter */
      go(link.dataset.day);
    } else if (event.target.closest("#replay-go")) {
      chosen();
    }
  }, true);

  function chosen() {
    const field = document.getElementById("replay-day");
    if (field.value && field.checkValidity()) go(field.value);
    else field.reportValidity();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.id === "replay-day") chosen();
  });
})();
