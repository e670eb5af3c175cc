package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
)

// MuonConfig has the settings of [NewMuon].
type MuonConfig struct {
	Rate       float64 `json:"rate" default:"0.02" range:"(0,]" doc:"step size"`
	Momentum   float64 `json:"momentum" default:"0.95" range:"[0,1)" doc:"share of the last velocity that is retained"`
	Heavy      bool    `json:"heavy" default:"false" doc:"plain (heavy-ball) momentum instead of Nesterov's"`
	Iterations int     `json:"iterations" default:"5" range:"[1,]" doc:"Newton-Schulz iterations"`
	Eps        float64 `json:"eps" default:"1e-7" range:"(0,]" doc:"added to the norm by which the velocity is first divided"`
	catalogue.Given
}

// NewMuon returns muon.
//
// Muon orthogonalises the update of each layer: all its singular values become
// about 1, so that no direction of the layer is neglected, however small its
// share of the gradient.
//
//	V <- momentum V + G                       V = 0 initially
//	U  = momentum V + G                       or V, if heavy
//	X  = U/(‖U‖ + eps), then repeatedly X <- a X + (b A + c A²) X with A = X Xᵀ
//	W <- W - rate √max(1, out/in) X
//
// with a, b, c = 3.4445, -4.7750, 2.0315, which take singular values from (0, 1]
// to between 0.68 and 1.13 in five iterations, if they were not too small. W is a
// matrix of in rows and out columns. A vector is taken as a matrix of one row,
// the bias as the weights of an input that is always 1: its direction remains.
//
// Source: Jordan and others, "Muon: an optimizer for hidden layers in neural
// networks" (2024), https://kellerjordan.github.io/posts/muon/. There, vectors
// and the first and last layers are left to another optimizer: use [Partition].
func NewMuon(c MuonConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(Rule{Name: "muon", Vectors: []float64{0}, Update: (&muon{config: c}).update})
}

// muon is the rule's workspace.
type muon struct {
	config            MuonConfig
	x, next, a, aa, p []float64
}

func (o *muon) update(b *Block[float64]) {
	c, v, n := &o.config, b.State[0], len(b.G)
	rows := min(b.Rows, b.Cols)
	if len(o.x) < n {
		o.x, o.next = make([]float64, n), make([]float64, n)
	}
	if len(o.a) < rows*rows {
		o.a, o.aa, o.p = make([]float64, rows*rows), make([]float64, rows*rows), make([]float64, rows*rows)
	}
	// The smaller side counts the rows of X.
	at := func(i int) int { return i }
	if b.Rows > b.Cols {
		at = func(i int) int { return i%b.Cols*b.Rows + i/b.Cols }
	}
	for i, g := range b.G {
		v[i] = c.Momentum*v[i] + g
		u := v[i]
		if !c.Heavy {
			u = c.Momentum*v[i] + g
		}
		o.x[at(i)] = u
	}
	x := o.orthogonalize(o.x[:n], rows)
	scale := c.Rate * math.Sqrt(max(1, float64(b.Cols)/float64(b.Rows)))
	for i := range b.To {
		b.To[i] -= scale * x[at(i)]
	}
}

// orthogonalize brings the singular values of a row-major matrix, which has no
// more rows than columns, near 1.
func (o *muon) orthogonalize(x []float64, rows int) []float64 {
	next, cols := o.next[:len(x)], len(x)/rows
	kernels.Scale(x, x, 1/(norm(x)+o.config.Eps))
	square := func(data []float64) kernels.Matrix[float64] { return kernels.Dense(rows, rows, data[:rows*rows]) }
	a, aa, p := square(o.a), square(o.aa), square(o.p)
	for range o.config.Iterations {
		m := kernels.Dense(rows, cols, x)
		kernels.Mul(a, m, m.T(), false)
		kernels.Mul(aa, a, a, false)
		kernels.Scale(p.Data, a.Data, -4.7750)
		kernels.Axpy(p.Data, aa.Data, 2.0315)
		kernels.Scale(next, x, 3.4445)
		kernels.Mul(kernels.Dense(rows, cols, next), p, m, true)
		x, next = next, x
	}
	return x
}
