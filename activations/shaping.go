package activations

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gradflow/gradflow/activations/meanfield"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
	"gonum.org/v1/gonum/mat"
)

// Topology is how the nonlinear layers of a network follow each other, as the map of
// the largest effect that any of its subnetworks has on x if each layer's is r, an
// increasing function: M_{f,r}(x) of the TAT paper.
type Topology func(x float64, r func(float64) float64) float64

// Plain is a chain of nonlinear layers.
func Plain(depth int) Topology {
	return func(x float64, r func(float64) float64) float64 {
		for range depth {
			x = r(x)
		}
		return x
	}
}

// Residual is a chain of blocks x ← w·x + √(1-w²)·R(x), R having some nonlinear layers
// and w being the weight of the shortcut. What a correlation goes through in a block is
// c ← w² c + (1-w²) R(c).
func Residual(blocks, layers int, w float64) Topology {
	branch := Plain(layers)
	return func(x float64, r func(float64) float64) float64 {
		inside := branch(x, r)
		for range blocks {
			x = w*w*x + (1-w*w)*branch(x, r)
		}
		return max(x, inside)
	}
}

// DKS is Deep Kernel Shaping: it returns γ·(f(αz + β) + δ) with the four numbers that
// make the local maps of a layer at variance 1,
//
//	Q(q) = E[f̂(√q z)²],  C(c) = E[f̂(u₁) f̂(u₂)],
//
// fulfil Q(1) = 1, Q'(1) = 1, C(0) = 0 and C'(1) = s, with s such that the slope at 1
// of no subnetwork's C is above slope (ζ in the paper; 0 means 1.5). Variances then
// keep near 1, and the network's correlation map near the identity, at any depth
// (J. Martens et al.: Rapid training of deep neural networks without skip connections
// or normalization layers using Deep Kernel Shaping, arXiv 2110.01765). It takes
// weights of variance 1/fan-in, Gaussian or orthogonal, biases of 0 and inputs of mean
// square 1. f should be smooth.
func DKS(f Scalar, t Topology, slope float64) (*Transformed, error) {
	if slope == 0 {
		slope = 1.5
	}
	if !(slope > 1) {
		return nil, errors.Errorf("dks: slope %g: the network's must be above 1", slope)
	}
	s, err := solveIncreasing(func(s float64) float64 { return t(1, func(x float64) float64 { return s * x }) }, slope, 1)
	if err != nil {
		return nil, errors.Wrapf(err, "dks: no slope of a layer makes that of the network %g", slope)
	}
	return shape("dks", f, []float64{1, s}, func(p []float64) (*Transformed, []float64) {
		tr := transform("dks", f, math.Exp(p[0]), p[1], 1, 0)
		tr.Delta = -tr.mean()
		tr.Gamma = 1 / math.Sqrt(tr.square())
		return tr, []float64{tr.growth(), tr.slope()}
	}, 2, func(*Transformed) bool { return true })
}

// TAT is the Tailored Activation Transformation of smooth activations: as [DKS], with
// the conditions Q(1) = 1, Q'(1) = 1, C'(1) = 1 and C”(1) = k, with k such that the
// second derivative at 1 of no subnetwork's C is above curvature (τ in the paper; 0
// means 0.3; G. Zhang et al.: Deep learning without shortcuts: shaping the kernel with
// tailored rectifiers, arXiv 2203.08120). Solutions whose slope is 2 or more somewhere
// are left out, as their Q is unstable: DeepMind's implementation asks for αγ < 2, which
// is the same for tanh and softplus, but not for an f of another largest slope.
func TAT(f Scalar, t Topology, curvature float64) (*Transformed, error) {
	if curvature == 0 {
		curvature = 0.3
	}
	if !(curvature > 0) {
		return nil, errors.Errorf("tat: curvature %g: the network's must be above 0", curvature)
	}
	k, err := solveIncreasing(func(k float64) float64 { return t(0, func(x float64) float64 { return x + k }) }, curvature, 0)
	if err != nil {
		return nil, errors.Wrapf(err, "tat: no curvature of a layer makes that of the network %g", curvature)
	}
	return shape("tat", f, []float64{1, 1, k}, func(p []float64) (*Transformed, []float64) {
		tr := transform("tat", f, math.Exp(p[0]), p[1], 1, p[2])
		tr.Gamma = 1 / math.Sqrt(tr.square())
		return tr, []float64{tr.growth(), tr.slope(), tr.curvature()}
	}, 3, func(tr *Transformed) bool { return tr.steepest() < 2 })
}

