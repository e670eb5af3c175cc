package remedy

import (
	"strings"

	"github.com/gradflow/gradflow/internal/texttab"
)

// Page says of a remedy what one has to know before using it. Measured, of a page that is printed,
// comes from the recorded answers.
type Page struct {
	Formula string
	Parts   []string // names in the catalogues, whose references are the remedy's
	Needs   string
	Costs   string // of a training step, 20 layers of 64 units at a batch of 64, in float32
	Fails   string // what theory or the method itself says of when it does not help
}

// PageOf returns the page of a remedy, by its word in the catalogue or by the name that people are
// shown.
func PageOf(name string) (p Page, ok bool) {
	if p, ok = pages[nameOf(name)]; !ok {
		p, ok = pages[name]
	}
	return p, ok
}

// Lines prints the page of a remedy.
func (p Page) Lines(width int) (lines []string) {
	for _, part := range [][2]string{{"Formula   ", p.Formula}, {"Needs     ", p.Needs}, {"Costs     ", p.Costs}, {"Fails     ", p.Fails}, {"From      ", strings.Join(p.Parts, ", ") + "; gradflow list --cite " + strings.Join(p.Parts, " ")}} {
		lines = append(lines, texttab.Prose(part[0], part[1], width)...)
	}
	return lines
}

// theUsual is what a change that takes no more operations costs.
const theUsual = "nothing: a step takes as long as without"

