// Package meanfield is the mean-field theory of signals in wide random networks, for any
// nonlinearity f: how the variance of the pre-activations, the correlation of two examples and
// the gradient change from layer to layer, and which initialisation preserves them.
//
// In a network of layers z = x·W + b, y = f(z) with weights W_ij ~ N(0, σ_w²/fan-in)
// and biases b ~ N(0, σ_b²), the pre-activations of a wide layer are normal. Their
// variance q follows the q-map, the correlation c of two examples' the c-map, and the
// squared norm of the gradient is multiplied by χ in each layer backwards:
//
//	q ← σ_w² E[f(√q z)²] + σ_b²                       z ~ N(0, 1)
//	c ← (σ_w² E[f(u₁) f(u₂)] + σ_b²)/q                u₁, u₂ ~ N(0, q), correlation c
//	χ = σ_w² E[f'(√q z)²]                             χ₁ is χ at the fixed point q*
//
// χ₁ is also the slope of the c-map at c = 1. Below 1 the network is ordered: examples
// become alike and gradients vanish, by the factor e in ξ = 1/|ln χ₁| layers. Above 1
// it is chaotic: examples become unlike and gradients explode. Networks are trainable
// up to a depth of about 6ξ, and so best on the critical line χ₁ = 1 (B. Poole et al.:
// Exponential expressivity in deep neural networks through transient chaos, 2016; S.
// Schoenholz et al.: Deep information propagation, 2017).
//
//	m, err := meanfield.New(activations.Tanh())
//	t, err := m.Theory(meanfield.Variances{Weight: 1.5, Bias: 0.05}) // q*, χ₁, ξ, phase
//	c, err := m.Critical(0.05)                                       // the line χ₁ = 1
//
// For a·f(z) only the product a·σ_w matters.
//
// χ₁ = 1 preserves the gradient, but not always the signal: if the c-map is flat except near c =
// 1, as that of the even e^(-z²) is, unlike examples become alike within a few layers.
// Transformations make the whole c-map nearly the identity (activations.DKS, activations.TAT).
//
// # Beyond plain networks
//
// [Field.Signal] follows the signal of a given network layer by layer, from the data's own size
// and correlation, at finite depth: plain, with RMS, layer or batch norm before or after f,
// residual with f inside or before, and highway; [Field.Isometry] returns the spread of the
// Jacobian's singular values, [Field.Degree] the degree of f at a norm's working point.
//
//	sites, err := m.Signal(meanfield.Network{Layers: variances}, meanfield.Signal{Square: 1, Apart: 1})
//
// # Which nonlinearities have a critical point
//
// The critical weight variance, without biases and with biases of variance 0.05:
//
//	activation      σ_b² = 0                     σ_b² = 0.05
//	identity        1.0000 (any q*)              none: χ₁ → 1 at 1
//	tanh            1.0000 (q* = 0)              1.7610 (q* = 0.57)
//	scaled-tanh     0.7642 (q* = 0)              1.1962 (q* = 0.876)
//	sigmoid         103.0076 (q* = 45.6)         103.1285 (q* = 45.7)
//	hard-tanh       1.0000 (q* = 0)              1.1655 (q* = 0.464)
//	softsign        1.0000 (q* = 0)              3.1412 (q* = 0.412)
//	arctan          1.0000 (q* = 0)              1.7722 (q* = 0.692)
//	erf             0.7854 (q* = 0)              1.3758 (q* = 0.517)
//	sine            1.0000 (q* = 0)              1.5021 (q* = 0.552)
//	softplus        none: χ₁ → 1 at 2            none: χ₁ → 1 at 2
//	gaussian        2.9142 (q* = 1.21)           2.9394 (q* = 1.25)
//	relu            2.0000 (any q*)              none: χ₁ → 1 at 2
//	leaky-relu      1.9998 (any q*)              none: χ₁ → 1 at 2
//	elu             1.0000 (q* = 0)              1.5337 (q* = 1.3)
//	selu            0.4768 (q* = 0)              0.9018 (q* = 0.827)
//	gelu            none: χ₁ → 1 at 4            none: χ₁ jumps from 0.9 to 1
//	gelu-tanh       none: χ₁ → 1 at 4            none: χ₁ jumps from 0.9 to 1
//	silu            none: χ₁ → 1 at 4            none: χ₁ jumps from 0.88 to 1
//	mish            none: χ₁ → 1 at 2.778        none: χ₁ jumps from 0.96 to 1
//
// Those without one grow linearly on at least one side: E[f²] ≈ k q and E[f'²] ≈ k for large q.
// If E[f²] > q E[f'²] at all q, as for softplus, χ₁ = σ_w² E[f'²] < σ_w² E[f²]/q ≤ 1 at any
// fixed point, and 1 only in the limit of infinite q*. If E[f²] grows faster than q E[f'²] at
// first, as that of GELU, SiLU and Mish does, fixed points with χ₁ ≥ 1 are unstable without
// biases, and with small biases χ₁ jumps over 1 where one branch of fixed points ends; biases
// above about 0.17 make GELU critical at weight variances just below 2. Where the q-map is
// neutral (linear, ReLU and leaky ReLU), criticality is the one weight variance that preserves
// every q, and any bias makes q grow without bound. Deep kernel shaping shifts and scales such
// an f to give it a critical point (activations.DKS).
//
// # How it is computed
//
// Expectations of one variable are adaptive Gauss-Kronrod integrals, split at the kinks of f, to
// a relative error of about 1e-13, at variances from 1e-12 to 1e9. Those of two correlated
// variables are Hermite series with a bound on the remainder, or two nested integrals where that
// bound is too large (kinks or sharp bends with c near ±1), to 1e-10. The whole theory of a
// nonlinearity takes some milliseconds.
package meanfield
