// Package ops contains the differentiable operations that layers are made of, for float32 and
// float64, with symbolic gradients. The built-in models, activations, normalisations and losses
// consist of them, and so can your own.
//
//	layers       [Affine] [MatMul] [Shortcut] [LearnedShortcut] [Carry]
//	functions    [Pointwise] [FunctionOf] [Parametric] [Rowwise]
//	RBF          [SquaredDistance] [ScaleColumns] [ExpNeg]
//	norms        [Statistics] [GivenStatistics] [Normalize]
//	sequences    [TimeMajor] [BatchMajor] [Stack] [Step] [Zeros] [RepeatRow] [LSTM] [GRUStep] [GRU]
//	losses       [CrossEntropy] [StepCrossEntropy] [MeanSquaredError] [Penalise] [RowScaledNorm] [Plus]
//	derivatives  [Gradient] [Curvature] [Products] [Pullback] [Cuts]
//
// Matrices have a row for each example of the batch. Shapes and element types that don't fit are
// an error when the graph is built. Gorgonia's stock operations can be mixed with these.
//
// An operation of your own is a [Function], a [ParametricFunction] or a [RowFunction]: its
// kernels, without Gorgonia's interfaces. From one description of an operation (its name, the
// dimensions of its inputs, its kernels and, input by input, what gives the gradient) follow all
// of these, so that the operations run on this project's vm, on the TapeMachine and on the
// LispMachine.
//
// Each operation is one node: [Gradient], or gorgonia.Grad, makes a node for the gradient of each
// input, and an executor that runs only what is wanted computes no other.
//
// Only matrix products have second derivatives; the gradients of all others say that
// they have none. Gorgonia keeps one gradient per node, though: of a node that one
// gorgonia.Grad has passed, a second one in the same graph returns the first one's
// gradient, without an error, for stock operations too. A graph is differentiated once.
package ops
