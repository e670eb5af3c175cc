// Package vm executes Gorgonia graphs: a drop-in gorgonia.VM that is made for
// training deep networks step after step.
//
// A [Machine] is compiled once for the nodes that are wanted (a loss, the
// gradients, whatever is to be read). Compiling
//
//   - keeps only the operations that those nodes need,
//   - puts them into a fixed order,
//   - allocates every result once, and lets operations whose results are no
//     longer needed hand their memory to later ones.
//
// Running is then a loop over the operations: no look-up, no goroutine, no
// allocation (operations of Gorgonia's own that insist on allocating excepted). An
// operation that is a [Binder] reads its tensors' shapes and addresses once, and again
// only after an input has been bound to another tensor.
//
//	graph:    x ── affine ── tanh ── affine ── loss      gradients by gorgonia.Grad
//	machine:  [affine][tanh][affine][loss][loss'][affine'][tanh']…   one slice, run in order
//
// The wanted nodes are bound to their values, so that Node.Value, Node.Grad and
// any gorgonia.Solver work as they do after a run of a TapeMachine. Nodes that
// were not asked for are not bound: their memory may be another's by the end of
// the run. To look at such a node while it is there, use [Machine.Observe].
//
// Inputs and parameters are read from their nodes at the start of each run, so
// that gorgonia.Let works between runs, and two machines can share parameters
// (a training and an evaluation graph of different batch sizes, say) by binding
// the same tensor to a node of each graph.
//
// # Updates
//
// A training step reads a gradient once, to change its parameter. [CompileUpdates] has
// that done in the middle of the run, when the gradient has just been computed, so that
// it need not be kept: see [Update].
//
// # Memory
//
// All results lie side by side in a few pieces of memory, of huge pages where there are
// any, in the order in which they are first computed. A machine knows what its next
// steps will read: what has not been in use for long, such as the weights of the next
// layer, is fetched into the processor's cache while the steps before compute (see
// [Fetcher]). So a layer of a thousand takes little longer than one of fifty.
//
// # Side by side
//
// Machines of different graphs run side by side in any number of goroutines. One alone
// can divide its large products over several ([Machine.Split]). Graphs
// must be built one at a time (nodes, gorgonia.Grad and Compile under one mutex, say),
// as Gorgonia keeps constants, type variables and nodes to be used again in globals.
//
// # Which nodes are one
//
// Gorgonia recognises equal nodes by a 32-bit hash, and merges nodes whose hashes
// agree although their inputs differ. In a graph of 10 000 nodes that happens
// once in 86 times, and the result is silently wrong. [Apply] adds an operation
// and refuses a node that it did not ask for; [Compile] refuses a graph in which
// different nodes of equal hash feed operations that could have been merged. What
// neither sees is two stock operations, added with Gorgonia's own functions to
// inputs of different hashes, that happen to have one hash themselves.
package vm
