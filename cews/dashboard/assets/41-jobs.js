/* Cancelling a run. Its button is made anew with every look at the progress, so the page listens instead of Dash, which
   would take every new button for a click. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-run]");
  if (!button) return;
  button.disabled = true;
  window.dash_clientside.set_props("jobs-stop", { data: { run: Number(button.dataset.run), at: Date.now() } });
});
