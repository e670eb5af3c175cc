package kernels

import (
	"math"
	"slices"
	"testing"
)

// TestNormalize: every implementation gives the bits of plain Go.
func TestNormalize(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 64, 100, 1001} {
			testNormalize[float32](t, n)
			testNormalize[float64](t, n)
		}
	})
}

// passes are the results of all passes over rows of n elements of kernels k.
func passes[F Float](k *kernels[F], n int) (narrow [][]F, wide [][]float64) {
	r := random(uint64(n))
	row := func() []F {
		x := make([]F, n)
		for i := range x {
			x[i] = F(r.NormFloat64() * math.Exp2(float64(r.IntN(60)-30)))
		}
		return x
	}
	double := func() []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	x, g, center, dst := row(), row(), row(), row()
	scale, sum, product := double(), double(), double()
	c, inverse := r.NormFloat64(), r.NormFloat64()
	keep := func() {
		narrow = append(narrow, slices.Clone(dst))
		wide = append(wide, slices.Clone(sum), slices.Clone(product))
	}
	k.addDifferences(x, center, sum)
	keep()
	k.addSquares(x, sum, scale)
	keep()
	k.normalizeColumns(dst, x, center, scale)
	keep()
	k.normalizeRow(dst, x, scale, c, inverse)
	keep()
	k.addProducts(x, g, center, product)
	keep()
	k.addBoth(x, g, center, sum, product)
	keep()
	k.columnGradient(dst, x, g, center, scale, sum, product)
	keep()
	k.rowGradient(dst, x, g, scale, c, inverse, sum[0], product[0])
	keep()
	k.addRowProducts(x, g, sum, c, inverse)
	keep()
	a, b := k.rowProducts(x, g, scale, c)
	wide = append(wide, []float64{a, b})
	k.columnGradient(g, x, g, center, scale, sum, product) // in place
	return append(narrow, g), wide
}

func testNormalize[F Float](t *testing.T, n int) {
	t.Helper()
	of := func(l *level) *kernels[F] {
		if k, ok := any(&l.float32).(*kernels[F]); ok {
			return k
		}
		return any(&l.float64).(*kernels[F])
	}
	narrow, wide := passes(of(best()), n)
	wantNarrow, wantWide := passes(of(&portable), n)
	for i := range wantNarrow {
		if !slices.Equal(narrow[i], wantNarrow[i]) {
			t.Errorf("%T, %d elements: result %d differs from that of plain Go", F(0), n, i)
		}
	}
	for i := range wantWide {
		if !slices.Equal(wide[i], wantWide[i]) {
			t.Errorf("%T, %d elements: sums %d differ from those of plain Go", F(0), n, i)
		}
	}
}

// TestNormalizeByHand has sums that are known.
func TestNormalizeByHand(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		x, g := make([]float32, 100), make([]float32, 100)
		scale := make([]float64, 100)
		for i := range x {
			x[i], g[i], scale[i] = float32(i), 2, .5
		}
		if sum, product := RowProducts(x, g, scale, 1); sum != 100 || product != 4950-100 {
			t.Errorf("Σ is %g and %g, want 100 and 4850", sum, product)
		}
		NormalizeRowGrad(g, x, g, scale, 1, 2, .25, .125)
		if want := float32(2 * (1 - .25 - (99-1)*2*.125)); g[99] != want {
			t.Errorf("the last gradient is %g, want %g", g[99], want)
		}
		NormalizeRow(g, x, scale, 50, 2)
		if g[0] != -50 || g[99] != 49 {
			t.Errorf("normalised from %g to %g, want -50 to 49", g[0], g[99])
		}
		y := make([]float32, 100)
		NormalizeColumns(y, x, g, scale)
		if y[0] != 25 || y[98] != 25 {
			t.Errorf("normalised %g and %g, want 25", y[0], y[98])
		}
		sum, product := make([]float64, 100), make([]float64, 100)
		AddProducts(product, sum, x, g, y)
		AddProducts(product, nil, x, g, y)
		if sum[1] != -49 || product[1] != 2*-49*(1-25) {
			t.Errorf("Σg is %g, Σg(x-c) %g, want -49 and 2352", sum[1], product[1])
		}
	})
}
