/* The field for a file comes without a name for those who do not see it: it gets the words that stand around it. */
(function () {
  function name() {
    const field = document.querySelector(".drop input:not([aria-label])");
    if (field) field.setAttribute("aria-label", field.closest(".drop").textContent.trim());
  }
  new MutationObserver(name).observe(document.documentElement, { childList: true, subtree: true });
})();
