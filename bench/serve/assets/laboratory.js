"use strict";
(() => {
  const form = document.getElementById("settings"), sides = ["a", "b"], dead = -3, zero = -900;
  const at = (id) => document.getElementById(id);
  const halves = (side, of) => document.querySelectorAll(`.half[data-side="${side}"] ${of}`);
  const one = (side, of) => document.querySelector(`.half[data-side="${side}"] ${of}`);
  const now = { a: {}, b: {} }; // what was answered last

  // ---- asking ----

  function values(side) {
    const q = new URLSearchParams();
    for (const e of form.querySelectorAll(`[data-side="${side}"] input`)) q.set(e.dataset.key, e.value);
    q.set("steps", at("steps").value);
    q.set("seed", at("seed").value);
    return q;
  }

  function whole() {
    return new URLSearchParams(new FormData(form));
  }

  const asked = {};
  async function ask(side, what, tell) {
    const key = side + what;
    if (asked[key]) asked[key].abort();
    const control = asked[key] = new AbortController();
    try {
      const answer = await fetch("/laboratory/" + what + "?" + (side ? values(side) : whole()), { signal: control.signal });
      const body = await answer.json();
      if (side) fault(side, body.error ? body : null);
      if (!body.error) tell(body);
    } catch (e) {
      if (e.name !== "AbortError" && side) fault(side, { field: "", error: "The server does not answer: is gradflow serve still running?" });
    }
  }

  // fault shows what is wrong at its field; null: nothing is.
  function fault(side, f) {
    for (const e of form.querySelectorAll(`[data-side="${side}"] input`)) {
      const wrong = f && f.field === e.dataset.key;
      e.setAttribute("aria-invalid", String(Boolean(wrong)));
      say(at(`${side}-${e.dataset.key}-error`), wrong ? f.error : "");
    }
    const shared = { steps: at("steps-error"), seed: at("seed-error") };
    for (const [key, e] of Object.entries(shared)) say(e, f && f.field === key ? f.error : "");
    const known = f && (at(`${side}-${f.field}-error`) || shared[f.field]);
    say(document.querySelector(`[data-error="${side}"]`), f && !known ? f.error : "");
    for (const e of document.querySelectorAll(`.half[data-side="${side}"]`)) e.classList.toggle("stale", Boolean(f));
    const old = one(side, ".old");
    say(old, f ? "What is shown is of the last settings that can be built." : "");
  }

  function refresh(side) {
    ask(side, "theory", (t) => { now[side].theory = t; theory(side, t); });
    if (asked[side + "predicted"]) asked[side + "predicted"].abort();
    ask(side, "signal", (s) => {
      now[side].signal = s;
      signals();
      ask(side, "predicted", (s) => { now[side].signal = s; signals(); });
    });
  }

  function remember() {
    history.replaceState(null, "", "/laboratory?" + whole());
    ask("", "study", (s) => {
      say(at("study"), s.study);
      say(at("commands"), ["# A", s.profiles[0], "# B", s.profiles[1], "# both, trained", s.run].join("\n"));
    });
  }

  let wait;
  const changed = new Set();
  form.addEventListener("input", (e) => {
    clearTimeout(wait);
    const side = e.target.closest("[data-side]");
    for (const s of side ? [side.dataset.side] : sides) changed.add(s);
    wait = setTimeout(() => { changed.forEach(refresh); changed.clear(); remember(); }, 120);
  });
  form.addEventListener("submit", (e) => e.preventDefault());

  // ---- the signal ----

  const plain = (v) => v == null ? null : v <= zero ? zero : v;

  function signals() {
    const both = sides.map((s) => now[s].signal).filter(Boolean);
    let lo = -4, hi = 0;
    for (const s of both) for (const v of [...s.backward, ...s.forward, ...s.backward_theory, ...s.forward_theory]) if (v != null && v > zero) { lo = Math.min(lo, v); hi = Math.max(hi, v); }
    const y = [Math.max(-24, Math.floor(lo)), Math.min(12, Math.ceil(hi))];
    const step = Math.max(1, Math.ceil((y[1] - y[0]) / 7 / 3) * 3), ticks = [];
    for (let t = Math.ceil(y[0] / step) * step; t <= y[1]; t += step) ticks.push(t);
    for (const side of sides) {
      const s = now[side].signal;
      if (!s) continue;
      const n = s.layers.length, at = (list) => list.map((_, i) => i + 1);
      const crosses = [];
      const ahead = s.forward.findIndex((v) => v != null && v < dead);
      if (ahead >= 0) crosses.push({ x: ahead + 1, y: Math.max(y[0], s.forward[ahead]), class: "forward" });
      for (let l = n - 1; l >= 0; l--) if (s.backward[l] != null && s.backward[l] < dead) { crosses.push({ x: l + 1, y: Math.max(y[0], s.backward[l]), class: "backward" }); break; }
      const verdict = one(side, ".verdict");
      say(verdict, s.dead ? "✕ dead " + s.dead : s.backward[0] > -dead ? "✕ explodes backward" : "✓ alive");
      verdict.className = "verdict " + (s.dead || s.backward[0] > -dead ? "bad" : "good");
      const text = (v) => v == null ? "–" : v <= zero ? "0" : powerText(Math.abs(v) < 3 ? v : Math.round(v));
      chart(one(side, ".signal-plot"), {
        height: 300, x: [1, Math.max(2, n)], y, yTicks: ticks, yText: powerText, xLabel: "layer (the last is the output)", keyStep: 1,
        xTicks: evenTicks(1, n, 5).filter((t) => Number.isInteger(t) && t < n - 1).concat([n]), xText: (t) => t === n ? "out" : String(t),
        label: `Signal of network ${side.toUpperCase()} by layer. ${s.caption}`,
        below: { y: dead, text: "dead" },
        lines: [
          { x: at(s.forward_theory), y: s.forward_theory.map(plain), class: "forward theory" },
          { x: at(s.backward_theory), y: s.backward_theory.map(plain), class: "backward theory" },
          { x: at(s.forward), y: s.forward.map(plain), class: "forward" },
          { x: at(s.backward), y: s.backward.map(plain), class: "backward" },
        ],
        crosses,
        read: (x) => {
          const l = Math.max(0, Math.min(n - 1, Math.round(x) - 1));
          return `${l === n - 1 ? "output" : "layer " + (l + 1)}: gradient ${text(s.backward[l])}` + (l < n - 1 ? `, examples differ by ${text(s.forward[l])}, saturated ${s.saturated[l] == null ? "–" : Math.round(100 * s.saturated[l]) + " %"}` : "");
        },
      });
      say(one(side, ".caption"), s.caption);
      say(one(side, ".words"), s.verdict);
    }
  }

  // ---- theory ----

  // span is a range that holds all of some numbers.
  function span(...lists) {
    const all = lists.flat().filter((v) => v != null);
    let lo = Math.min(0, ...all), hi = Math.max(0, ...all);
    if (!(hi > lo)) hi = lo + 1;
    const room = 0.06 * (hi - lo);
    return [lo < 0 ? lo - room : lo, hi + room];
  }

  const near = (list, x) => list.reduce((best, v, i) => Math.abs(v - x) < Math.abs(list[best] - x) ? i : best, 0);

  function theory(side, t) {
    const figure = (kind, caption) => {
      const e = one(side, "." + kind);
      e.hidden = !caption;
      if (caption) say(e.querySelector("figcaption"), caption);
      return e.querySelector(".plot");
    };
    say(one(side, ".none"), t.none || "");
    const f = figure("f-figure", t.f_caption);
    if (t.f_caption) chart(f, {
      height: 190, x: [-4, 4], y: span(t.f.y, t.slope.y), xLabel: "z", label: "The nonlinearity. " + t.f_caption,
      lines: [{ x: t.slope.x, y: t.slope.y, class: "c2 d1" }, { x: t.f.x, y: t.f.y, class: "c1" }],
      read: (x) => { const i = near(t.f.x, x); return `z = ${number(t.f.x[i])}: f = ${number(t.f.y[i])}, f′ = ${number(t.slope.y[i])}`; },
    });
    const q = figure("q-figure", t.q_caption);
    if (t.q_caption) {
      const end = t.q_map && t.q_map.x ? t.q_map.x[t.q_map.x.length - 1] : 1;
      chart(q, {
        height: 190, x: [0, end], y: [0, Math.max(end, ...(t.q_map.y || []).filter((v) => v != null && v < 3 * end))], xLabel: "q", yLabel: "q of the next", diagonal: true, label: "Map of the variance. " + t.q_caption,
        lines: [{ x: t.q_map.x || [], y: t.q_map.y || [], class: "c1" }], dots: t.q_star != null ? [{ x: t.q_star, y: t.q_star, text: "q* " + number(t.q_star) }] : [],
        read: (x) => { const i = near(t.q_map.x, x); return `${number(t.q_map.x[i])} → ${number(t.q_map.y[i])}`; },
      });
    }
    const c = figure("c-figure", t.c_caption);
    if (t.c_caption) chart(c, {
      height: 190, x: [0, 1], y: [0, 1], xLabel: "c", yLabel: "c of the next", diagonal: true, label: "Map of the correlation. " + t.c_caption,
      lines: t.c_map.x ? [{ x: t.c_map.x, y: t.c_map.y, class: "c1" }] : [], dots: t.c_star != null ? [{ x: t.c_star, y: t.c_star, text: "c* " + number(t.c_star) }] : [],
      read: (x) => { if (!t.c_map.x) return null; const i = near(t.c_map.x, x); return `${number(t.c_map.x[i])} → ${number(t.c_map.y[i])}`; },
    });
    const phase = figure("phase-figure", t.phase_caption);
    if (t.phase_caption) {
      const grey = getComputedStyle(document.documentElement).getPropertyValue("--zero").trim();
      const end = (list) => list[list.length - 1] + list[0]; // list has the middles of the cells, from 0 on
      chart(phase, {
        height: 210, x: [0, end(t.weights)], y: [0, end(t.biases)], xLabel: "σ_w²", yLabel: "σ_b²", label: "Phase diagram. " + t.phase_caption,
        cells: t.diagram.map((row) => row.map((v) => v == null ? grey : heatColour(v + 0.5))),
        lines: [{ x: t.line ? t.line.map((p) => p[0]) : [], y: t.line ? t.line.map((p) => p[1]) : [], class: "critical" }],
        dots: [{ x: t.weight_variance, y: t.bias_variance }],
        read: (x) => { const j = near(t.biases, t.bias_variance), i = near(t.weights, x), v = t.diagram[j][i]; return `σ_w² = ${number(t.weights[i])}, σ_b² = ${number(t.biases[j])}: ` + (v == null ? "q grows without end" : "χ₁ = " + number(Math.pow(10, v))); },
      });
      const key = one(side, ".phase-figure .key");
      if (!key.childElementCount) {
        for (const [v, text] of [[0, "χ₁ ≤ 0.3: vanishes"], [0.5, "1: critical"], [1, "≥ 3: explodes"]]) {
          const i = make("i");
          i.style.background = heatColour(v);
          key.append(make("span", { class: "special" }, i, text));
        }
      }
    }
  }

  // ---- training ----

  const maps = [
    { key: "backward", title: "Backward: share of the gradient, by layer and step", range: [-8, 0], tell: "gradient " },
    { key: "forward", title: "Forward: 1 − c of two examples", range: [-8, 0], tell: "1 − c = " },
    { key: "update", title: "Update of the weights, ‖ΔW‖/‖W‖", range: [-8, 0], tell: "update " },
  ];
  const runs = {};
  let training = null, drawing = 0;

  at("train").addEventListener("click", async () => {
    if (training) { training.abort(); return; }
    training = new AbortController();
    say(at("train"), "Stop");
    at("training").hidden = false;
    for (const side of sides) {
      runs[side] = { steps: [], scores: [], probes: [], layers: [] };
      say(one(side, ".ending"), "Training …");
      const box = one(side, ".maps");
      box.replaceChildren(...maps.map((m) => make("figure", {}, make("h4", {}, m.title),
        make("canvas", { tabindex: "0", role: "img", "aria-label": m.title + ", network " + side.toUpperCase() + ". Layer 1 is at the bottom, steps go to the right; arrow keys read values.", "data-map": m.key }))));
      box.append(make("p", { class: "key" }, ...[0, 0.5, 1].map((v) => { const i = make("i"); i.style.background = heatColour(v); return make("span", { class: "special" }, i, ["10⁻⁸ or less", "10⁻⁴", "1 or more"][v * 2]); }),
        ...[["zero", "exactly 0"], ["undefined", "not defined"]].map(([kind, text]) => make("span", { class: "special" }, make("i", { class: kind }), text))));
      for (const canvas of box.querySelectorAll("canvas")) interact(canvas, side);
    }
    show();
    await Promise.all(sides.map((side) => train(side).catch((e) => say(one(side, ".ending"), e.name === "AbortError" ? "Stopped." : "The server does not answer."))));
    training = null;
    say(at("train"), "Train both");
  });

  async function train(side) {
    const answer = await fetch("/laboratory/train", { method: "POST", body: values(side), signal: training.signal });
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) take(side, JSON.parse(line));
      if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; show(); });
    }
  }

  function take(side, v) {
    const run = runs[side];
    if (typeof v.error === "string") v.error = v;
    if (v.layers) run.layers = v.layers;
    if ("accuracy" in v) { run.steps.push(v.step); run.scores.push(v.accuracy); }
    if (v.backward) run.probes.push(v);
    if (v.end) say(one(side, ".ending"), v.end);
    if (v.error) { fault(side, v.error); say(one(side, ".ending"), "Not trained: " + v.error.error); }
  }

  function show() {
    const end = Math.max(10, Number(at("steps").value) || 10);
    chart(at("accuracy"), {
      height: 220, x: [0, end], y: [0, 1], xLabel: "step", yLabel: "accuracy", label: "Validation accuracy of both networks by step.",
      lines: [{ x: [0, end], y: [0.1, 0.1], class: "guess" }, ...sides.map((s) => ({ x: runs[s].steps, y: runs[s].scores, class: "side-" + s }))],
      read: (x) => `step ${Math.round(x)}: ` + sides.map((s) => { const r = runs[s]; return r.steps.length ? s.toUpperCase() + " " + number(r.scores[near(r.steps, x)]) : ""; }).filter(Boolean).join(", "),
    });
    for (const side of sides) for (const canvas of halves(side, ".maps canvas")) paint(canvas, side, end);
  }

  // Steps are spaced logarithmically: much happens early.
  const where = (step, end) => Math.log10(step + 1) / Math.log10(end + 1);

  function paint(canvas, side, end) {
    const run = runs[side], map = maps.find((m) => m.key === canvas.dataset.map), ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = 130;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const c = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const grey = style.getPropertyValue("--zero").trim(), pink = style.getPropertyValue("--nan").trim();
    c.scale(ratio, ratio);
    run.probes.forEach((p, i) => {
      const x0 = width * where(p.step, end), next = run.probes[i + 1];
      const x1 = next ? width * where(next.step, end) : Math.min(width, x0 + Math.max(4, width / 40));
      const rows = p[map.key], n = rows.length;
      rows.forEach((v, l) => {
        c.fillStyle = v == null ? pink : v <= zero ? grey : heatColour((v - map.range[0]) / (map.range[1] - map.range[0]));
        const top = height * (n - 1 - l) / n;
        c.fillRect(x0, top, x1 - x0 + 0.5, height / n + 0.5);
      });
    });
  }

  function interact(canvas, side) {
    let layer = 0, probe = 0;
    const tell = () => {
      const run = runs[side], map = maps.find((m) => m.key === canvas.dataset.map), p = run.probes[probe];
      if (!p) return;
      const v = p[map.key][layer];
      say(at("map-read"), `${side.toUpperCase()}, step ${p.step}, ${run.layers[layer] || "layer " + (layer + 1)}: ${map.tell}${v == null ? "not defined" : v <= zero ? "0" : powerText(Math.abs(v) < 3 ? v : Math.round(v))}`);
    };
    canvas.addEventListener("pointermove", (e) => {
      const run = runs[side], box = canvas.getBoundingClientRect(), end = Math.max(10, Number(at("steps").value) || 10);
      if (!run.probes.length) return;
      const x = (e.clientX - box.left) / box.width, n = run.probes[0].backward.length;
      probe = Math.max(0, run.probes.findLastIndex((p) => where(p.step, end) <= x));
      layer = Math.max(0, Math.min(n - 1, Math.floor(n * (1 - (e.clientY - box.top) / box.height))));
      tell();
    });
    canvas.addEventListener("keydown", (e) => {
      const run = runs[side], move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
      if (!move || !run.probes.length) return;
      e.preventDefault();
      probe = Math.max(0, Math.min(run.probes.length - 1, probe + move[0]));
      layer = Math.max(0, Math.min(run.probes[0].backward.length - 1, layer + move[1]));
      tell();
    });
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const side of sides) if (now[side].theory) theory(side, now[side].theory); if (runs.a) show(); });

  // ---- taking it along ----

  for (const b of document.querySelectorAll("[data-copy]"))
    b.addEventListener("click", async () => {
      const pre = at(b.dataset.copy);
      try {
        await navigator.clipboard.writeText(pre.textContent);
        say(at("copied"), "Copied.");
      } catch {
        getSelection().selectAllChildren(pre);
        say(at("copied"), "Selected: copy it with Ctrl-C.");
      }
      setTimeout(() => say(at("copied"), ""), 3000);
    });

  sides.forEach(refresh);
  remember();
})();
