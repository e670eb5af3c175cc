// Package study runs comparisons: a [Spec], read from a YAML file, is a task, a
// budget, seeds and a grid of networks and optimizers; it expands to [Config]s, one
// for each run; [Run] runs them on all cores and records each in a directory.
//
//	name: rates
//	task: digits
//	budget: {steps: 400, batch: 64}
//	seeds: 5
//	grid:
//	  depth: [5, 10, 20]
//	  width: 64
//	  activation: [tanh, softplus]
//	  initializer: glorot-normal
//	  optimizer:
//	    - {name: sgd, rate: [0.03, 0.1, 0.3]}
//	    - smorms3
//
// A list anywhere in the grid is an axis. Layers that differ in width are one value, written as
// text: width: ["64,32,16", "16,4 alternating"] are two networks. model is the architecture and normalization what
// stands in its hidden layers: mlp and none where the grid does not say. Combinations that
// can't be built are found before anything runs. cases, a list of partial grids, stand in
// for the parts that don't combine freely:
//
//	cases:
//	  - {depth: 10, activation: softplus}
//	  - {depth: 30, activation: tanh}
//
// tune has settings chosen, by seeds of their own and on the validation part, before anything
// is compared: see [Tune].
//
// A Config and a seed determine a run's record to the last bit, on one kind of processor,
// whatever the number of workers. Package record tells what a study directory holds; a run
// appears in it when it is complete, so that a study resumes after any interruption.
package study
