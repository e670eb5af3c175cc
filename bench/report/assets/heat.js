"use strict";
// heatColour is the colour of heat maps, of t from 0 to 1.
const heatColour = (() => {
  // Viridis, by S. van der Walt and N. Smith (CC0), at 17 places; linear in between.
  const viridis = ["440154", "481467", "482576", "453781", "404688", "39558c", "33638d", "2d718e", "287d8e", "238a8d", "1f968b", "20a386", "29af7f", "3cbb75", "56c667", "95d840", "fde725"]
    .map((h) => [0, 2, 4].map((i) => parseInt(h.slice(i, i + 2), 16)));

  return function (t) {
    const x = Math.max(0, Math.min(1, t)) * (viridis.length - 1), i = Math.min(viridis.length - 2, Math.floor(x)), f = x - i;
    return "rgb(" + viridis[i].map((v, k) => Math.round(v + f * (viridis[i + 1][k] - v))).join(",") + ")";
  };
})();
