// Package normalization keeps the signal of a network within bounds during
// training, by normalising pre-activations, activations, weights or distances.
//
// A normalisation acts at one place in each hidden layer, its [Site]:
//
//	dense   x ──── ·W + b ────────────────── z ── f ── y ────
//	               │                         │         │
//	               weight-norm               │         │
//	               weight-standardization    │         │
//	                                  batch-norm, layer-norm, group-norm, rms-norm,
//	                                  pseudo-norm, dyt, derf
//	                                   (before)  or  (after)
//	                                         │         │
//	RBF     x ── ‖x - c‖² ─────────── ·b ─── z ─ e^-z ─ y ────
//	               │
//	               distance-scale
//	               distance-standardize
//
// so that what a layer's nonlinearity is applied to, its pre-activation, is after all that
// stands before f. With x̂ for what is normalised:
//
//	batch-norm              γ (x - mean)/√(variance + ε) + β    of each unit, over the batch
//	layer-norm              γ (x - mean)/√(variance + ε) + β    of each example, over the units
//	rms-norm                γ x/√(mean x² + ε)                  of each example, over the units
//	group-norm              γ (x - mean)/√(variance + ε) + β    of each example, over each group of units
//	pseudo-norm             x/√(mean x² + ε)                    of each example, in every k-th layer
//	dyt, derf               γ tanh(α x) + β, γ erf(α x + s) + β of each element: instead of a norm
//	weight-norm             g v/‖v‖                             of each unit's weights
//	weight-standardization  g (v - mean)/‖v - mean‖             of each unit's weights
//	distance-scale          d²/(mean d² + ε)                    of each center, over the batch
//	distance-standardize    (d² - mean)/√(variance + ε) + β     of each center, over the batch
//
// γ, β and g are learned for each unit. All are ignorant of the scale of what they are
// given, and that has a price: the gradient is divided by that scale. A batch-normalised
// network starts with a squared gradient that grows in each layer towards the input by
// π/(π-1) = 1.467 with ReLU, and by (B-2)/(B-3) in a linear network and batches of B (G.
// Yang et al., 2019): 17 decades in 100 layers of ReLU.
//
// A norm before f also decides where f is used. γ and β have settings for where they start;
// batch-norm(working-point=true) chooses them so that f is nearly linear there and the squared
// gradient of all L layers grows by no more than e ([WorkingPoint]): γ = .3, β = .75 for the
// Gaussian and 20 layers, where with γ = 1 and β = 0 it grows by more than 2 in each.
//
// Layer, group and RMS norm leave E[f], which all units share, and have a working point of their
// own ([WorkingPointOfUnits]). Batch norm does not explode with orthogonal weights and an f that is
// more linear the deeper the network is (A. Meterez et al., 2023, arXiv 2310.02012): orthogonal,
// batch-norm and shaped(with=depth); or batch-norm(working-point=true), for f with f'(0) = 0,
// too. Over 50 layers of 128 units and in batches of 64 the gradient of tanh grows by 2.1 decades,
// so shaped by .01, that of the Gaussian by 12, at its working point by .25. As measured it is f
// that matters: weights that are not orthogonal do as well; in batches of 4 all explode.
//
// ε matters where signals vanish: below √ε nothing is normalised any more.
//
// Statistics of the batch are replaced by running ones in evaluation. The training graph
// and the evaluation graph of a model are two graphs that share these tensors; the
// training loop updates them once for each step, and not when an optimizer asks for a second
// gradient of a batch. A batch of one example can't be normalised over: building such a
// network for training is an error.
//
// A normalisation of one's own has three methods ([Normalization]) and needs of the
// graph no more than [Builder]; package normalizationtest tests it, and every model takes
// it. To add one to the catalogue, write a file like layer.go and a row in catalogue.go.
package normalization
