"use strict";
follow("/events", (studies) => {
  const list = document.getElementById("studies");
  document.getElementById("none").hidden = studies.length > 0;
  const old = new Map(Array.from(list.children, (e) => [e.dataset.id, e]));
  const rows = studies.map((s) => {
    const e = old.get(s.id) || make("li", { "data-id": s.id }, make("a", { href: "/study/" + s.id }, s.name), " ", make("span", { class: "soft" }));
    say(e.querySelector("span"), s.sentence);
    let bar = e.querySelector("progress");
    if (s.running && !bar) {
      bar = make("progress", { max: "1", "aria-label": s.name + ": share of the updates that are done" });
      e.append(" ", bar);
    }
    if (!s.running && bar) bar.remove();
    else if (bar) bar.value = s.share;
    return e;
  });
  if (rows.some((e, i) => list.children[i] !== e) || rows.length !== list.children.length) {
    const focused = document.activeElement;
    list.replaceChildren(...rows);
    if (list.contains(focused)) focused.focus();
  }
});
