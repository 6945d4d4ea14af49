/* Sets the colour scheme before anything is painted. Kept where Mantine keeps it. */
(function () {
  const stored = localStorage.getItem("mantine-color-scheme-value");
  const wanted = stored === "light" || stored === "dark" ? stored : "auto";
  const dark = wanted === "dark" || (wanted === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  document.documentElement.setAttribute("data-scheme", wanted);
})();
