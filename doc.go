// Package gradflow is a research toolkit for deep networks of saturating
// nonlinearities: tanh, sigmoid, softplus, Gaussians, and any other. It measures the
// gradient in every layer, at initialisation and in training, and compares what keeps it
// alive.
//
// The packages activations, models, optimizers and vm build networks; bench and the
// packages below it compare them; cmd/gradflow is the command.
package gradflow
