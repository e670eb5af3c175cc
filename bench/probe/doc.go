// Package probe measures what happens in each layer of a network in training: the size of its
// gradients, the state of its units, how far a step moves its weights.
//
// A [Probe] is a pair of hooks for train.Loop with a schedule. It only reads: a run
// with probes and one without are the same to the last bit. Norms are accumulated in
// double precision, scaled where squares would leave its range, and reported as log10,
// so that 1e-60 is a number; exact zeros, denormals and values that are not finite are
// counted apart.
//
//	gradient of the pre-activations, log10
//	step 0     layer01 -21.3  layer02 -20.1  …  layer20 -3.0   output -1.9
//	step 10    layer01 -21.0  …
//
// What is measured is a row of [Catalogue], to which a program can add its own: see
// [Measure].
//
// The gradient of the pre-activations δ = ∂L/∂z shows best where a gradient dies: that of the
// weights, xᵀδ, contains the activations, which may shrink as fast as δ grows.
package probe
