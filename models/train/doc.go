// Package train runs the training loop.
//
// A [Loop] does little by itself: it takes a batch from a stream, runs the training
// machine (loss and gradients), lets the solver step, and calls hooks in between.
// Whatever else happens, evaluating, probing, recording, reporting progress, is a [Hook].
//
//	batch ─> machine ─> Before hooks ─> solver ─> After hooks ─> next batch
//
// In steps in which no hook looks on before the update, machine and solver are one: a
// [Stepper] updates each parameter in the middle of the backward pass, as soon as its
// gradient is there and its old value has been used.
//
//	loss ─ ∂L/∂W₃ ─ ∂L/∂h₂ ─ W₃ steps ─ ∂L/∂W₂ ─ ∂L/∂h₁ ─ W₂ steps ─ …
//
// That changes no result by a bit; the gradients of a thousand layers just never are in
// memory at once. Solvers that look at all parameters together (a chain that clips the
// global norm, say) wait for all gradients in any case.
//
// A run whose loss or gradients stop being finite, or whose loss explodes, is not an
// error but a [Result] with the status [Diverged], the step, and the first bad layer.
// A step allocates nothing.
package train
