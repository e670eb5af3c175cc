// Package gradflow is a research toolkit for deep networks of saturating
// nonlinearities: tanh, sigmoid, softplus, Gaussians, and any other. It measures the
// gradient in every layer, at the start and in training, and compares what keeps it
// alive.
//
// The work is in the packages below: activations, models, optimizers and vm to build
// networks with; bench and what is under it to compare them; cmd/gradflow, the command.
package gradflow
