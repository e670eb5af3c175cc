package ops

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Divisor is what a normalisation divides a row or column of n elements by, once c
// is subtracted.
type Divisor int

const (
	Deviation Divisor = iota // √(Σ(x - c)²/n + ε)
	Norm                     // √(Σ(x - c)² + ε)
	Mean                     // Σx/n + ε, for numbers that are not negative
)

// Normalization says how numbers are normalised: y = γ·(x - c)/s + β.
type Normalization struct {
	Rows    bool    // each row has its own c and s; else each column
	Groups  int     // with Rows: each of this many parts of a row, of equal length, has its own; 0: 1
	Centred bool    // c is the mean, else 0; not with the divisor Mean
	Divisor Divisor // s
	Eps     float64 // ε ≥ 0
	// Fixed treats c and s as constants, as in evaluation; else they are computed from x, and
	// the gradient passes through them.
	Fixed bool
}

func (n Normalization) name() string {
	name := "normalize-" + [...]string{"deviation", "norm", "mean"}[n.Divisor]
	if n.Rows {
		name += "-of-rows"
	}
	if n.parts() > 1 {
		name += fmt.Sprintf("-in-%d-groups", n.Groups)
	}
	if n.Centred {
		name += "-centred"
	}
	if n.Fixed {
		name += "-fixed"
	}
	return name
}

func (n Normalization) check() error {
	switch {
	case n.Divisor < Deviation || n.Divisor > Mean:
		return errors.Errorf("normalize: unknown divisor %d", n.Divisor)
	case n.Divisor == Mean && n.Centred:
		return errors.New("normalize: the mean of centred numbers is 0 and can't be the divisor")
	case n.Groups < 0 || n.Groups > 1 && !n.Rows:
		return errors.Errorf("normalize: %d groups: want at least 0, and more than 1 with rows only", n.Groups)
	case !(n.Eps >= 0) || math.IsInf(n.Eps, 0):
		return errors.Errorf("normalize: eps is %g, want at least 0", n.Eps)
	}
	return nil
}

// parts returns how many parts a row has.
func (n Normalization) parts() int { return max(1, n.Groups) }

// stretch returns part g of a matrix, counted over all rows, and where in a row it begins.
func stretch[F kernels.Float](n Normalization, x view[F], g int) (elements []F, from int) {
	count := x.cols / n.parts()
	return x.data[g*count : (g+1)*count], g % n.parts() * count
}

// groups returns the number of rows, parts of rows or columns, each of which is normalised
// separately.
func (n Normalization) groups(x tensor.Shape) int {
	if n.Rows {
		return x[0] * n.parts()
	}
	return x[1]
}

// inverse returns 1/s from the divisor without ε; 0 where s is 0 or denormal: numbers that do
// not vary become 0, with a gradient of 0.
func (n Normalization) inverse(divisor float64) float64 {
	s := divisor + n.Eps
	if n.Divisor != Mean {
		if divisor > 1e-150 && divisor < 1e150 {
			s = math.Sqrt(float64(divisor*divisor) + n.Eps)
		} else {
			s = math.Hypot(divisor, math.Sqrt(n.Eps)) // neither overflows nor underflows
		}
	}
	if s < 0x1p-1022 {
		return 0
	}
	return 1 / s
}

// Statistics returns the statistics for normalising x, a matrix of two rows: c, and the divisor
// without ε, of each row or column of x. They are computed in double precision and in two
// passes. It has no gradient: that of [Normalize] includes it.
func Statistics(x *G.Node, n Normalization) (*G.Node, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := matrix("statistics", x); err != nil {
		return nil, err
	}
	if err := n.divides(x.Shape()); err != nil {
		return nil, err
	}
	groups := n.groups(x.Shape())
	mean, squares := make([]float64, groups), make([]float64, groups)
	return apply(&rule{
		name:  "statistics-for-" + n.name(),
		in:    []int{2},
		out:   2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return tensor.Shape{2, n.groups(in[0])}, nil },
		f32:   statisticsKernel[float32](n, mean, squares),
		f64:   statisticsKernel[float64](n, mean, squares),
		grads: func() []gradient { return []gradient{{}} },
	}, x)
}

// divides returns an error unless rows have parts of equal length.
func (n Normalization) divides(x tensor.Shape) error {
	if x[1]%n.parts() != 0 {
		return errors.Errorf("normalize: %d groups do not divide rows of %d elements", n.Groups, x[1])
	}
	return nil
}

