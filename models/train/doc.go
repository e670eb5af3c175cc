// Package train runs the training loop.
//
// A [Loop] only takes a batch from a stream, runs the training machine (loss and
// gradients), lets the solver step, and calls hooks in between. Everything else, such as
// evaluation, probes, records and progress reports, is a [Hook].
//
//	batch ─> machine ─> Before hooks ─> solver ─> After hooks ─> next batch
//
// In steps whose gradients no hook reads, machine and solver are fused: a
// [Stepper] updates each parameter during the backward pass, as soon as its gradient is
// complete and its old value is no longer needed.
//
//	loss ─ ∂L/∂W₃ ─ ∂L/∂h₂ ─ W₃ steps ─ ∂L/∂W₂ ─ ∂L/∂h₁ ─ W₂ steps ─ …
//
// The results are the same bit for bit, but the gradients of a thousand layers are never
// in memory at once. Solvers that look at all parameters together (a chain that clips the
// global norm, say) wait for all gradients in any case.
//
// A run whose loss or gradients stop being finite, or whose loss explodes, is not an
// error but a [Result] with the status [Diverged], the step, and the first bad layer.
// A step allocates nothing.
//
// # What is evaluated
//
// Some solvers train at one point and have their result at another, an average over the steps
// (see [optimizers.Averager]). [Stepper.AtAverage] and [Stepper.Score] evaluate the result, and
// leave the run as it was. Hooks see the parameters, and the gradients, that are trained.
//
// # Checkpoints
//
// [Loop.Save] writes the whole state of a run between two steps, [Loop.Restore] reads it
// into a loop made from the same parts, which then performs the remaining steps exactly as
// the first would have, bit for bit. Loop.Checkpoints saves at intervals.
//
// # Denormals
//
// A number below the smallest normal one of its type (2^-126 in float32) is denormal: it
// has fewer digits, and many processors take ten to a hundred times as long to compute
// with it. Networks whose gradient vanishes are full of them. By default the steps and the
// evaluations of float32 networks therefore flush them to zero, as other systems do;
// Stepper.FlushToZero and Evaluator.FlushToZero turn that off. It holds for everything
// that a step computes, forward, backward and in the solver's update, on the thread of the
// goroutine and on those that large products are divided over, and is undone after each
// step. Hooks run without it, except for observers, which are called in the middle of the
// network's arithmetic. float64 never flushes: its smallest normal number is 2^-1022.
//
// The processor notes when a result was flushed, or when a denormal was met; the loop asks
// it once for each step, and [Result] has the number of such steps. It counts what is
// computed on the way to a result, too.
package train
