// Package sweep shows how much an optimizer depends on its learning rate: the final
// validation score over decades of the rate, the best rate, and over how many decades the
// score stays near that of the best. An optimizer that needs no tuning has a wide top, or
// no rate at all.
//
//	accuracy      ┌──────── best
//	     │   ░░▒▒▓█████▓▒      ─┬─ within the margin
//	     │ ░▒▓███████████▓     ─┘
//	     └─────┴──────────┴── rate (log)
//	            ←decades→
//
// A sweep is a study like any other, with the rates as settings of its optimizers; [New]
// makes the curves from a study's ranking, of which it takes the medians, intervals and
// diverged runs.
package sweep