func matrix(name string, x *G.Node) error {
	if err := readable(name, 0, x); err != nil {
		return err
	}
	if x.Dims() != 2 {
		return errors.Errorf("%s: x is of shape %v, want a matrix", name, x.Shape())
	}
	return nil
}

func statisticsKernel[F kernels.Float](n Normalization, mean, squares []float64) func(view[F], []view[F]) {
	return func(out view[F], in []view[F]) {
		x := in[0]
		count := float64(x.rows)
		if n.Rows {
			count = float64(x.cols / n.parts())
			rowStatistics(n, x, mean, squares)
		} else {
			columnStatistics(n, x, mean, squares)
		}
		for g := range mean {
			c, s := mean[g], math.Sqrt(squares[g])
			if squares[g] < 1e-280 || squares[g] > 1e280 {
				s = extreme(n, x, g, c)
			}
			switch n.Divisor {
			case Deviation:
				s /= math.Sqrt(count)
			case Mean:
				c, s = 0, mean[g]
			}
			out.data[g], out.data[len(mean)+g] = F(c), F(s)
		}
	}
}

func rowStatistics[F kernels.Float](n Normalization, x view[F], mean, squares []float64) {
	for g := range mean {
		r, _ := stretch(n, x, g)
		if !n.Centred && n.Divisor != Mean {
			mean[g], squares[g] = 0, kernels.SquaredSum(r)
			continue
		}
		m, variance := kernels.Moments(r)
		mean[g], squares[g] = m, variance*float64(len(r))
	}
}

func columnStatistics[F kernels.Float](n Normalization, x view[F], mean, squares []float64) {
	clear(mean)
	clear(squares)
	if n.Centred || n.Divisor == Mean {
		// As differences from the first row: the mean of a column of equal numbers is then
		// exact.
		first := row(x, 0)
		for i := 1; i < x.rows; i++ {
			kernels.AddDifferences(mean, row(x, i), first)
		}
		for j, v := range first {
			mean[j] = float64(v) + mean[j]/float64(x.rows)
		}
	}
	if n.Divisor == Mean {
		return
	}
	for i := range x.rows {
		kernels.AddSquares(squares, row(x, i), mean)
	}
}

// extreme returns √Σ(x - c)² of one row or column whose squares leave the range of float64.
func extreme[F kernels.Float](n Normalization, x view[F], g int, c float64) float64 {
	count := x.cols / n.parts()
	first, step := g*count, 1
	if !n.Rows {
		first, step, count = g, x.cols, x.rows
	}
	var largest, sum float64
	for k := range count {
		largest = max(largest, math.Abs(float64(x.data[first+k*step])-c))
	}
	if largest == 0 || largest-largest != 0 {
		return largest
	}
	for k := range count {
		d := (float64(x.data[first+k*step]) - c) / largest
		sum += d * d
	}
	return largest * math.Sqrt(sum)
}

// GivenStatistics returns statistics in the form of [Statistics] from constants: the center of
// each column (nil: 0), and its variance, or its mean for the divisor Mean.
func GivenStatistics(center, spread *G.Node, n Normalization) (*G.Node, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	inputs, dims := []*G.Node{spread}, []int{1}
	if center != nil {
		inputs, dims = append(inputs, center), append(dims, 1)
	}
	return apply(&rule{
		name: "given-" + n.name(),
		in:   dims,
		out:  2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if _, err := sameShape(in); err != nil {
				return nil, err
			}
			return tensor.Shape{2, in[0][0]}, nil
		},
		f32:   givenKernel[float32](n),
		f64:   givenKernel[float64](n),
		grads: func() []gradient { return make([]gradient, len(dims)) },
	}, inputs...)
}

func givenKernel[F kernels.Float](n Normalization) func(view[F], []view[F]) {
	return func(out view[F], in []view[F]) {
		columns := len(in[0].data)
		clear(out.data[:columns])
		if len(in) > 1 {
			copy(out.data, in[1].data)
		}
		for j, v := range in[0].data {
			if n.Divisor != Mean {
				v = F(math.Sqrt(float64(v)))
			}
			out.data[columns+j] = v
		}
	}
}