// TailoredReLU is TAT of leaky rectifiers: γ·max(z, a z) with γ² = 2/(1 + a²), so that Q
// is the identity, and the slope a ≥ 0 that makes C(0) of no subnetwork larger than
// correlation (η in the paper; 0 means 0.9): unlike examples do not become more alike
// than that.
func TailoredReLU(t Topology, correlation float64) (*Transformed, error) {
	if correlation == 0 {
		correlation = 0.9
	}
	if !(correlation > 0 && correlation < 1) {
		return nil, errors.Errorf("tailored-relu: correlation %g: must be between 0 and 1", correlation)
	}
	worst := func(a float64) float64 {
		return t(0, func(c float64) float64 {
			c = min(c, 1) // rounding
			kernel := (math.Sqrt(1-c*c) + (math.Pi-math.Acos(c))*c) / math.Pi
			return ((1-a)*(1-a)*kernel + 2*a*c) / (1 + a*a)
		})
	}
	a := 0.
	if worst(0) > correlation {
		lo, hi := 0., 1. // worst(1) = 0: linear
		for range 200 {
			if a = (lo + hi) / 2; worst(a) > correlation {
				lo = a
			} else {
				hi = a
			}
		}
	}
	return transform("tailored-relu", LeakyReLU(a), 1, 0, math.Sqrt(2/(1+a*a)), 0), nil
}

// solveIncreasing returns the x > least with f(x) = target, f being increasing.
func solveIncreasing(f func(float64) float64, target, least float64) (float64, error) {
	lo, hi := least, least+1
	for f(hi) < target {
		if hi > 1e9 {
			return 0, errors.Errorf("it stays at %g: has the network nonlinear layers?", f(hi))
		}
		lo, hi = hi, 2*hi
	}
	for range 200 {
		if x := (lo + hi) / 2; f(x) < target {
			lo = x
		} else {
			hi = x
		}
	}
	return (lo + hi) / 2, nil
}

// shapingTolerance is how well the conditions must hold.
const shapingTolerance = 1e-10

// Solutions are looked for with α up to largestScale and |β| up to largestShift.
const (
	largestScale = 10
	largestShift = 100
)

// shape solves for the transformation that try makes of n parameters (log α, β, δ):
// what try measures must be as wanted. It starts from the points that DeepMind's
// implementation starts from, and from random ones.
func shape(name string, f Scalar, want []float64, try func(p []float64) (*Transformed, []float64), n int, accept func(*Transformed) bool) (*Transformed, error) {
	if f == nil {
		return nil, errors.Errorf("%s: no activation", name)
	}
	if p, ok := f.(Parametric); ok && len(p.Parameters()) > 0 {
		return nil, errors.Errorf("%s of %s: its parameters are learned, but the transformation holds for one value of them: make them fixed", name, f.Name())
	}
	residual := func(p []float64) []float64 {
		if p[0] > math.Log(largestScale) || math.Abs(p[1]) > largestShift {
			return []float64{math.NaN()} // on its way to where f has no shape
		}
		_, got := try(p)
		for i := range got {
			got[i] -= want[i]
		}
		return got
	}
	const starts = 50
	r := rand.New(rand.NewPCG(1, 2))
	nearest, rejected := math.Inf(1), 0
	for i := range starts {
		p := start(i, n, r)
		p, size := leastSquares(residual, p)
		if size < shapingTolerance {
			if tr, _ := try(p); accept(tr) {
				return tr, nil
			}
			rejected++
			continue
		}
		nearest = min(nearest, size)
	}
	message := fmt.Sprintf("%s of %s: no α, β, γ, δ found from %d starts with α up to 2 and β between -3 and 3", name, f.Name(), starts)
	if rejected > 0 {
		return nil, errors.Errorf("%s: %d solutions left out, as their slope is 2 or more somewhere", message, rejected)
	}
	if math.IsInf(nearest, 1) {
		return nil, errors.Errorf("%s: its moments are not finite, or it is not smooth", message)
	}
	return nil, errors.Errorf("%s: the conditions are missed by %.2g; is it smooth, and can a network of fewer layers, or a larger slope or curvature, do?", message, nearest)
}

