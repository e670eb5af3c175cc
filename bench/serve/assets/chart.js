"use strict";

// svg makes an element of a picture.
function svg(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

// evenTicks are about n round numbers in a range.
function evenTicks(lo, hi, n) {
  const rough = (hi - lo) / n, unit = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].find((m) => m * unit >= rough * 0.999) * unit, ticks = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step; k++) ticks.push(+(k * step).toPrecision(12));
  return ticks;
}

const raised = (n) => String(n).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
// powerText writes 10^log.
const powerText = (log) => log === 0 ? "1" : Number.isInteger(log) ? "10" + raised(log) : (log > -2 && log < 3 ? String(+Math.pow(10, log).toPrecision(2)) : "10" + raised(Math.round(log)));

// picture is an image of cells, a pixel each.
function picture(cells) {
  const canvas = make("canvas", { width: cells[0].length, height: cells.length }), c = canvas.getContext("2d");
  cells.forEach((row, j) => row.forEach((colour, i) => { c.fillStyle = colour; c.fillRect(i, cells.length - 1 - j, 1, 1); }));
  return canvas.toDataURL();
}

// chart draws curves into a box, anew as it changes its width. The picture p has
//   label              what it shows, for a screen reader
//   height
//   x, y               the ranges
//   xTicks, yTicks     where there are ticks; xText, yText how they are written
//   xLabel, yLabel
//   lines              {x, y, class, label}: null breaks a line, a single point is a dot
//   below              {y, text}: what lies below is shaded
//   diagonal           whether there is one
//   dots               {x, y, class, text}
//   crosses            {x, y, class}
//   cells              colours of cells that fill the ranges evenly, by [row from below][column]
//   read(x)            what the readout says at x; null if nothing
// A chart can be focused; arrow keys move its cursor as the mouse does.
function chart(box, p) {
  let state = box.chart;
  if (!state) {
    state = box.chart = { at: null };
    new ResizeObserver(() => { if (box.clientWidth !== state.width) draw(); }).observe(box);
  }
  state.p = p;
  state.draw = draw;
  draw();

  function draw() {
    const p = state.p, width = Math.max(160, box.clientWidth), height = p.height;
    state.width = box.clientWidth;
    const yTicks = p.yTicks || evenTicks(p.y[0], p.y[1], Math.max(2, height / 55)), yText = p.yText || ((v) => String(v));
    const xTicks = p.xTicks || evenTicks(p.x[0], p.x[1], Math.max(2, width / 90)), xText = p.xText || ((v) => String(v));
    const left = 12 + 7 * Math.max(...yTicks.map((t) => yText(t).length), 2) + (p.yLabel ? 15 : 0), right = 10, top = 8, bottom = p.xLabel ? 38 : 22;
    const place = (v, [lo, hi], from, to) => from + (to - from) * (Math.max(lo, Math.min(hi, v)) - lo) / ((hi - lo) || 1);
    const X = (v) => place(v, p.x, left, width - right), Y = (v) => place(v, p.y, height - bottom, top);
    const root = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": p.label });
    if (p.cells) root.append(svg("image", { class: "cells", x: left, y: top, width: width - right - left, height: height - bottom - top, preserveAspectRatio: "none", href: picture(p.cells) }));
    if (p.below) {
      root.append(svg("rect", { class: "below", x: left, y: Y(p.below.y), width: width - right - left, height: Math.max(0, height - bottom - Y(p.below.y)) }));
      if (height - bottom - Y(p.below.y) > 16) root.append(svg("text", { class: "end", x: width - right - 4, y: height - bottom - 5 }, p.below.text));
    }
    for (const t of yTicks) {
      if (!p.cells) root.append(svg("line", { class: "rule", x1: left, x2: width - right, y1: Y(t), y2: Y(t) }));
      root.append(svg("text", { class: "end", x: left - 5, y: Y(t) + 4 }, yText(t)));
    }
    for (const t of xTicks) root.append(svg("line", { class: "rule", x1: X(t), x2: X(t), y1: height - bottom, y2: height - bottom + 4 }),
      svg("text", { class: "mid", x: Math.max(left, Math.min(width - right - 8, X(t))), y: height - bottom + 16 }, xText(t)));
    root.append(svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
    if (p.xLabel) root.append(svg("text", { class: "mid", x: (left + width - right) / 2, y: height - 5 }, p.xLabel));
    if (p.yLabel) root.append(svg("text", { class: "mid", transform: `translate(11 ${(top + height - bottom) / 2}) rotate(-90)` }, p.yLabel));
    if (p.diagonal) {
      const end = Math.min(p.x[1], p.y[1]), from = Math.max(p.x[0], p.y[0]);
      root.append(svg("line", { class: "diagonal", x1: X(from), y1: Y(from), x2: X(end), y2: Y(end) }));
    }
    for (const l of p.lines || []) {
      let d = "", pen = "M", points = 0;
      l.y.forEach((v, i) => {
        if (v == null || l.x[i] == null) { pen = "M"; return; }
        d += pen + X(l.x[i]).toFixed(1) + " " + Y(v).toFixed(1);
        pen = "L";
        points++;
      });
      if (points === 1) { const i = l.y.findIndex((v) => v != null); root.append(svg("circle", { class: "point " + l.class, cx: X(l.x[i]), cy: Y(l.y[i]), r: 3.5 })); }
      else if (points) root.append(svg("path", { class: "curve " + l.class, d }));
    }
    for (const c of p.crosses || []) root.append(svg("text", { class: "cross mid " + c.class, x: X(c.x), y: Y(c.y) + 5 }, "✕"));
    for (const d of p.dots || []) {
      root.append(svg("circle", { class: "mark " + (d.class || ""), cx: X(d.x), cy: Y(d.y), r: 5 }));
      if (d.text) {
        const flip = X(d.x) > width * 0.6;
        root.append(svg("text", { class: "value " + (flip ? "end" : ""), x: X(d.x) + (flip ? -9 : 9), y: Y(d.y) < top + 24 ? Y(d.y) + 20 : Y(d.y) - 7 }, d.text));
      }
    }
    const cursor = svg("line", { class: "cursor", y1: top, y2: height - bottom, x1: -9, x2: -9 });
    root.append(cursor);
    let readout = box.querySelector(".readout");
    if (!readout) readout = make("p", { class: "readout", "aria-live": "polite" });
    const read = (x) => {
      const text = x == null || !p.read ? null : p.read(x);
      state.at = text == null ? null : x;
      cursor.setAttribute("x1", text == null ? -9 : X(x));
      cursor.setAttribute("x2", text == null ? -9 : X(x));
      say(readout, text == null ? " " : text);
    };
    if (p.read) {
      root.setAttribute("tabindex", "0");
      root.setAttribute("aria-label", p.label + " Arrow keys read values.");
      const where = (e) => p.x[0] + (p.x[1] - p.x[0]) * Math.max(0, Math.min(1, ((e.clientX - root.getBoundingClientRect().left) - left) / (width - right - left)));
      root.addEventListener("pointermove", (e) => read(where(e)));
      root.addEventListener("pointerdown", (e) => read(where(e)));
      root.addEventListener("pointerleave", () => { if (document.activeElement !== root) read(null); });
      root.addEventListener("keydown", (e) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        if (!step) { if (e.key === "Escape") read(null); return; }
        e.preventDefault();
        read(Math.max(p.x[0], Math.min(p.x[1], (state.at == null ? (step > 0 ? p.x[0] : p.x[1]) : state.at + step * (p.keyStep || (p.x[1] - p.x[0]) / 40)))));
      });
    }
    const focused = document.activeElement && box.contains(document.activeElement);
    box.replaceChildren(root, ...(p.read ? [readout] : []));
    if (focused) root.focus({ preventScroll: true });
    if (p.read) read(state.at);
  }
}
