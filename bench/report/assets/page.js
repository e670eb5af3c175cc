"use strict";
(() => {
  const problems = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const redraws = []; // to be called when colours or sizes change

  const onPaper = matchMedia("print");
  const chartHeight = () => (onPaper.matches ? 210 : 280);

  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = 7; // in page.css
  const colour = (setup) => variable("--c" + (setup.colour % colours));
  const translucent = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const dashes = [[], [7, 4], [2, 3], [10, 3, 2, 3], [14, 4]];

  function el(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
    e.append(...children);
    return e;
  }

  // ---- numbers ----

  const superscript = (n) => String(n).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);

  // power writes 10^log as 3.2 × 10⁻⁷.
  function power(log) {
    let exponent = Math.floor(log), mantissa = Math.pow(10, log - exponent);
    if (mantissa >= 9.95) { mantissa = 1; exponent++; }
    if (exponent >= -2 && exponent < 4) return String(+Math.pow(10, log).toPrecision(2));
    return mantissa.toFixed(1) + " × 10" + superscript(exponent);
  }

  const short = (v) => v == null ? "" : String(+v.toPrecision(3));

  // ---- curves ----

  // decadeTicks are 1, 2 and 5 times the powers of ten in a range; only the powers where
  // that is too many, evenly spaced numbers where it is too few.
  function decadeTicks(lo, hi) {
    const all = [], powers = [];
    for (let e = Math.floor(Math.log10(lo)) - 1; e <= Math.ceil(Math.log10(hi)); e++)
      for (const m of [1, 2, 5]) {
        const v = +(m + "e" + e);
        if (v >= lo * 0.999 && v <= hi * 1.001) { all.push(v); if (m === 1) powers.push(v); }
      }
    if (all.length > 9 && powers.length > 1) return powers;
    if (all.length > 2) return all;
    const rough = (hi - lo) / 5, unit = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].find((m) => m * unit >= rough) * unit, even = [];
    for (let k = Math.ceil(lo / step); k * step <= hi; k++) even.push(+(k * step).toPrecision(12));
    return even;
  }

  function makeCharts(section, problem) {
    const legend = section.querySelector(".legend"), box = section.querySelector(".charts");
    if (!box) return;
    const state = { log: problem.logSteps, seconds: false, shown: problem.setups.map((s) => s.first), charts: [] };
    const kinds = [
      { key: "scores", title: "validation " + problem.score, log: problem.score === "loss", goal: problem.target },
      { key: "losses", title: "training loss", log: true },
    ].map((k) => ({ ...k, box: box.appendChild(el("div", {}, el("h4", {}, k.title))) }));

    const values = problem.setups.map((setup, i) => {
      const value = el("span", { class: "value" });
      const b = el("button", { type: "button", "aria-pressed": String(state.shown[i]) },
        el("span", { class: "swatch c" + (setup.colour % colours) + (setup.dash ? " dashed" : ""), "aria-hidden": "true" }),
        setup.label, value);
      b.addEventListener("click", () => {
        state.shown[i] = !state.shown[i];
        b.setAttribute("aria-pressed", String(state.shown[i]));
        build();
      });
      const focus = (on) => () => state.charts.forEach((u) => u.setSeries(on && state.shown[i] ? 1 + 3 * i : null, { focus: on }));
      b.addEventListener("mouseenter", focus(true));
      b.addEventListener("mouseleave", focus(false));
      legend.append(b);
      return value;
    });
    const logarithmic = el("input", { type: "checkbox" });
    logarithmic.checked = state.log;
    logarithmic.addEventListener("change", () => { state.log = logarithmic.checked; build(); });
    legend.append(el("label", {}, logarithmic, " logarithmic axis"));
    if (problem.setups.every((s) => s.step > 0)) {
      const seconds = el("input", { type: "checkbox" });
      seconds.addEventListener("change", () => { state.seconds = seconds.checked; build(); });
      legend.append(el("label", {}, seconds, " seconds, not steps"));
    }
    const whole = el("button", { type: "button", class: "whole", hidden: "hidden" }, "whole range");
    whole.addEventListener("click", build);
    legend.append(whole);
    const at = legend.appendChild(el("span", { class: "at" }));

    function build() {
      state.charts.forEach((u) => u.destroy());
      whole.hidden = true;
      const from = state.log ? problem.steps.findIndex((s) => s > 0) : 0;
      const steps = problem.steps.slice(Math.max(from, 0));
      state.charts = kinds.map((kind) => {
        const number = (v) => (v == null || (kind.log && v <= 0) ? null : v);
        const tables = [], series = [{}], bands = [];
        problem.setups.forEach((setup, i) => {
          const b = setup[kind.key], c = colour(setup);
          const curves = ["median", "lo", "hi"].map((name) => b[name].slice(Math.max(from, 0)).map(number));
          tables.push([state.seconds ? steps.map((s) => s * setup.step) : steps, ...curves]);
          const common = { show: state.shown[i], spanGaps: true, points: { show: false } };
          series.push({ ...common, stroke: c, width: 2, dash: dashes[setup.dash % dashes.length] },
            { ...common, stroke: "transparent" }, { ...common, stroke: "transparent" });
          bands.push({ series: [3 * i + 3, 3 * i + 2], fill: translucent(c, 0.13) });
          if (steps.length === 1) series[3 * i + 1].points = { show: true, size: 7, fill: c };
        });
        if (kind.key === "scores") // hovering shows these
          values.forEach((v, k) => { v.style.minWidth = Math.max(0, ...tables[k][1].map((x) => short(x).length)) + "ch"; });
        const columns = tables.length === 0 ? [steps] : state.seconds ? uPlot.join(tables) : [steps].concat(...tables.map((t) => t.slice(1)));
        let lo = Infinity, hi = -Infinity;
        problem.setups.forEach((s, i) => {
          if (state.shown[i])
            for (const c of columns.slice(1 + 3 * i, 4 + 3 * i)) for (const v of c) if (v != null) { lo = Math.min(lo, v); hi = Math.max(hi, v); }
        });
        if (!(lo <= hi)) { lo = kind.log ? 0.1 : 0; hi = 1; }
        let range;
        if (kind.log) {
          if (kind.goal > 0) { lo = Math.min(lo, kind.goal); hi = Math.max(hi, kind.goal); }
          range = [lo / 1.15, hi * 1.15];
        } else if (problem.score === "accuracy") range = [0, 1];
        else range = [lo - 0.05 * (hi - lo || 1), hi + 0.05 * (hi - lo || 1)];
        const ink = { stroke: () => variable("--soft"), grid: { stroke: () => variable("--rule"), width: 1 }, ticks: { stroke: () => variable("--rule"), width: 1 }, font: "12px system-ui, sans-serif" };
        const powers = { splits: (u, axis) => { const s = u.scales[axis === 0 ? "x" : "y"]; return decadeTicks(s.min, s.max); }, values: (u, vs) => vs.map((v) => (v >= 1e5 || v < 1e-3 ? v.toExponential(0).replace("e+", "e") : String(v))), filter: (u, vs) => vs };
        const first = columns[0][0] ?? 0, last = columns[0][columns[0].length - 1] ?? 1;
        const all = first < last ? [first, last] : [Math.max(first - 1, state.log ? 0.5 : -1), last + 1];
        return new uPlot({
          width: Math.max(200, kind.box.clientWidth), height: chartHeight(),
          legend: { show: false }, focus: { alpha: 0.2 },
          cursor: { sync: { key: problem.label }, drag: { x: true, y: false }, points: { show: false }, y: false },
          scales: {
            x: { time: false, ...(state.log ? { distr: 3 } : {}), range: (u, a, b) => (a < b && a > all[0] - 1 && (a > all[0] || b < all[1]) ? [Math.max(a, all[0]), Math.min(b, all[1])] : all) },
            y: { ...(kind.log ? { distr: 3 } : {}), range },
          },
          axes: [{ ...ink, label: state.seconds ? "seconds" : "step", labelSize: 22, labelGap: 0, labelFont: "12px system-ui, sans-serif", size: 28, ...(state.log ? powers : {}) },
            { ...ink, size: 52, ...(kind.log ? powers : {}) }],
          series, bands,
          hooks: {
            draw: [(u) => { // the target
              if (!(kind.goal >= range[0] && kind.goal <= range[1])) return;
              const y = u.valToPos(kind.goal, "y", true), c = u.ctx;
              c.save();
              c.strokeStyle = variable("--soft");
              c.setLineDash([4, 4]);
              c.lineWidth = devicePixelRatio;
              c.beginPath();
              c.moveTo(u.bbox.left, y);
              c.lineTo(u.bbox.left + u.bbox.width, y);
              c.stroke();
              c.fillStyle = variable("--soft");
              c.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
              c.textAlign = "left";
              const wide = c.measureText("target").width + 6 * devicePixelRatio;
              c.fillStyle = variable("--back");
              c.fillRect(u.bbox.left + u.bbox.width - wide, y - 7 * devicePixelRatio, wide, 14 * devicePixelRatio);
              c.fillStyle = variable("--soft");
              c.textBaseline = "middle";
              c.fillText("target", u.bbox.left + u.bbox.width - wide + 3 * devicePixelRatio, y);
              c.restore();
            }],
            setScale: [(u, key) => {
              if (key === "x" && u.scales.x.min != null) whole.hidden = u.scales.x.min <= all[0] && u.scales.x.max >= all[1];
            }],
            setCursor: [(u) => {
              if (kind.key !== "scores") return; // the other's cursor goes with it
              const i = u.cursor.idx, off = u.cursor.left < 0 || i == null;
              at.textContent = off ? "" : state.seconds ? short(columns[0][i]) + " s" : "step " + columns[0][i];
              values.forEach((v, k) => { v.textContent = off ? "" : short(columns[1 + 3 * k][i]); });
            }],
          },
        }, columns, kind.box);
      });
    }
    build();
    redraws.push(build);
    let width = box.clientWidth;
    new ResizeObserver(() => {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      state.charts.forEach((u, i) => u.setSize({ width: Math.max(200, kinds[i].box.clientWidth), height: chartHeight() }));
    }).observe(box);
  }

  // ---- heat maps ----

  const missing = -32768, zero = -32767;

  function decode(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true));
  }

  const kinds = {
    "pre-activation-gradient": { title: "Gradient of the pre-activations, norm", log: true, zero: "exactly 0", tell: (v) => "‖∂L/∂z‖ = " + power(v) },
    "update": { title: "Update-to-weight ratio of a step", log: true, zero: "no movement", tell: (v) => "‖ΔW‖/‖W‖ = " + power(v) },
    "decorrelation": { title: "Forward signal: 1 − c of two examples", log: true, zero: "equal to the last bit", missing: "not defined or not finite", tell: (v) => "1 − c = " + power(v) },
    "chi": { title: "χ₁: squared gradient over that of the layer above", log: true, zero: "exactly 0", missing: "not defined or not finite", tell: (v) => "χ₁ = " + power(v) },
    "saturated": { title: "Saturated units", log: false, zero: "", missing: "not defined", tell: (v) => (100 * v).toFixed(1) + " % saturated" },
  };

  // kindOf says how a quantity is shown: one of the page's own, or one that a program added.
  function kindOf(scale) {
    const number = (v) => String(Number(v.toPrecision(3)));
    const tell = scale.kind === "log10" ? power : scale.kind === "share" ? (v) => (100 * v).toFixed(1) + " %" : number;
    return { number, share: scale.kind === "share", ...(kinds[scale.quantity] ||
      { title: scale.title, log: scale.kind === "log10", zero: scale.kind === "log10" ? "exactly 0" : "", tell: (v) => scale.quantity + ": " + tell(v) }) };
  }

  // where puts a step on the logarithmic axis.
  const where = (step) => Math.log10(step + 1);

  // edges are the borders of the columns: half-way between the probed steps.
  function edges(steps) {
    const u = steps.map(where), e = [];
    if (u.length === 1) return [u[0] - 0.1, u[0] + 0.1];
    for (let i = 0; i <= u.length; i++)
      e.push(i === 0 ? u[0] - (u[1] - u[0]) / 2 : i === u.length ? u[i - 1] + (u[i - 1] - u[i - 2]) / 2 : (u[i - 1] + u[i]) / 2);
    return e;
  }

  function makeMaps(section, problem) {
    const box = section.querySelector(".maps"), controls = section.querySelector(".controls");
    if (!box) return;
    const state = { seed: null, all: false };
    const select = el("select", {}, el("option", { value: "" }, "the median run of each setup"));
    for (const s of problem.seeds || []) select.append(el("option", { value: s }, "seed " + s));
    select.addEventListener("change", () => { state.seed = select.value === "" ? null : Number(select.value); build(); });
    controls.append(el("label", {}, "runs shown: ", select));
    if (problem.setups.some((s) => !s.first)) {
      const all = el("input", { type: "checkbox" });
      all.addEventListener("change", () => { state.all = all.checked; build(); });
      controls.append(el("label", {}, all, " all " + problem.setups.length + ", not only those shown at first"));
    }
    for (const r of problem.runs) r.edges = edges(r.steps);
    const left = Math.min(...problem.runs.map((r) => r.edges[0])), right = Math.max(...problem.runs.map((r) => r.edges[r.edges.length - 1]));
    const height = Math.max(5, Math.min(15, Math.round(175 / problem.layers))) * problem.layers;
    let panels = [];

    function build() {
      box.replaceChildren();
      panels = [];
      tip.hidden = true;
      const runs = problem.runs.filter((r) => (state.all || problem.setups[r.setup].first) && (state.seed === null ? r.typical : r.seed === state.seed));
      problem.maps.forEach((scale, m) => {
        const kind = kindOf(scale);
        const data = runs.map((r) => decode(r.maps[m]));
        const key = el("div", { class: "key" }, bar(scale, kind));
        const some = (code) => data.some((d) => d.includes(code));
        if (kind.zero && some(zero)) key.append(special("--zero", kind.zero));
        if (some(missing)) key.append(special("--nan", kind.missing || "not finite"));
        // Panels of a row stand under those of the row above.
        const columns = Math.max(2, Math.min(Math.max(runs.length, 3), Math.floor(box.clientWidth / 190)));
        const rows = Math.ceil(runs.length / columns);
        const grid = el("div", { class: "panels", style: "grid-template-columns: repeat(" + Math.max(Math.min(3, columns), Math.ceil(runs.length / rows)) + ", minmax(0, 1fr))" });
        box.append(el("div", { class: "map" }, el("header", {}, el("h4", {}, kind.title, el("small", {}, "layer ↑   step →")), key), grid));
        runs.forEach((run, i) => {
          const setup = problem.setups[run.setup];
          const canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": `${kind.title}: ${setup.label}, seed ${run.seed}. Layers by steps; use the arrow keys to read values.` });
          grid.append(el("figure", {}, el("figcaption", { title: setup.label + ", seed " + run.seed },
            el("span", { class: "swatch c" + (setup.colour % colours) + (setup.dash ? " dashed" : ""), "aria-hidden": "true" }),
            setup.label, el("small", {}, " seed " + run.seed)), canvas));
          const p = { canvas, run, scale, kind, cells: data[i], picked: null };
          panels.push(p);
          interact(p);
        });
      });
      panels.forEach(draw);
    }

    function special(name, text) {
      return el("span", { class: "special" }, el("i", { style: "background: var(" + name + ")" }), text);
    }

    function bar(scale, kind) {
      const stops = Array.from({ length: 33 }, (_, i) => heatColour(i / 32)).join(",");
      const b = el("div", { class: "bar", role: "img", "aria-label": kind.log ? `colours from 10 to the ${scale.lo} to 10 to the ${scale.hi}` : kind.share ? "colours from 0 to 100 %" : `colours from ${kind.number(scale.lo)} to ${kind.number(scale.hi)}` },
        el("i", { style: "background: linear-gradient(to right," + stops + ")" }));
      const span = scale.hi - scale.lo;
      const step = kind.log ? [1, 2, 5, 10, 20, 50, 100].find((s) => span / s <= 6) : kind.share ? 0.25 : span / 4;
      for (let v = kind.log || kind.share ? Math.ceil(scale.lo / step) * step : scale.lo; v <= scale.hi + 1e-9; v += step) {
        const label = kind.log ? ["10", el("sup", {}, String(v).replace("-", "−"))] : [kind.share ? Math.round(100 * v) + " %" : kind.number(v)];
        b.append(el("span", { style: "left:" + (100 * (v - scale.lo)) / span + "%" }, ...label));
      }
      return b;
    }

    const margin = { left: 24, bottom: 17, top: 2, right: 3 };

    // geometry has the places of cells in the canvas, in CSS pixels.
    function geometry(p) {
      const w = p.canvas.clientWidth - margin.left - margin.right;
      return {
        w,
        x: (u) => margin.left + ((u - left) / (right - left)) * w,
        y: (layer) => margin.top + height * (1 - layer / problem.layers), // the lower border
      };
    }

    function draw(p) {
      const ratio = Math.max(2, devicePixelRatio), g = geometry(p);
      const cssHeight = height + margin.top + margin.bottom;
      p.canvas.style.height = cssHeight + "px";
      p.canvas.width = Math.round(p.canvas.clientWidth * ratio);
      p.canvas.height = Math.round(cssHeight * ratio);
      const c = p.canvas.getContext("2d"), px = (v) => Math.round(v * ratio);
      const layers = problem.layers, n = p.run.steps.length, own = p.cells.length / n;
      const zeroColour = variable("--zero"), nanColour = variable("--nan");
      for (let k = 0; k < n; k++)
        for (let l = 0; l < own; l++) {
          const code = p.cells[k * own + l];
          c.fillStyle = code === missing ? nanColour : code === zero ? zeroColour : heatColour((code * p.scale.unit - p.scale.lo) / (p.scale.hi - p.scale.lo));
          const x0 = px(g.x(p.run.edges[k])), x1 = px(g.x(p.run.edges[k + 1])), y0 = px(g.y(l + 1)), y1 = px(g.y(l));
          c.fillRect(x0, y0 - 1, x1 - x0 + 1, y1 - y0 + 1); // over the edges of its neighbours: no seams in print
        }
      c.fillStyle = c.strokeStyle = variable("--soft");
      c.font = 10.5 * ratio + "px system-ui, sans-serif";
      c.lineWidth = ratio;
      c.textBaseline = "middle";
      c.textAlign = "right";
      const every = [1, 2, 5, 10, 20, 50, 100].find((s) => (s * height) / layers >= 15) || 200;
      for (let l = 1; l < layers; l++) {
        const high = g.y(l - 0.5);
        if ((l === 1 || l % every === 0) && high - g.y(layers - 0.5) >= 12 && (l === 1 || g.y(0.5) - high >= 12)) c.fillText(String(l), px(margin.left - 4), px(high));
      }
      c.fillText("out", px(margin.left - 4), px(g.y(layers - 0.5) + 2));
      c.textAlign = "center";
      c.textBaseline = "alphabetic";
      let free = -Infinity;
      for (const s of [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6]) {
        const u = where(s);
        if (u < left || u > right) continue;
        const x = g.x(u), text = s >= 1e4 ? "10" + superscript(Math.log10(s)) : String(s), half = text.length * 3.2;
        c.fillRect(px(x), px(g.y(0)), ratio, 3 * ratio);
        if (x - half < free) continue;
        c.fillText(text, px(Math.min(x, p.canvas.clientWidth - half)), px(height + margin.top + 14));
        free = x + half + 4;
      }
      if (p.picked) {
        const [k, l] = p.picked;
        c.strokeStyle = variable("--text");
        c.lineWidth = 2 * ratio;
        c.strokeRect(px(g.x(p.run.edges[k])), px(g.y(l + 1)), px(g.x(p.run.edges[k + 1])) - px(g.x(p.run.edges[k])), px(g.y(l)) - px(g.y(l + 1)));
      }
    }

    function interact(p) {
      const n = p.run.steps.length, own = p.cells.length / n;
      const pick = (k, l) => {
        p.picked = [k, l];
        draw(p);
        const code = p.cells[k * own + l], v = code * p.scale.unit;
        const value = code === missing ? "not finite" : code === zero ? p.kind.zero : p.kind.tell(v);
        const layer = l === own - 1 ? "output layer" : "layer " + (l + 1);
        tip.textContent = `${problem.setups[p.run.setup].label}, ${layer}, step ${p.run.steps[k]}\n${value}`;
        tip.hidden = false;
        const box = p.canvas.getBoundingClientRect(), g = geometry(p);
        const x = box.left + g.x(p.run.edges[k + 1]) + 10, y = box.top + g.y(l + 1) - 44;
        tip.style.left = Math.max(4, Math.min(x, innerWidth - tip.offsetWidth - 8)) + "px";
        tip.style.top = Math.max(4, y) + "px";
      };
      const leave = () => { p.picked = null; tip.hidden = true; draw(p); };
      p.canvas.addEventListener("pointermove", (e) => {
        const box = p.canvas.getBoundingClientRect(), g = geometry(p);
        const u = left + ((e.clientX - box.left - margin.left) / g.w) * (right - left);
        const k = p.run.edges.findIndex((edge, i) => i < n && u >= edge && u < p.run.edges[i + 1]);
        const l = Math.floor((1 - (e.clientY - box.top - margin.top) / height) * problem.layers);
        if (k < 0 || l < 0 || l >= own) leave();
        else if (!p.picked || p.picked[0] !== k || p.picked[1] !== l) pick(k, l);
      });
      p.canvas.addEventListener("pointerleave", leave);
      p.canvas.addEventListener("focus", () => { if (p.canvas.matches(":focus-visible")) pick(0, 0); });
      p.canvas.addEventListener("blur", leave);
      p.canvas.addEventListener("keydown", (e) => {
        const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
        if (e.key === "Escape") leave();
        if (!move) return;
        e.preventDefault();
        const [k, l] = p.picked || [0, 0];
        pick(Math.max(0, Math.min(n - 1, k + move[0])), Math.max(0, Math.min(own - 1, l + move[1])));
      });
    }

    build();
    redraws.push(() => panels.forEach(draw));
    let width = box.clientWidth;
    new ResizeObserver(() => {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      build();
    }).observe(box);
  }

  document.querySelectorAll("section[data-problem]").forEach((section) => {
    const problem = problems[section.dataset.problem];
    makeCharts(section, problem);
    makeMaps(section, problem);
  });

  // ---- all runs ----

  // makeRuns makes the table of all runs: sorted by a head, filtered by words, so many at a time.
  function makeRuns() {
    const box = document.getElementById("runtable"), data = JSON.parse(document.getElementById("rundata").textContent);
    if (!box || data.rows.length === 0) return;
    const page = 100, state = { by: -1, down: false, words: [], shown: page };
    const lower = data.rows.map((r, i) => (r.join(" ") + " " + data.configs[i]).toLowerCase());
    const filter = el("input", { type: "search", id: "runfilter", placeholder: "sigmoid diverged" });
    const count = el("span", { class: "note", role: "status" });
    const body = el("tbody");
    const heads = data.heads.map((h, k) => {
      const b = el("button", { type: "button", title: h.help }, h.name);
      b.addEventListener("click", () => { state.down = state.by === k ? !state.down : h.numbers && k > 2; state.by = k; fill(); });
      return el("th", h.numbers ? { class: "n", scope: "col" } : { scope: "col" }, b);
    });
    const more = el("button", { type: "button" }, "show more");
    more.addEventListener("click", () => { state.shown += 10 * page; fill(); });
    filter.addEventListener("input", () => { state.words = filter.value.toLowerCase().split(/\s+/).filter(Boolean); state.shown = page; fill(); });
    box.append(el("h3", {}, "All runs"), el("p", { class: "controls" }, el("label", { for: "runfilter" }, "only runs with "), filter, count),
      el("div", { class: "scroll", tabindex: "0" }, el("table", { class: "runs" }, el("thead", {}, el("tr", {}, ...heads, el("th", {}, "configuration"))), body)), more);

    function order(a, b) {
      if (state.by < 0) return a - b;
      const x = data.rows[a][state.by], y = data.rows[b][state.by];
      if (x === y) return a - b;
      if (x === null || y === null) return x === null ? 1 : -1; // unknown last
      const d = typeof x === "number" ? x - y : String(x).localeCompare(String(y));
      return (state.down ? -d : d) || a - b;
    }

    function fill() {
      const list = data.rows.map((_, i) => i).filter((i) => state.words.every((w) => lower[i].includes(w))).sort(order);
      heads.forEach((h, k) => (k === state.by ? h.setAttribute("aria-sort", state.down ? "descending" : "ascending") : h.removeAttribute("aria-sort")));
      count.textContent = ` ${list.length} of ${data.rows.length}`;
      body.replaceChildren(...list.slice(0, state.shown).map((i) => el("tr", {}, ...data.rows[i].map((v, k) =>
        el("td", data.heads[k].numbers ? { class: "n" } : {}, v === null ? "–" : String(v))),
      el("td", {}, el("details", {}, el("summary", {}, "show"), el("pre", {}, data.configs[i] + "\n\nand, as all runs:\n" + data.shared))))));
      more.hidden = list.length <= state.shown;
    }
    fill();
  }
  makeRuns();

  // What is drawn on canvases takes its colours when it is drawn.
  const redraw = () => redraws.forEach((f) => f());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  onPaper.addEventListener("change", redraw);
})();
