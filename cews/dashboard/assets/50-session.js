/* When the session is over, the role does not allow something, or it is a replay, the page says so and stays as it is. */
(function () {
  const ask = window.fetch;
  const show = (id) => {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
  };

  function signedOut() {
    const link = document.querySelector("#signed-out a");
    if (link) link.href = "/sign-in?" + new URLSearchParams({ next: location.pathname + location.search });
    show("signed-out");
  }

  window.fetch = async function (...asked) {
    const answer = await ask.apply(this, asked);
    const told = { 401: signedOut, 403: () => show("refused"), 409: () => show("in-replay") }[answer.status];
    if (!told) return answer;
    told();
    return new Response(null, { status: 204 }); /* nothing changes on the page */
  };

  /* The user's menu closes like any other. */
  const menu = () => document.querySelector(".who[open]");
  document.addEventListener("click", (event) => menu() && !menu().contains(event.target) && menu().removeAttribute("open"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu()) return;
    const summary = menu().querySelector("summary");
    menu().removeAttribute("open");
    summary.focus();
  });
})();