// Normalize returns y = γ·(x - c)/s + β for x of shape (rows, columns), the
// statistics of [Statistics] or [GivenStatistics], and γ and β of shape (columns), of
// which either may be nil: 1 and 0.
//
// With g the gradient of y, h = γg and x̂ = (x - c)/s, that of x is
//
//	Deviation   (h - mean h - x̂·mean hx̂)/s     without mean h unless centred
//	Norm        (h - mean h - x̂·Σhx̂)/s         likewise
//	Mean        (h - mean hx̂)/s
//	Fixed       h/s
//
// over the row or column, in double precision; where s is 0, so is the gradient. Those
// of γ and β are the sums of gx̂ and g over the rows.
func Normalize(x, statistics, gamma, beta *G.Node, n Normalization) (*G.Node, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	if err := matrix("normalize", x); err != nil {
		return nil, err
	}
	if err := n.divides(x.Shape()); err != nil {
		return nil, err
	}
	inputs := []*G.Node{x, statistics}
	for _, p := range []*G.Node{gamma, beta} {
		if p != nil {
			inputs = append(inputs, p)
		}
	}
	k := &normalizer{Normalization: n, gamma: gamma != nil, beta: beta != nil}
	groups := n.groups(x.Shape())
	k.inverses, k.sum, k.product = make([]float64, groups), make([]float64, groups), make([]float64, groups)
	k.scale = make([]float64, x.Shape()[1])
	return apply(k.rule(), inputs...)
}

// normalizer makes the rules of one normalisation, with memory for their work.
type normalizer struct {
	Normalization
	gamma, beta            bool
	inverses, sum, product []float64 // of each row or column: 1/s, and sums
	scale                  []float64 // of each column: γ
}

func (k *normalizer) rule() *rule {
	dims := []int{2, 2}
	grads := []gradient{{rule: k.inputGradient, of: []int{0, 1, seed}}, {}}
	if k.gamma {
		grads[0].of = []int{0, 1, seed, len(dims)}
		dims = append(dims, 1)
		grads = append(grads, gradient{rule: k.gammaGradient, of: []int{0, 1, seed}})
	}
	if k.beta {
		dims = append(dims, 1)
		grads = append(grads, gradient{rule: func() *rule { return columnSums }, of: []int{seed}})
	}
	return &rule{
		name:      k.name(),
		in:        dims,
		out:       2,
		shape:     k.shape,
		f32:       normalizeKernel[float32](k),
		f64:       normalizeKernel[float64](k),
		grads:     func() []gradient { return grads },
		overwrite: []int{0},
	}
}

func (k *normalizer) shape(in []tensor.Shape) (tensor.Shape, error) {
	x, s := in[0], in[1]
	if want := (tensor.Shape{2, k.groups(x)}); !s.Eq(want) {
		return nil, errors.Errorf("%s: statistics of shape %v for x of shape %v, want %v", k.name(), s, x, want)
	}
	for _, p := range in[2:] {
		if p[0] != x[1] {
			return nil, errors.Errorf("%s: γ or β of shape %v for x of shape %v: want one number for each column", k.name(), p, x)
		}
	}
	return x.Clone(), nil
}

func normalizeKernel[F kernels.Float](k *normalizer) func(view[F], []view[F]) {
	return func(y view[F], in []view[F]) {
		x, s := in[0], readStatistics(k, in[1])
		factors(k, in[2:])
		var beta []F
		if k.beta {
			beta = in[len(in)-1].data
		}
		if !k.Rows {
			for j, inverse := range s.inverse {
				k.scale[j] *= inverse
			}
		}
		if k.Rows {
			for g, inverse := range s.inverse {
				r, from := stretch(k.Normalization, x, g)
				out, _ := stretch(k.Normalization, y, g)
				kernels.NormalizeRow(out, r, k.scale[from:from+len(r)], float64(s.center[g]), inverse)
			}
		}
		for i := range x.rows {
			out := row(y, i)
			if !k.Rows {
				kernels.NormalizeColumns(out, row(x, i), s.center, k.scale)
			}
			if beta != nil {
				kernels.Add(out, out, beta)
			}
		}
	}
}

// statistics are c and 1/s of each group.
type statistics[F kernels.Float] struct {
	center  []F
	inverse []float64
}

func readStatistics[F kernels.Float](k *normalizer, v view[F]) statistics[F] {
	for g, divisor := range row(v, 1) {
		k.inverses[g] = k.inverse(float64(divisor))
	}
	return statistics[F]{row(v, 0), k.inverses}
}

// factors sets scale to γ, the first of the inputs, or to 1 if there is none.
func factors[F kernels.Float](k *normalizer, in []view[F]) {
	for j := range k.scale {
		k.scale[j] = 1
		if k.gamma {
			k.scale[j] = float64(in[0].data[j])
		}
	}
}