var pages = map[string]Page{
	"residual": {"x ↦ x + W₂ f(W₁ f(x)), f before the weights, blocks of two layers", []string{"residual"},
		"layers of one width, or a projection where it changes", "about 1.1 times a plain step", "the signal grows with every block: at depth 100 the Gaussian's scores fall again"},
	"pre-norm residual, 1/L": {"x ↦ x + (1/L) W₂ f(norm(W₁ f(norm x))), L blocks", []string{"residual", "layer-norm"},
		"layers of one width, or a projection where it changes", "about twice a plain step, for the norms", "nowhere in the recorded studies"},
	"layer norm after f": {"y ↦ γ (y - mean y)/deviation y + β over the units of an example, y = f(z)", []string{"layer-norm"},
		"more than a few units", "about 1.7 times a plain step", "behind an even f, such as the Gaussian, its gradient explodes; with depth 100 it fails for all five nonlinearities recorded"},
	"DKS": {"γ (f(αz + β) + δ) with four numbers such that the kernel of the whole network keeps its shape: Q(1) = 1, Q'(1) = 1, C(0) = 0, C'(1) = ζ", []string{"dks"},
		"a depth that is known, and inputs of mean square 1", "about twice a plain step, as f is composed of more operations", "softplus at depth 100 diverged in 2 of 6 runs"},
	"batch norm": {"z ↦ γ (z - mean z)/deviation z + β over the batch", []string{"batch-norm"},
		"batches of more than a few examples, which then depend on each other", "about 1.85 times a plain step", "it starts where f is not linear: the gradient grows by 1.49 a layer for ReLU, by 3.1 for the Gaussian, which stays at chance"},
	"batch norm + working point": {"batch norm whose γ and β start so that χ = γ² E[f'(γn + β)²]/Var f(γn + β) is at most 1 + 1/L, where f is steep", []string{"batch-norm"},
		"batches, and a scalar f with such a point", "about 1.85 times a plain step", "nowhere in the recorded studies to depth 100"},
	"layer norm + working point": {"layer norm whose γ and β start so that γ² E[f'(γn + β)²]/E[f(γn + β)²] is 1, with orthogonal weights", []string{"layer-norm", "orthogonal"},
		"a scalar f with such a point", "about 1.7 times a plain step", "f with E[f] ≠ 0, of which examples become alike: sigmoids and Gaussians reach .2 at 30 layers, Gaussians chance at 50"},
	"highway": {"x ↦ T∘f(Wx + b) + (1 - T)∘x with a learned gate T = σ(W_T x + b_T), b_T = -2 at first", []string{"highway"},
		"layers of one width", "about 2.5 times a plain step, for the gates' products", "over 30 sigmoid layers the examples fade at the start, by a factor of ten thousand, and come back in part"},
	"critical start": {"W ~ N(0, σ²/n) with σ² such that χ₁ = σ² E[f'(√q* n)²] = 1 at the fixed point q* of q ↦ σ² E[f(√q n)²] + σ_b²", []string{"critical"},
		"a nonlinearity with a critical point: softplus, GELU and SiLU have none", theUsual, "a gradient that lives is not a network that trains: sigmoid stays at .2 to .5 at depth 30"},
	"kept critical": {"W ← W χ^(-η/2) every few steps, χ = (‖W‖²/n) mean f'(z)² of the layer below", []string{"critical-projection"},
		"layers that read the output of the one below", "about nothing: measured every 20 steps on 16 examples", "thirty sigmoid layers stay dead, forward and backward; it works on the backward signal alone"},
	"homeostasis": {"w, b of each unit moved towards mean 0 and deviation 1 of its pre-activation", []string{"homeostasis"},
		"layers z = x·W + b without a norm before f", "1.07 to 1.18 times a plain step", "a deviation of 1 is too wide for Gaussians, which end at chance"},
	"auxiliary losses": {"L + λ Σ L(f(z_l) R_l + c_l) at every fifth hidden layer", []string{"auxiliary-losses"},
		"a loss for whole examples, not for sequences", "about 1.2 times a plain step", "thirty sigmoid layers stay at chance"},
	"direct feedback": {"δ_l = (e B_l)∘f'(z_l), B_l fixed and random, in place of (δ_(l+1) W_(l+1)ᵀ)∘f'(z_l)", []string{"direct-feedback"},
		"a plain feed-forward network", "about nothing: small products in place of large ones", "it is not the gradient: networks that train anyway end lower, and softplus diverged"},
	"residual, scaled by depth": {"x ↦ x + f(Wx + b)/√L, blocks of two layers with f inside", []string{"residual"},
		"layers of one width, or a projection where it changes", "about 1.1 times a plain step", "nowhere in the recorded answers"},
	"layer norm before f": {"z ↦ γ (z - mean z)/deviation z + β over the units of an example, before f", []string{"layer-norm"},
		"more than a few units", "about 1.7 times a plain step", "sigmoid and softplus networks 30 deep stay at chance"},
	"RMS norm after f": {"y ↦ γ y/√(mean y²), y = f(z)", []string{"rms-norm"},
		"nothing", "about 1.9 times a plain step", "sigmoid and softplus networks 30 deep stay at chance"},
	"batch norm after f": {"f(z) ↦ γ (f(z) - mean)/deviation + β over the batch", []string{"batch-norm"},
		"batches of more than a few examples", "about 1.85 times a plain step", "behind an even f, such as the Gaussian, it stays at chance"},
	"TAT": {"γ (f(αz + β) + δ) as DKS, but with C(0) = η for smooth f: Q'(1) = 1, C'(1) = 1, C''(1) = τ", []string{"tat"},
		"a depth that is known, and inputs of mean square 1", "about twice a plain step, as f is composed of more operations", "nowhere in the recorded answers"},
	"Gaussian-Poincaré": {"a f(z) + b with E[g²] = E[g'²] = 1, and orthogonal weights", []string{"gaussian-poincare", "orthogonal"},
		"a scalar f", "about 1.9 times a plain step", "nowhere in the recorded answers, though it ends a little below residual networks"},
	"orthogonal start": {"W random orthogonal", []string{"orthogonal"},
		"nothing", theUsual, "sigmoid, softplus and Gaussian networks die with depth as before"},
	"looks-linear start": {"W = [V, -V; -V, V]: mirrored pairs of units, of which a pair f(z) - f(-z) is odd", []string{"looks-linear"},
		"plain layers", theUsual, "even f, such as the Gaussian, of which nothing is left: it is refused"},
	"χ start": {"orthogonal, then W scaled on a batch so that (‖W‖²/n) mean f'(z)² = 1", []string{"chi"},
		"a plain layer below", theUsual, "it sets the backward signal alone: sigmoid networks 30 deep lose the examples, and reach .64"},
	"LSUV start": {"orthogonal, then W scaled on a batch so that Var z = 1", []string{"lsuv"},
		"a batch", theUsual, "sigmoid networks 30 deep stay at chance"},
	"fixed-point start": {"W = D + N(0, .085²/n), D_ij = 1 where input i = unit j modulo the n inputs", []string{"fixed-point"},
		"tanh, or an f of slope 1 at 0", theUsual, "f without f(0) = 0 and f'(0) = 1: sigmoid and Gaussian networks 30 deep stay at chance"},
	"learned scale": {"a f(z), a learned by each layer, 1 at first", []string{"scaled"},
		"nothing", "about 1.1 times a plain step", "sigmoid, softplus and tanh networks whose gradient is dead at the start stay at chance"},
	"weight norm": {"w = g v/‖v‖ for each unit", []string{"weight-norm"},
		"nothing", "about 1.7 times a plain step", "networks that are dead at the start stay at chance"},
	"irprop-minus": {"w ← w - Δ sign g, Δ grown by 1.2 or halved with the sign's history", []string{"irprop-minus"},
		"large batches, as signs of small ones are chance", theUsual, "sigmoid networks 30 deep stay at chance"},
	"smorms3": {"w ← w - g min(rate, g1²/g2)/(√g2 + ε)", []string{"smorms3"}, "nothing", theUsual, "sigmoid and tanh networks that are dead at the start stay at chance"},
	"rmsprop": {"w ← w - rate g/(√v + ε), v the mean of g²", []string{"rmsprop"}, "nothing", theUsual, "as smorms3"},
	"K-FAC":   {"w ← w - rate A⁻¹ G S⁻¹ with damping, A of inputs, S of gradients", []string{"kfac"}, "dense layers", "about 5 times a plain step", "dense networks that are dead at the start stay at chance"},
	"vsgd-fd": {"w ← w - g m²/(h v), rates from the gradient's mean, variance and a difference of gradients", []string{"vsgd-fd"}, "nothing, no rate either", "about five times a plain step, with its second gradient", "networks that are dead at the start stay near chance"},
	"distances standardised": {"d² ↦ (d² - mean)/deviation + β of each center over the batch", []string{"distance-standardize"},
		"RBF layers and batches", "about 1.2 times a plain step", "at depth 20 it has .18"},
	"far centers": {"distances standardised, with a small width b and centers of large variance: units are nearly linear", []string{"distance-standardize"},
		"RBF layers and batches", "about 1.2 times a plain step", "nowhere in the recorded studies; 50 layers reach .79, 20 reach .95"},
	"distances scaled": {"d² ↦ d²/mean d² of each center over the batch", []string{"distance-scale"},
		"RBF layers and batches", "about 1.3 times a plain step", "the relative spread of distances falls as 1/√n in each layer: it fades from depth 5 on"},
}
