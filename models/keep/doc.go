// Package keep has parts of the training loop that keep the signal of a network alive while it
// trains: a start that lets the error through says nothing of the hundredth step.
//
// What is watched is χ, the factor by which the squared error grows on its way back from one
// layer to the one below:
//
//	χ(l) = (‖W(l+1)‖²/n(l+1)) mean f'(z(l))²
//
// with the Frobenius norm of the n(l) by n(l+1) weights and the mean over units and examples: that
// of the mean field, measured (see [Signal]). At 1 the error neither vanishes nor explodes.
//
//	critical-penalty      adds strength Σ (ln χ)² to the loss, through W
//	critical-projection   multiplies W(l+1) by χ(l)^(-strength/2) now and then
//	homeostasis           draws mean and deviation of each unit's z to a target, by W and b
//
// These are the project's own; the last is the idea of intrinsic plasticity (J. Triesch:
// Synergies between intrinsic and synaptic plasticity in individual model neurons, NIPS 2004),
// with moments of the pre-activation in place of those of the firing rate. Homeostasis says
// nothing of χ itself.
//
// # Where it works
//
// χ is measured from each hidden layer to the next whose weights multiply its output as it is:
// in MLPs, autoencoders, highway networks, and in the branches of residual ones. It can't be
// where distances take the place of x·W (RBF), where a recurrent layer stands in between, or
// where a normalisation comes after f or makes the weights that multiply: there [Keep.Attach]
// returns an error. The weights of the output layer are left alone.
//
// # What it costs
//
// Measurements are made after every so many steps, on the first examples of the batch, with
// a network of their own that shares the parameters. Steps in between cost nothing, but for
// the penalty, which takes the norms of the weights in each.
//
// With ten hidden layers of 64 units and batches of 64, in float32, a step took about as long
// with the projection as without, and from 1.05 to 1.1 times as long with the others; the
// share falls with the width and the batch. BenchmarkKeep measures it.
//
// # What was seen
//
// Digits, ten hidden layers of 32 units from Glorot's start, Adam of rate 0.001, 800 steps of 32
// examples, four seeds: mean accuracy on the test part.
//
//	                      tanh   sigmoid  gaussian
//	none                  .955    .190     .764
//	critical-projection   .938    .860     .736
//	critical-penalty      .949    .302     .813
//	homeostasis           .941    .811     .100
//
// The sigmoid network trains only where its signal is kept; the tanh network, whose signal lives
// without, gains nothing. A deviation of 1 is far too wide for ten Gaussian layers: the target
// has to suit the function. The study is bench/studies/keep.yaml.
//
// # A keep of your own
//
// It is a [Keep], with a row in [Catalogue], which makes it a choice of studies. [Signal]
// measures, models.Builder.Penalise adds to the loss, and train.Hook is called in the loop.
package keep
