// Package models turns the description of a network into a symbolic graph.
//
// A [Model], such as [MLP], is plain data that can lay itself out as a graph. [Build]
// makes a [Network] of it: a Gorgonia graph for one batch size, with its layers by
// name, so that the probes find the pre-activation and the activation of each. The
// weights are in [Parameters], apart from any graph: the training graph and the
// evaluation graph of a model are built with the same ones.
//
//	Model ──Build(Shape, Parameters)──> Network ──vm.Compile──> machine
//	                    │
//	                    └── layer01/weight, layer01/bias, …, output/weight, output/bias
//
// Parameters start from one seed, each from a random stream of its own name; those of
// some models, such as [RBF], from data ([Prepare]). Besides parameters there are
// statistics, which are not learned but averaged over the training steps.
//
// An [Architecture] of the [Catalogue] makes the model of a [Plan], or says why its parts
// can't be combined. A new one is a file and a row.
//
// There are plain and deep linear networks ([MLP]), networks with shortcuts ([Residual],
// [Highway]), an [Autoencoder], radial basis functions ([RBF]) and, for sequences,
// [Recurrent] ones: RNN, LSTM and GRU, of which each time step is a layer. [Catalogue] has
// them by name. [Network.Describe] says what a network consists of, and draws its graph.
package models
