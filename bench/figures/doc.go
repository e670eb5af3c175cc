// Package figures draws pictures of theory, as PNG or SVG.
//
//	d := figures.PhaseDiagram{Activation: "tanh", Field: m, Point: meanfield.Variances{Weight: 1.5, Bias: 0.05}}
//	err := figures.Write("tanh.png", d)
package figures