// start returns the starting point i.
func start(i, n int, r *rand.Rand) []float64 {
	shifts, scales := []float64{0, 1, -1}, []float64{1, 0.1}
	p := make([]float64, n)
	combinations := len(scales) * len(shifts)
	if n == 3 {
		combinations *= len(shifts)
	}
	if i < combinations {
		p[0], p[1] = math.Log(scales[i%2]), shifts[i/2%3]
		if n == 3 {
			p[2] = shifts[i/6]
		}
		return p
	}
	p[0] = math.Log(2 * r.Float64())
	for k := range p[1:] {
		p[1+k] = 6*r.Float64() - 3
	}
	return p
}

// leastSquares makes the residuals small from p on, by the method of Levenberg and
// Marquardt with central differences, and returns the point and the largest residual.
func leastSquares(residual func([]float64) []float64, p []float64) ([]float64, float64) {
	norm := func(r []float64) float64 {
		var sum float64
		for _, v := range r {
			sum += v * v
		}
		return sum
	}
	n := len(p)
	r := residual(p)
	size, damping := norm(r), 1e-3
	jacobian := mat.NewDense(n, n, nil)
	for range 100 {
		if math.IsNaN(size) || size < 1e-30 {
			break
		}
		for j := range n {
			const h = 1e-5
			x := append([]float64(nil), p...)
			x[j] = p[j] + h
			up := residual(x)
			x[j] = p[j] - h
			down := residual(x)
			for i := range n {
				jacobian.Set(i, j, (up[i]-down[i])/(2*h))
			}
		}
		var normal mat.Dense
		normal.Mul(jacobian.T(), jacobian)
		var gradient mat.VecDense
		gradient.MulVec(jacobian.T(), mat.NewVecDense(n, r))
		better := false
		for ; damping < 1e12; damping *= 8 {
			damped := mat.DenseCopyOf(&normal)
			for j := range n {
				damped.Set(j, j, normal.At(j, j)*(1+damping)+1e-300)
			}
			var step mat.VecDense
			if err := step.SolveVec(damped, &gradient); err != nil && step.IsEmpty() {
				continue
			}
			x := append([]float64(nil), p...)
			for j := range x {
				x[j] -= step.AtVec(j)
			}
			next := residual(x)
			if s := norm(next); s < size {
				better = s < 0.99*size
				p, r, size = x, next, s
				damping /= 20
				break
			}
		}
		if !better {
			break
		}
	}
	largest := 0.
	for _, v := range r {
		largest = max(largest, math.Abs(v))
	}
	if math.IsNaN(size) {
		largest = math.Inf(1)
	}
	return p, largest
}

// steepest returns the largest |f̂'(z)| for |z| ≤ 32.
func (t *Transformed) steepest() float64 {
	var largest float64
	for z := -32.; z <= 32; z += 1. / 64 {
		largest = max(largest, math.Abs(t.Derivative(z)))
	}
	return largest
}

// mean returns E[f̂(z)].
func (t *Transformed) mean() float64 { return meanfield.Expectation(t.F).Value }

// square returns Q(1) = E[f̂(z)²].
func (t *Transformed) square() float64 {
	return meanfield.Expectation(func(z float64) float64 { y := t.F(z); return y * y }).Value
}

// growth returns Q'(1) = E[z f̂(z) f̂'(z)].
func (t *Transformed) growth() float64 {
	return meanfield.Expectation(func(z float64) float64 { return z * t.F(z) * t.Derivative(z) }).Value
}

// slope returns C'(1) = E[f̂'(z)²].
func (t *Transformed) slope() float64 {
	return meanfield.Expectation(func(z float64) float64 { d := t.Derivative(z); return d * d }).Value
}

// curvature returns C”(1) = E[f̂”(z)²] = Σ k b_k², b being the Hermite coefficients of
// the derivative; NaN if the sum does not end, as for an f with kinks.
func (t *Transformed) curvature() float64 {
	b, rest := meanfield.Hermite(t.Derivative, 1)
	sum, total := 0., rest
	for k, v := range b {
		sum += float64(k) * v * v
		total += v * v
	}
	if rest > 1e-13*total {
		return math.NaN()
	}
	return sum
}

// The settings of the catalogue's rows: the first say what network it is for.

