// Package train runs the training loop.
//
// A [Loop] does little by itself: it takes a batch from a stream, runs the training
// machine (loss and gradients), lets the solver step, and calls hooks in between.
// Whatever else happens, evaluating, probing, recording, reporting progress, is a [Hook].
//
//	batch ─> machine ─> Before hooks ─> solver ─> After hooks ─> next batch
//
// A run whose loss or gradients stop being finite, or whose loss explodes, is not an
// error but a [Result] with the status [Diverged], the step, and the first bad layer.
// A step allocates nothing.
package train
