// Package phase draws the phase diagrams of mean field theory.
//
//	d := phase.Diagram{Activation: "tanh", Field: m, Point: meanfield.Variances{Weight: 1.5, Bias: 0.05}}
package phase