type dksSettings struct {
	Of       Activation `json:"of" default:"null" doc:"the activation to shape, a smooth one; null: tanh"`
	Depth    int        `json:"depth" default:"0" range:"[0,20000]" doc:"nonlinear layers of the network; 0: as many as it has"`
	Shortcut float64    `json:"shortcut" default:"0" range:"[0,1)" doc:"weight w of shortcuts around branches of weight √(1-w²); 0: a plain network"`
	Branch   int        `json:"branch" default:"1" range:"[1,20000]" doc:"nonlinear layers of a branch"`
	Slope    float64    `json:"slope" default:"1.5" range:"(1,]" doc:"largest slope of the network's correlation map, ζ"`
}

type tatSettings struct {
	Of        Activation `json:"of" default:"null" doc:"the activation to shape, a smooth one; null: tanh"`
	Depth     int        `json:"depth" default:"0" range:"[0,20000]" doc:"nonlinear layers of the network; 0: as many as it has"`
	Shortcut  float64    `json:"shortcut" default:"0" range:"[0,1)" doc:"weight w of shortcuts around branches of weight √(1-w²); 0: a plain network"`
	Branch    int        `json:"branch" default:"1" range:"[1,20000]" doc:"nonlinear layers of a branch"`
	Curvature float64    `json:"curvature" default:"0.3" range:"(0,]" doc:"largest curvature of the network's correlation map, τ"`
}

type tailoredSettings struct {
	Depth       int     `json:"depth" default:"0" range:"[0,20000]" doc:"nonlinear layers of the network; 0: as many as it has"`
	Shortcut    float64 `json:"shortcut" default:"0" range:"[0,1)" doc:"weight w of shortcuts around branches of weight √(1-w²); 0: a plain network"`
	Branch      int     `json:"branch" default:"1" range:"[1,20000]" doc:"nonlinear layers of a branch"`
	Correlation float64 `json:"correlation" default:"0.9" range:"(0,1)" doc:"largest correlation that unlike examples come to, η"`
}

func topology(depth int, shortcut float64, branch int) (Topology, error) {
	switch {
	case shortcut == 0:
		return Plain(depth), nil
	case depth%branch != 0:
		return nil, catalogue.Invalid("branch", "%d: must divide the depth %d", branch, depth)
	}
	return Residual(depth/branch, branch, shortcut), nil
}

func makeDKS(s dksSettings) (Activation, error) {
	f, err := orTanh(s.Of)
	if err != nil {
		return nil, err
	}
	return forDepth("dks", s.Depth, s.Shortcut, s.Branch, func(t Topology) (*Transformed, error) { return DKS(f, t, s.Slope) })
}

func makeTAT(s tatSettings) (Activation, error) {
	f, err := orTanh(s.Of)
	if err != nil {
		return nil, err
	}
	return forDepth("tat", s.Depth, s.Shortcut, s.Branch, func(t Topology) (*Transformed, error) { return TAT(f, t, s.Curvature) })
}

func makeTailoredReLU(s tailoredSettings) (Activation, error) {
	return forDepth("tailored-relu", s.Depth, s.Shortcut, s.Branch, func(t Topology) (*Transformed, error) { return TailoredReLU(t, s.Correlation) })
}

// What makes a network normalise by units, as layer norm does, leaves them as they are: the
// conditions hold for variance 1, which it sets. A norm over the batch takes away what examples
// have in common, and so changes the correlations that are shaped; a highway's gates keep no
// variance. Those are refused ([Unshaping]).

// forDepth shapes for a depth, or with 0 for that of the network when it is known.
func forDepth(name string, depth int, shortcut float64, branch int, shape func(Topology) (*Transformed, error)) (Activation, error) {
	fit := func(depth int) (Activation, error) {
		t, err := topology(depth, shortcut, branch)
		if err != nil {
			return nil, err
		}
		return orError(shape(t))
	}
	if depth > 0 {
		return fit(depth)
	}
	if _, err := fit(max(50, branch) / branch * branch); err != nil { // what can't be shaped is told at once
		return nil, err
	}
	return adaptable{name: name, fit: func(n Network) (Activation, error) {
		if n.Unshapes != "" {
			return nil, errors.Errorf("%s is not defined in this network: %s; say %s(depth=%d) to have it shaped for plain layers all the same", name, n.Unshapes, name, max(1, n.Depth))
		}
		return fit(max(1, n.Depth))
	}}, nil
}

func orTanh(f Activation) (Scalar, error) {
	if f == nil {
		return Tanh(), nil
	}
	s, err := ScalarOf(f)
	if err != nil {
		return nil, catalogue.Invalid("of", "%v", err)
	}
	return s, nil
}
