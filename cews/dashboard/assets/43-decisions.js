/* Decisions about alerts: which ones are meant, what is asked before, and the keys. The server does and refuses. */
(function () {
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const desk = () => document.getElementById("decisions"); /* only where the reader may decide */
  const DAY = 86400000;
  const own = new Map(); /* alerts and the versions that this reader's own decisions have made */
  let targets = []; /* alerts and the versions that were seen */
  let waiting = []; /* what was asked while another decision is under way */
  let since = 0; /* when the one under way was sent */
  let undo = []; /* what the newest decision can be taken back of */

  /* A page of one event names its alerts; the inbox knows what is ticked and what is open. */
  function meant(inPanel) {
    const listed = document.querySelector("[data-seen]");
    return listed ? JSON.parse(listed.dataset.seen) : window.cewsTargets(inPanel);
  }

  function ask(action, more) {
    if (!targets.length) return;
    document.querySelectorAll("dialog.decide[open]").forEach((dialog) => dialog.close());
    waiting.push({ action, alerts: targets, ...more });
    if (Date.now() - since > 10000) send();
  }

  /* One after the other, so that nobody comes in conflict with oneself. */
  function send() {
    const next = waiting.shift();
    since = next ? Date.now() : 0;
    if (!next) return;
    const alerts = next.alerts.map(([alert, version]) => [alert, Math.max(version, own.get(alert) || 0)]);
    set("decision-asked", { data: { ...next, alerts, at: since } });
  }

  function show(name) {
    const dialog = document.getElementById(name + "-dialog"), count = dialog.querySelector("[data-targets]");
    count.textContent = count.dataset.targets.replace("{number}", targets.length.toLocaleString());
    dialog.showModal();
    const first = dialog.querySelector(".choices button");
    if (first) first.focus();
  }

  const text = (id) => (document.getElementById(id) || { value: "" }).value;
  const inDays = (days) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

  const steps = {
    acknowledge: () => ask("acknowledge"),
    investigate: () => ask("investigate"),
    wake: () => ask("wake"),
    mine: () => ask("assign", { to: desk().dataset.reader }),
    close(button) {
      if (!button || !button.dataset.outcome) return show("close");
      ask("close", { outcome: button.dataset.outcome, body: text("close-comment") });
      set("close-comment", { value: "" });
    },
    snooze(button) {
      if (!button || button.dataset.days === undefined) return show("snooze");
      ask("snooze", { until: button.dataset.days ? inDays(Number(button.dataset.days)) : text("snooze-until") });
    },
    assign(button) {
      if (!button || button.dataset.to === undefined) return show("assign");
      ask("assign", { to: button.dataset.to });
    },
    comment() {
      ask("comment", { body: text("comment") });
    },
    undo() {
      targets = undo;
      ask("undo");
    },
    cancel(button) {
      button.closest("dialog").close();
    },
  };

  function begin(action, button) {
    if (!desk()) return false;
    if (!button || !button.closest("dialog")) targets = meant(Boolean(button && button.closest("#panel")));
    if (!["undo", "cancel"].includes(action) && !targets.length) return false;
    steps[action](button);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-decision]");
    if (button) begin(button.dataset.decision, button);
    else if (event.target.closest("#decision-said")) set("decision-said", { children: [] }); /* read and put away */
  });

  /* In the dialog of outcomes a figure chooses one. */
  document.addEventListener("keydown", (event) => {
    const dialog = event.target.closest("dialog.decide");
    if (!dialog || event.target.closest("input, textarea")) return;
    const button = dialog.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
    if (button) {
      event.preventDefault();
      button.click();
    }
  });

  const key = (action) => () => begin(action);
  Object.assign((window.cewsKeys = window.cewsKeys || {}), {
    a: key("acknowledge"), i: key("investigate"), c: key("close"), s: key("snooze"), m: key("mine"), u: key("undo"),
  });

  Object.assign(window.dash_clientside.cews, {
    decided(made) {
      undo = (made && made.undo) || [];
      ((made && made.seen) || []).forEach(([alert, version]) => own.set(alert, version));
      if (made && made.commented) set("comment", { value: "" });
      send();
      return window.dash_clientside.no_update;
    },
  });
})();
