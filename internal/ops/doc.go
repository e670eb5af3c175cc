// Package ops has the few differentiable operations that layers are made of:
// affine maps, matrix products, element-wise functions and losses, for float32 and
// float64, with symbolic gradients.
//
// An operation is described by a [rule]: its name, the dimensions of its inputs,
// its kernels and, input by input, which other rule gives the gradient. From that
// one description follow all of Gorgonia's interfaces, so that the operations run
// on this project's vm, on the TapeMachine and on the LispMachine.
//
// Each operation is one node: [Gradient], or gorgonia.Grad, makes a node for the gradient of each
// input, and an executor that runs only what is wanted computes no other.
//
// Only matrix products have second derivatives; the gradients of all others say that
// they have none. Gorgonia keeps one gradient per node, though: of a node that one
// gorgonia.Grad has passed, a second one in the same graph returns the first one's
// gradient, without an error, for stock operations too. A graph is differentiated once.
package ops
