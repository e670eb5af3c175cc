package optimizers

import (
	"math"
	"path"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"gorgonia.org/tensor"
)

// KFACConfig has the settings of [NewKFAC].
type KFACConfig struct {
	Rate       float64 `json:"rate" default:"0.1" range:"(0,]" doc:"step size"`
	Momentum   float64 `json:"momentum" default:"0.9" range:"[0,1)" doc:"share of the last velocity that is retained"`
	Damping    float64 `json:"damping" default:"0.001" range:"(0,]" doc:"λ, added to the curvature"`
	Decay      float64 `json:"decay" default:"0.95" range:"[0,1)" doc:"decay of the means of the factors"`
	Clip       float64 `json:"clip" default:"0.001" range:"[0,]" doc:"limit κ of the squared length of a step, measured by the curvature; 0: none"`
	Factors    int     `json:"factors" default:"1" range:"[1,]" doc:"steps from one measurement of the factors to the next"`
	Inverses   int     `json:"inverses" default:"10" range:"[1,]" doc:"steps from one inversion of the factors to the next"`
	OthersRate float64 `json:"others-rate" default:"0.01" range:"(0,]" doc:"step size of parameters without factors, which step as sgd with the same momentum"`
	catalogue.Given
}

// NewKFAC returns kfac.
//
// K-FAC divides the gradient of each dense layer by an approximation of its curvature that has
// the form of a Kronecker product: of the second moments of the layer's inputs a and of the
// errors δ = ∂L/∂(a·W + b).
//
//	A <- e A + (1-e) E[ā āᵀ]                  ā: a, and 1 for the bias; every factors steps
//	S <- e S + (1-e) E[δ δᵀ]                  e = min(1 - 1/k, decay) at the k-th measurement
//	π = √((tr A/dim A)/(tr S/dim S))          1 if one of them is 0
//	U = (A + π √λ I)⁻¹ Ḡ (S + √λ/π I)⁻¹       Ḡ: gradient of W with that of b as its last row;
//	                                          inverted every inverses steps, from the first on
//	ν = min(1, √(κ/(rate² Σ ⟨U, Ḡ⟩)))         sum over all layers
//	v <- momentum v + ν U                     v = 0 initially
//	w <- w - rate v
//
// The loss is a mean over the examples, and δ of one example is taken as that of its own loss:
// E[δ δᵀ] is the number of examples times the sum of δ δᵀ over the rows of the batch. Targets
// are those of the data: S belongs to the empirical Fisher matrix, not to one with targets that
// the model samples. The two differ, the more so the worse the fit.
//
// A bias has a part in A if the parameter is layer/bias, its weights are layer/weight, and it
// has an element for each of their columns. Weights that are factors of several products, as
// those of recurrent layers, have the means over all of them, as if the time steps were
// independent. Parameters without a product, such as gains, learned shapes of activations, or
// weights that are normalised first, step by their gradients: v <- momentum v + g,
// w <- w - others-rate v. To give them another optimizer, use [Partition].
//
// A layer of n inputs and m units keeps 2 (n+1)² + 2 m² numbers, and an inversion takes about
// (n+1)³ + m³ multiplications. What is added to the diagonal of a factor of n rows is at least
// n² 2⁻⁵⁰ of its mean, below which a singular one could not be inverted. It needs the inputs and output gradients of layers
// (NeedsLayers). A factor that is not positive definite, as numbers have overflowed, is an
// [ErrNonFinite].
//
// Source: Martens and Grosse, "Optimizing neural networks with Kronecker-factored approximate
// curvature" (2015), arXiv:1503.05671, section 6.3 for π, as in TensorFlow's K-FAC, whose
// program was read for it; the decay from memory of the paper. Clipping is that of Ba, Grosse
// and Martens (2017), as it is in kfac-pytorch, whose defaults of rate, damping, decay and clip
// these are (read there).
func NewKFAC(c KFACConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	o := &kfac{config: c, biases: make(map[string]string), at: make(map[string]*Block[float64])}
	o.measuring, o.directing, o.summing, o.moving = o.measure, o.direct, o.sum, o.move
	return New(Rule{
		Name:    "kfac",
		Needs:   NeedsLayers,
		Vectors: make([]float64, kfVectors),
		Numbers: kfNumbers,
		Own: func(s tensor.Shape) []int {
			if len(s) != 2 {
				return nil
			}
			a, d := (s[0]+1)*(s[0]+1), s[1]*s[1]
			return []int{kfA: a, kfS: d, kfInverseA: a, kfInverseS: d}
		},
		Together: o.step,
	})
}

