"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const colours = 7, dashes = 4; // classes in the style sheets
  const look = (l) => "c" + (l.colour % colours) + " d" + (Math.floor(l.colour / colours) % dashes);
  let emphasis = null, last = null;

  follow("/study/" + document.body.dataset.id + "/events", (s) => { last = s; show(s); });

  function show(s) {
    say(at("name"), s.name);
    say(at("about"), s.about || "");
    say(at("sentence"), s.sentence);
    document.title = (s.phase === "running" ? Math.floor(100 * s.share) + "% " : "") + s.name + " – gradflow";
    document.body.dataset.phase = s.phase;
    at("progress").hidden = s.phase === "gone";
    at("progress").value = s.share;
    say(at("numbers"), [s.recorded + " of " + s.planned + " runs recorded", s.diverged ? s.diverged + " diverged" : "", s.failed ? s.failed + " failed" : "",
      s.damaged ? s.damaged + " damaged" : ""].filter(Boolean).join(" · "));
    at("numbers").hidden = s.phase === "gone" || s.phase === "running" || (s.phase === "complete" && !s.diverged);
    say(at("report"), s.phase === "complete" ? "Report" : "Report of what is recorded so far");
    at("report").hidden = s.phase === "gone";
    at("running").hidden = s.running.length === 0;
    say(at("running-score"), "validation " + s.score);
    at("runs").replaceChildren(...s.running.map((r) => make("tr", {},
      make("td", {}, r.label), make("td", { class: "n" }, String(r.seed)), make("td", { class: "n" }, r.step + " of " + r.steps),
      make("td", {}, make("progress", { max: String(r.steps), value: String(r.step), "aria-label": r.label + ", seed " + r.seed + ": steps done" })),
      make("td", { class: "n" }, number(r.score)))));
    facets(s);
    say(at("hidden"), s.hidden || "");
    at("failed").hidden = s.failures.length === 0;
    at("failures").replaceChildren(...s.failures.map((f) => make("tr", {}, make("td", {}, f.label), make("td", { class: "n" }, f.seed ? String(f.seed) : ""), make("td", {}, f.reason))));
    at("warnings").hidden = s.warnings.length === 0;
    at("warnings").querySelector("ul").replaceChildren(...s.warnings.map((w) => make("li", {}, w)));
  }

  function facets(s) {
    const box = at("facets");
    const open = new Map(Array.from(box.children, (e) => [e.dataset.label, e]));
    const want = s.facets.map((f) => {
      let e = open.get(f.label);
      if (!e) {
        e = make("article", { "data-label": f.label, class: "facet" }, make("h3", {}), make("p", { class: "best" }),
          make("div", { class: "curves" }), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Scores" + (f.label ? " of " + f.label : "") },
            make("table", {}, make("thead", {}), make("tbody", {}))));
      }
      const h = e.querySelector("h3");
      say(h, f.label);
      h.hidden = !f.label;
      say(e.querySelector(".best"), f.best || "No run has ended yet.");
      e.querySelector("thead").replaceChildren(make("tr", {}, make("th", {}, "what"), make("th", { class: "n" }, "median " + s.score), make("th", { class: "n" }, "runs")));
      e.querySelector("tbody").replaceChildren(...f.lines.map((l) => {
        const row = make("tr", {}, make("th", { scope: "row" }, make("span", { class: "swatch " + look(l), "aria-hidden": "true" }), l.label),
          make("td", { class: "n" }, number(l.median)), make("td", { class: "n" }, l.done + " of " + l.planned,
            ...(l.running ? [make("small", { class: "under" }, l.running + " in progress")] : []),
            ...(l.diverged ? [make("small", { class: "under bad" }, l.diverged + " diverged")] : [])));
        row.addEventListener("pointerenter", () => { emphasis = l.label; curves(e, s, f); });
        row.addEventListener("pointerleave", () => { emphasis = null; curves(e, s, f); });
        return row;
      }));
      return [e, f];
    });
    if (want.some(([e], i) => box.children[i] !== e) || want.length !== box.children.length) box.replaceChildren(...want.map(([e]) => e));
    for (const [e, f] of want) curves(e, s, f);
  }

  function curves(e, s, f) {
    const lines = f.lines.filter((l) => l.steps && l.steps.length);
    const box = e.querySelector(".curves");
    box.hidden = lines.length === 0;
    if (!lines.length) return;
    const loss = s.score === "loss", of = (v) => v == null || (loss && v <= 0) ? null : loss ? Math.log10(v) : v;
    const all = lines.flatMap((l) => l.scores.map(of)).filter((v) => v != null);
    let y = [0, 1];
    if (loss) y = all.length ? [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))] : [0, 1];
    if (y[0] === y[1]) y[1]++;
    const end = Math.max(1, ...lines.map((l) => l.steps[l.steps.length - 1]));
    chart(box, {
      height: 260, x: [0, end], y, xLabel: "step", yLabel: "validation " + s.score,
      ...(loss ? { yTicks: evenTicks(y[0], y[1], 4).filter(Number.isInteger), yText: powerText } : {}),
      label: "Median validation " + s.score + " by step" + (f.label ? ", " + f.label : "") + ". The table has the last values.",
      lines: lines.map((l) => ({ x: l.steps, y: l.scores.map(of), class: look(l) + (emphasis && emphasis !== l.label ? " faded" : "") })),
      read: (x) => {
        const parts = lines.map((l) => {
          let i = 0;
          while (i + 1 < l.steps.length && l.steps[i + 1] <= x) i++;
          return l.label + " " + number(l.scores[i]);
        });
        return "step " + Math.round(x) + ": " + parts.slice(0, 8).join(", ") + (parts.length > 8 ? " …" : "");
      },
    });
  }
})();
