// Package vm executes Gorgonia graphs: a drop-in gorgonia.VM for training deep networks.
//
// A program that calls vm.Compile(g) where it called gorgonia.NewTapeMachine(g) runs and trains
// as before (see "Replacing a TapeMachine"). To save memory, name the nodes that you read (a
// loss, the gradients): a [Machine] is then compiled for those. Compiling
//
//   - keeps only the operations that those nodes need,
//   - puts them into a fixed order,
//   - allocates every result once, and lets operations whose results are no
//     longer needed hand their memory to later ones.
//
// Running is then a loop over the operations: no look-up, no goroutine, no allocation (except
// for those stock operations of Gorgonia that insist on it). An operation that implements
// [Binder] reads its tensors' shapes and addresses once, and again only after an input has been
// bound to another tensor.
//
//	graph:    x ── affine ── tanh ── affine ── loss      gradients by gorgonia.Grad
//	machine:  [affine][tanh][affine][loss][loss'][affine'][tanh']…   one slice, run in order
//
// The wanted nodes are bound to their values, so that Node.Value, Node.Grad and any
// gorgonia.Solver work as they do after a run of a TapeMachine. If nodes were named, others are
// not bound: by the end of the run their memory may belong to another node. To read such a node
// during the run, use [Machine.Observe].
//
// Inputs and parameters are read from their nodes at the start of each run, so
// that gorgonia.Let works between runs, and two machines can share parameters
// (a training and an evaluation graph of different batch sizes, say) by binding
// the same tensor to a node of each graph.
//
// # In place of a TapeMachine
//
// What differs, and what to do instead:
//
//   - Reset is unnecessary but harmless. A TapeMachine that is run again without it computes
//     nothing; a Machine computes again.
//   - A run overwrites the values of the last one in place; a TapeMachine makes new ones.
//     Clone a value to keep it (gorgonia.CloneValue). A result that is bound to an input of
//     the same machine (Let(w, u.Value())) is cloned by the next run.
//   - A run after Close is an error.
//   - gorgonia.BindDualValues adds up gradients over runs. Those of a Machine are the
//     last run's. A program that calls a solver's Step after each run trains the same, as
//     Step sets gradients to zero. Use [Machine.Accumulate] to add up several runs.
//   - gorgonia.EvalMode: [Machine.SetTraining].
//   - gorgonia.TraceExec: compiled for a whole graph, a Machine never lets nodes share
//     memory. It needs no option.
//   - gorgonia.WithLogger, WithWatchlist, WithValueFmt, WithNaNWatch, WithInfWatch:
//     [Machine.Observe] and [Machine.RunObserved], with a function that prints or checks.
//   - gorgonia.WithPointerWatch: there is nothing to watch, results do not share memory.
//   - gorgonia.WithPrecompiled, CompileFunction: Compile for the function's outputs.
//   - gorgonia.UseCudaFor, WithEngine: a Machine computes on the processor, and leaves the
//     engines of inputs' tensors as they are, so that machines may share them.
//   - gorgonia.Read is executed at the end of a run. A graph with gorgonia.Set, which a
//     TapeMachine ignores, is refused: use [Machine.Set] between runs, or an [Update].
//   - A tensor that is not in row-major order, or has gaps (a slice, a transposed matrix), is
//     copied into order by each run: bind a clone of it if that takes too long. A masked
//     tensor is refused.
//   - The value of a scalar node is a number. The TapeMachine binds what the
//     operation returned: for gorgonia.Tensordot of two vectors, a tensor of one element.
//   - An operation that returns a shape or type other than its node's is an error.
//   - A parameter whose derivative is a constant, an input, or also another parameter's
//     gets its own gradient. Its Grad keeps returning that if a TapeMachine without
//     BindDualValues runs the graph later: use one kind of machine for such a graph.
//   - A LispMachine's program (gradients without gorgonia.Grad, graphs that grow) needs
//     gorgonia.Grad before Compile, and another Compile for nodes that are added.
//
// Of the tests and examples of Gorgonia v0.9.18, 81 make a TapeMachine. They pass with a Machine
// instead (go run ./vm/gorgoniatest takes them from the module cache and runs them), except six,
// for the reasons above: ExampleTensordot_vectors and TestTensordot want tensors of one element
// for numbers; TestBasicArithmetic wants the engine of the inputs' tensors changed;
// Test_tapeMachinePointerWatchFail wants two nodes to share memory; Test_tapeMachine_Reset
// compares the registers of two TapeMachines; Example_linearRegression starts from random
// numbers and passes with neither.
//
// # Updates
//
// A training step reads a gradient once, to change its parameter. With [CompileUpdates] that
// happens in the middle of the run, right after the gradient is computed, so that it need not be
// kept: see [Update].
//
// # Memory
//
// All results lie side by side in a few pieces of memory, on huge pages where available, in the
// order in which they are first computed. A machine knows what its next steps will read: what
// has long been unused, such as the weights of the next layer, is fetched into the processor's
// cache while earlier steps compute (see [Fetcher]). So a layer in a network of a thousand takes
// little longer than one in a network of fifty.
//
// # Side by side
//
// Machines of different graphs can run concurrently in any number of goroutines. A single one
// can divide its large products over several ([Machine.Split]). Graphs must be built one at a
// time (nodes, gorgonia.Grad and Compile under one mutex, say), as Gorgonia keeps constants,
// type variables and a pool of nodes in globals.
//
// # Which nodes are one
//
// Gorgonia recognises equal nodes by a 32-bit hash, and merges nodes whose hashes agree although
// their inputs differ. In a graph of 10 000 nodes that happens with probability 1/86, and the
// result is silently wrong. [Apply] adds an operation and refuses a node that it did not ask
// for; [Compile] refuses a graph in which different nodes of equal hash feed operations that
// could have been merged. Neither sees two stock operations, added with Gorgonia's own functions
// to inputs of different hashes, whose own hashes happen to be equal.
package vm