// inputGradient is the gradient of x, computed from x, the statistics, g and γ. It has no
// derivative, here and below.
func (k *normalizer) inputGradient() *rule {
	dims := []int{2, 2, 2}
	if k.gamma {
		dims = append(dims, 1)
	}
	return &rule{
		name:      k.name() + "'",
		in:        dims,
		out:       2,
		shape:     func(in []tensor.Shape) (tensor.Shape, error) { return sameShape([]tensor.Shape{in[0], in[2]}) },
		f32:       inputGradientKernel[float32](k),
		f64:       inputGradientKernel[float64](k),
		overwrite: []int{2},
	}
}

func inputGradientKernel[F kernels.Float](k *normalizer) func(view[F], []view[F]) {
	return func(d view[F], in []view[F]) {
		x, s, g := in[0], readStatistics(k, in[1]), in[2]
		factors(k, in[3:])
		clear(k.sum)
		clear(k.product)
		if k.Rows {
			rowGradient(k, s, d, x, g)
		} else {
			columnGradient(k, s, d, x, g)
		}
	}
}

func rowGradient[F kernels.Float](k *normalizer, s statistics[F], d, x, g view[F]) {
	for i, inverse := range s.inverse {
		r, from := stretch(k.Normalization, x, i)
		g, _ := stretch(k.Normalization, g, i)
		d, _ := stretch(k.Normalization, d, i)
		scale, c := k.scale[from:from+len(r)], float64(s.center[i])
		var sum, product float64
		if !k.Fixed {
			sum, product = kernels.RowProducts(r, g, scale, c)
			sum, product = k.weigh(sum, product*inverse, len(r))
		}
		kernels.NormalizeRowGrad(d, r, g, scale, c, inverse, sum, product)
	}
}

func columnGradient[F kernels.Float](k *normalizer, s statistics[F], d, x, g view[F]) {
	if !k.Fixed {
		columnProducts(k, s, x, g, true)
	}
	// γ and 1/s are the same for a column: they are multiplied by last.
	for j, inverse := range s.inverse {
		sum, product := k.weigh(k.sum[j], k.product[j]*inverse, x.rows)
		k.scale[j] *= inverse
		k.sum[j], k.product[j] = k.scale[j]*sum, k.scale[j]*product*inverse
	}
	for i := range x.rows {
		kernels.NormalizeColumnsGrad(row(d, i), row(x, i), row(g, i), s.center, k.scale, k.sum, k.product)
	}
}

// columnProducts adds Σg, if wanted, and Σg(x - c) of each column to k.sum and k.product.
func columnProducts[F kernels.Float](k *normalizer, s statistics[F], x, g view[F], sums bool) {
	var sum []float64
	if sums {
		sum = k.sum
	}
	for i := range x.rows {
		kernels.AddProducts(k.product, sum, row(x, i), row(g, i), s.center)
	}
}

// weigh turns Σh and Σhx̂ into what is subtracted from h: a number, and a factor of x̂.
func (k *normalizer) weigh(sum, product float64, n int) (float64, float64) {
	count := float64(n)
	if k.Divisor == Mean {
		return product / count, 0
	}
	if k.Divisor == Deviation {
		product /= count
	}
	if !k.Centred {
		return 0, product
	}
	return sum / count, product
}

// gammaGradient is Σgx̂ of x, the statistics and g.
func (k *normalizer) gammaGradient() *rule {
	return &rule{
		name: k.name() + "-gamma'",
		in:   []int{2, 2, 2},
		out:  1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if _, err := sameShape([]tensor.Shape{in[0], in[2]}); err != nil {
				return nil, err
			}
			return tensor.Shape{in[0][1]}, nil
		},
		f32: gammaGradientKernel[float32](k),
		f64: gammaGradientKernel[float64](k),
	}
}

func gammaGradientKernel[F kernels.Float](k *normalizer) func(view[F], []view[F]) {
	return func(d view[F], in []view[F]) {
		x, s, g := in[0], readStatistics(k, in[1]), in[2]
		if !k.Rows {
			clear(k.product)
			columnProducts(k, s, x, g, false)
			for j, v := range k.product {
				d.data[j] = F(v * s.inverse[j])
			}
			return
		}
		clear(k.scale)
		for i, inverse := range s.inverse {
			r, from := stretch(k.Normalization, x, i)
			g, _ := stretch(k.Normalization, g, i)
			kernels.AddRowProducts(k.scale[from:from+len(r)], r, g, float64(s.center[i]), inverse)
		}
		for j, v := range k.scale {
			d.data[j] = F(v)
		}
	}
}