// The state of a parameter: vectors, numbers, and the matrices of one that has products.
const (
	kfVelocity = iota
	kfDirection
	kfVectors
)

const (
	kfSteps    = iota
	kfMeasured // how often
	kfFactored // 1 if the step's direction comes from factors
	kfNumbers
)

const (
	kfA = iota
	kfS
	kfInverseA
	kfInverseS
)

// kfac is the rule's workspace.
type kfac struct {
	config KFACConfig
	// Bound once: a step allocates nothing.
	measuring, directing, summing, moving func(*Block[float64])

	at     map[string]*Block[float64] // of this step
	biases map[string]string          // the name of the bias, by that of the weights
	err    error
	length float64 // Σ ⟨U, Ḡ⟩
	shrink float64 // ν

	rows, x, factor, inverse []float64
}

func (o *kfac) step(ps *Parameters) error {
	clear(o.at)
	o.err, o.length, o.shrink = nil, 0, 1
	for _, f := range []func(*Block[float64]){o.measuring, o.directing, o.summing} {
		for i := range ps.Len() {
			if ps.Apply(i, f); o.err != nil {
				return o.err
			}
		}
	}
	if most := o.config.Clip; most > 0 && o.length > 0 {
		o.shrink = min(1, math.Sqrt(most)/(o.config.Rate*math.Sqrt(o.length)))
	}
	for i := range ps.Len() {
		ps.Apply(i, o.moving)
	}
	return nil
}

// measure takes the gradient as the direction, and updates the factors.
func (o *kfac) measure(b *Block[float64]) {
	o.at[b.Name] = b
	b.Numbers[kfFactored] = 0
	copy(b.State[kfDirection], b.G)
	if len(b.Inputs) == 0 || len(b.Own) == 0 {
		return
	}
	n := b.Numbers
	n[kfSteps]++
	if (int(n[kfSteps])-1)%o.config.Factors != 0 {
		return
	}
	n[kfMeasured]++
	keep := min(1-1/n[kfMeasured], o.config.Decay)
	rows := 0
	for _, x := range b.Inputs {
		rows += len(x) / b.Rows
	}
	examples := float64(len(b.Inputs[0]) / b.Rows)
	if b.Info.Size > 0 {
		examples = float64(b.Info.Size)
	}
	d := b.Rows + 1
	a, s := b.Own[kfA], b.Own[kfS]
	kernels.Scale(a, a, keep)
	kernels.Scale(s, s, keep)
	for i, x := range b.Inputs {
		k := len(x) / b.Rows
		o.rows = atLeast(o.rows, k*d)
		for r := range k {
			row := o.rows[r*d : (r+1)*d]
			copy(row, x[r*b.Rows:(r+1)*b.Rows])
			row[b.Rows] = 1
		}
		o.addSquare(a, o.rows[:k*d], d, (1-keep)/float64(rows))
		o.addSquare(s, b.OutputGradients[i], b.Cols, (1-keep)*examples)
	}
}

// addSquare adds scale xᵀx, of rows x of n numbers, to a matrix.
func (o *kfac) addSquare(to, x []float64, n int, scale float64) {
	o.x = atLeast(o.x, n*n)
	square, m := o.x[:n*n], kernels.Dense(len(x)/n, n, x)
	kernels.Mul(kernels.Dense(n, n, square), m.T(), m, false)
	kernels.Axpy(to, square, scale)
}

// bias returns the bias of a layer's weights; nil if there is none.
func (o *kfac) bias(b *Block[float64]) *Block[float64] {
	name, known := o.biases[b.Name]
	if !known {
		if dir, base := path.Split(b.Name); base == "weight" {
			name = dir + "bias"
		}
		o.biases[b.Name] = name
	}
	if bias := o.at[name]; bias != nil && len(bias.Shape) == 1 && bias.Cols == b.Cols && len(bias.Inputs) == 0 {
		return bias
	}
	return nil
}

