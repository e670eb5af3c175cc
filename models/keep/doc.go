// Package keep provides parts of the training loop that keep a network's signal alive during
// training: an initialisation that lets the error through guarantees nothing at step 100.
//
// They monitor χ, the factor by which the squared error grows as it is propagated back from one
// layer to the one below:
//
//	χ(l) = (‖W(l+1)‖²/n(l+1)) mean f'(z(l))²
//
// with the Frobenius norm of the n(l) by n(l+1) weights and the mean over units and examples: the
// χ of mean-field theory, measured (see [Signal]). At 1 the error neither vanishes nor explodes.
//
//	critical-penalty      adds strength Σ (ln χ)² to the loss, through W
//	critical-projection   multiplies W(l+1) by χ(l)^(-strength/2) at intervals
//	homeostasis           moves mean and deviation of each unit's z towards a target, through W and b
//
// Two more change the way that the error takes to the lower layers:
//
//	auxiliary-losses      linear readouts with the loss at every few hidden layers
//	direct-feedback       the error by a fixed random matrix to every layer, not back through those above
//
// The first three methods are this project's own; homeostasis follows the idea of intrinsic plasticity (J. Triesch:
// Synergies between intrinsic and synaptic plasticity in individual model neurons, NIPS 2004),
// with moments of the pre-activation instead of the firing rate. Homeostasis does not control
// χ itself.
//
// # Where it works
//
// χ is measured from each hidden layer to the next whose weights multiply its unmodified output:
// in MLPs, autoencoders, highway networks, and in the branches of residual ones. It is undefined
// where distances replace x·W (RBF), where a recurrent layer lies in between, and where a
// normalisation follows f or produces the weights: there [Keep.Attach] returns an error. The
// weights of the output layer are not changed.
//
// # What it costs
//
// Measurements are made at a fixed interval of steps, on the first examples of the batch, with
// a second network that shares the parameters. Steps in between cost nothing, except for the
// penalty, which computes the norms of the weights in each.
//
// With ten hidden layers of 64 units and batches of 64, in float32, a step took about as long
// with the projection as without, and from 1.07 to 1.18 times as long with the others; the
// cost relative to a step falls with the width and the batch. BenchmarkKeep measures it.
//
// # Results
//
// Digits, ten hidden layers of 32 units, Glorot's initialisation, Adam at rate 0.001, 800 steps
// of 32 examples, four seeds: mean test accuracy.
//
//	                      tanh   sigmoid  gaussian
//	none                  .955    .190     .764
//	critical-projection   .938    .860     .736
//	critical-penalty      .949    .302     .813
//	homeostasis           .941    .811     .100
//
// The sigmoid network trains only if its signal is kept alive; the tanh network, whose signal
// survives anyway, gains nothing. A deviation of 1 is far too wide for ten Gaussian layers: the
// target must suit the function. The study is bench/studies/keep.yaml.
//
// Auxiliary losses and direct feedback stand beside residual networks in bench/studies/paths.yaml;
// bench/results/FINDINGS.md has what they do. Readouts carry thirty softplus layers, not thirty
// sigmoid ones, whose forward signal dies between two of them; direct feedback reaches every
// layer, and trains thirty Gaussian layers, but diverged with softplus.
//
// # A keep of your own
//
// Implement [Keep] and add a row to [Catalogue]; studies can then choose it by name. [Signal]
// measures, models.Builder.Penalise adds to the loss, and the loop calls a train.Hook.
package keep