// direct makes the direction of weights, and of their bias, from the gradient.
func (o *kfac) direct(b *Block[float64]) {
	if len(b.Inputs) == 0 || len(b.Own) == 0 {
		return
	}
	bias := o.bias(b)
	d, full := b.Rows, b.Rows+1
	if bias != nil {
		d = full
	}
	if (int(b.Numbers[kfSteps])-1)%o.config.Inverses == 0 {
		o.invert(b, d)
	}
	size := d * b.Cols
	o.rows, o.x = atLeast(o.rows, size), atLeast(o.x, size)
	g, x := o.rows[:size], o.x[:size]
	copy(g, b.State[kfDirection])
	if bias != nil {
		copy(g[b.Rows*b.Cols:], bias.State[kfDirection])
	}
	kernels.Mul(kernels.Dense(d, b.Cols, x), kernels.Dense(d, d, b.Own[kfInverseA][:d*d]), kernels.Dense(d, b.Cols, g), false)
	kernels.Mul(kernels.Dense(d, b.Cols, g), kernels.Dense(d, b.Cols, x), kernels.Dense(b.Cols, b.Cols, b.Own[kfInverseS]), false)
	copy(b.State[kfDirection], g)
	b.Numbers[kfFactored] = 1
	if bias != nil {
		copy(bias.State[kfDirection], g[b.Rows*b.Cols:])
		bias.Numbers[kfFactored] = 1
	}
}

// invert inverts the damped factors; that of the inputs has d rows, without or with the bias.
func (o *kfac) invert(b *Block[float64], d int) {
	full := b.Rows + 1
	o.factor = atLeast(o.factor, max(d*d, b.Cols*b.Cols))
	a := o.factor[:d*d]
	for i := range d {
		copy(a[i*d:(i+1)*d], b.Own[kfA][i*full:])
	}
	meanA, meanS := meanDiagonal(a, d), meanDiagonal(b.Own[kfS], b.Cols)
	pi := 1.
	if meanA > 0 && meanS > 0 {
		pi = math.Sqrt(meanA) / math.Sqrt(meanS)
	}
	root := math.Sqrt(o.config.Damping)
	ok := o.invertSum(b.Own[kfInverseA][:d*d], a, d, pi*root)
	if ok {
		s := o.factor[:b.Cols*b.Cols]
		copy(s, b.Own[kfS])
		ok = o.invertSum(b.Own[kfInverseS], s, b.Cols, root/pi)
	}
	if !ok {
		o.err = &NonFiniteError{b.Name, "a factor of the curvature has overflowed, and is not positive definite"}
	}
}

func meanDiagonal(a []float64, n int) float64 {
	sum := 0.
	for i := range n {
		sum += a[i*n+i]
	}
	return sum / float64(n)
}

// invertSum sets to to the inverse of a + shift I, by Cholesky's decomposition, and overwrites a.
// It reports false where that is not positive definite.
func (o *kfac) invertSum(to, a []float64, n int, shift float64) bool {
	shift = max(shift, float64(n)*float64(n)*0x1p-50*meanDiagonal(a, n))
	for i := range n {
		a[i*n+i] += shift
	}
	for i := range n { // a becomes the lower triangle L with a = L Lᵀ
		row := a[i*n : i*n+i]
		for j := range i {
			row[j] = (row[j] - dot(row[:j], a[j*n:j*n+j])) / a[j*n+j]
		}
		pivot := a[i*n+i] - dot(row, row)
		if !(pivot > 0) || math.IsInf(pivot, 1) {
			return false
		}
		a[i*n+i] = math.Sqrt(pivot)
	}
	o.inverse = atLeast(o.inverse, n*n)
	m := o.inverse[:n*n] // L⁻¹
	clear(m)
	for i := range n {
		row := m[i*n : (i+1)*n]
		for k := range i {
			kernels.Axpy(row[:k+1], m[k*n:k*n+k+1], -a[i*n+k])
		}
		row[i] = 1
		kernels.Scale(row[:i+1], row[:i+1], 1/a[i*n+i])
	}
	inverse := kernels.Dense(n, n, m)
	kernels.Mul(kernels.Dense(n, n, to), inverse.T(), inverse, false)
	return true
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// sum adds what a parameter has of the length of the step.
func (o *kfac) sum(b *Block[float64]) {
	if b.Numbers[kfFactored] == 1 {
		o.length += dot(b.State[kfDirection], b.G)
	}
}

func (o *kfac) move(b *Block[float64]) {
	rate, shrink := o.config.Rate, o.shrink
	if b.Numbers[kfFactored] == 0 {
		rate, shrink = o.config.OthersRate, 1
	}
	for i, u := range b.State[kfDirection] {
		v := &b.State[kfVelocity][i]
		*v = o.config.Momentum**v + shrink*u
		b.To[i] -= rate * *v
	}
}

// atLeast returns x, or a longer slice if it has fewer than n elements.
func atLeast(x []float64, n int) []float64 {
	if len(x) < n {
		return make([]float64, n)
	}
	return x
}
