package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// randomMatrix returns a matrix in one of the two orders, inside a larger one.
func randomMatrix[F Float](r *rand.Rand, rows, cols int, trans bool) Matrix[F] {
	if trans {
		return randomMatrix[F](r, cols, rows, false).T()
	}
	stride, offset := cols+r.IntN(3), r.IntN(5)
	data := make([]F, rows*stride+offset)
	for i := range data {
		data[i] = F(r.NormFloat64())
	}
	return Matrix[F]{data[offset:], rows, cols, stride, 1}
}

// Forms of a product: which of A and B are transposed, and what is added.
const (
	transA = 1 << iota
	transB
	forms
)

const (
	plain = iota
	accumulated
	biased
	additions
)

func epsilon[F Float]() float64 {
	if any(F(0)) == any(float32(0)) {
		return 0x1p-24
	}
	return 0x1p-53
}

func testMul[F Float](t *testing.T, r *rand.Rand, m, n, k, form, addition int) {
	a, b := randomMatrix[F](r, m, k, form&transA != 0), randomMatrix[F](r, k, n, form&transB != 0)
	c := randomMatrix[F](r, m, n, false)
	bias := randomMatrix[F](r, 1, n, false).row(0)
	want := make([]float64, len(c.Data))
	tol := make([]float64, len(c.Data))
	for i, v := range c.Data { // what lies between the rows must stay
		want[i] = float64(v)
	}
	rows, columns := make([]float64, m*k), make([]float64, n*k)
	for l := range k {
		for i := range m {
			rows[i*k+l] = float64(*a.at(i, l))
		}
		for j := range n {
			columns[j*k+l] = float64(*b.at(l, j))
		}
	}
	for i := range m {
		for j := range n {
			var s, abs float64
			switch addition {
			case accumulated:
				s = float64(*c.at(i, j))
			case biased:
				s = float64(bias[j])
			}
			abs = math.Abs(s)
			y := columns[j*k:][:k]
			for l, x := range rows[i*k:][:k] {
				x *= y[l]
				s += x
				abs += math.Abs(x)
			}
			want[i*c.RowStride+j], tol[i*c.RowStride+j] = s, abs*epsilon[F]()*(2+math.Sqrt(float64(k)))
		}
	}
	switch addition {
	case biased:
		MulBias(c, a, b, bias)
	default:
		Mul(c, a, b, addition == accumulated)
	}
	for i, v := range c.Data {
		if d := math.Abs(float64(v) - want[i]); !(d <= tol[i]) {
			t.Fatalf("%dx%dx%d form %d addition %d: element %d,%d is %g, want %g", m, n, k, form, addition, i/c.RowStride, i%c.RowStride, v, want[i])
		}
	}
}

func TestMul(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r := random(1)
		both := func(m, n, k, form, addition int) {
			testMul[float32](t, r, m, n, k, form, addition)
			testMul[float64](t, r, m, n, k, form, addition)
		}
		sizes := []int{1, 2, 3, 4, 10, 17, 33}
		for _, m := range sizes {
			for _, n := range sizes {
				for i, k := range []int{0, 1, 3, 10, 17, 300} {
					for form := range forms {
						both(m, n, k, form, (i+m+n)%additions)
					}
				}
			}
		}
		for form := range forms {
			both(128, 100, 300, form, accumulated)
			both(17, 10, 784, form, plain)
			both(10, 17, 784, form, biased)
			both(800, 33, 17, form, biased)
			both(1, 300, 784, form, biased)
			both(3, 150, 784, form, accumulated)
			both(300, 1, 784, form, biased)
			both(8, 64, 5, form, plain)     // one transposing tile in a strip
			both(23, 97, 31, form, biased)  // one tall tile, then a low one
			both(24, 70, 3, form, plain)    // too shallow to transpose
			both(40, 200, 70, form, biased) // strips by the dozen
			for range 4 {                   // rows that share a set of the cache, or do not
				both(30, 140, 512, form, accumulated)
				both(13, 131, 1024, form, plain)
			}
		}
		n := 100
		if testing.Short() {
			n = 30
		}
		for range n {
			both(r.IntN(140), r.IntN(140), r.IntN(300), r.IntN(forms), r.IntN(additions))
		}
	})
}

func FuzzMul(f *testing.F) {
	f.Add(uint64(1), uint8(12), uint8(32), uint16(256), uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, m, n uint8, k uint16, form, addition uint8) {
		testMul[float32](t, random(seed), int(m), int(n), int(k%600), int(form%forms), int(addition%additions))
		testMul[float64](t, random(seed), int(m), int(n), int(k%600), int(form%forms), int(addition%additions))
	})
}

// TestMulBits checks what is promised bit for bit: AVX2 and AVX-512 agree, an
// element does not depend on the number of rows and columns beside it, and
// a product that is split gives what Mul gives.
func TestMulBits(t *testing.T) {
	testMulBits[float32](t)
	testMulBits[float64](t)
}

func testMulBits[F Float](t *testing.T) {
	r := random(2)
	for range 40 {
		m, n, k, form := 4+r.IntN(300), 4+r.IntN(100), 1+r.IntN(600), r.IntN(forms)
		switch r.IntN(4) {
		case 0:
			m = 1 + r.IntN(3)
		case 1:
			n, k = n+100, 512+512*r.IntN(2)
		}
		a, b := randomMatrix[F](r, m, k, form&transA != 0), randomMatrix[F](r, k, n, form&transB != 0)
		var before []F
		for i, l := range levels {
			if i == 0 {
				continue
			}
			c := Dense(m, n, make([]F, m*n))
			mulOn(l, c, a, b)
			if before != nil {
				same(t, fmt.Sprintf("%dx%dx%d form %d", m, n, k, form), c.Data, before)
			}
			before = c.Data
			if m > 9 && n > 6 {
				part := Dense(m-5, n-2, make([]F, (m-5)*(n-2)))
				mulOn(l, part, a.slice(5, m, 0, k), b.slice(0, k, 2, n))
				for i := range part.Rows {
					same(t, "part", part.row(i), c.row(i + 5)[2:])
				}
			}
		}
	}
	for form := range forms {
		for _, s := range [][3]int{{300, 200, 100}, {200, 300, 101}, {300, 400, 101}, {1000, 3, 800}, {2, 1500, 1600}, {5000, 1, 1000}} {
			a, b := randomMatrix[F](r, s[0], s[2], form&transA != 0), randomMatrix[F](r, s[2], s[1], form&transB != 0)
			c, p := Dense(s[0], s[1], make([]F, s[0]*s[1])), Dense(s[0], s[1], make([]F, s[0]*s[1]))
			Mul(c, a, b, false)
			bias := randomMatrix[F](r, 1, s[1], false).row(0)
			for _, workers := range []int{2, 3} {
				for addition := range additions {
					split := NewProduct(p, a, b, addition == accumulated)
					if addition == biased {
						split = NewProductBias(p, a, b, bias)
					}
					split.Fetch(1<<40+13, 1<<20) // a hint, whatever is there
					whole := *split
					if split.Split(workers); split.team == nil && runtime.GOMAXPROCS(0) > 1 && best() != &portable && s[0]*s[1]*s[2] > 3*minShare {
						t.Errorf("%v is not divided", s)
					}
					for range 3 {
						copy(p.Data, c.Data)
						whole.Do()
						want := clone(p.Data)
						copy(p.Data, c.Data)
						split.Do()
						same(t, fmt.Sprintf("%v form %d, addition %d, %d workers", s, form, addition, workers), p.Data, want)
					}
				}
			}
		}
	}
}

func mulOn[F Float](l *level, c, a, b Matrix[F]) {
	all := levels
	defer func() { levels = all }()
	levels = []*level{l}
	Mul(c, a, b, false)
}

// TestMulNonFinite checks that an Inf or NaN reaches its row or column of the
// product, and nothing else, not even from idle lanes.
func TestMulNonFinite(t *testing.T) {
	for i, l := range levels {
		if i == 0 {
			continue // gonum skips what is multiplied by 0
		}
		for form := range forms {
			for _, s := range [][3]int{{5, 7, 9}, {1, 20, 40}, {40, 1, 9}, {33, 70, 19}} {
				m, n, k := s[0], s[1], s[2]
				a, b := Dense(m, k, make([]float32, m*k)), Dense(k, n, make([]float32, k*n))
				if form&transA != 0 {
					a = Dense(k, m, a.Data).T()
				}
				if form&transB != 0 {
					b = Dense(n, k, b.Data).T()
				}
				*a.at(m-1, k-1), *b.at(0, n/2) = float32(math.NaN()), float32(math.Inf(1))
				c := Dense(m, n, make([]float32, m*n))
				mulOn(l, c, a, b)
				for i := range m {
					for j := range n {
						v := *c.at(i, j)
						if want := i == m-1 || j == n/2; want != (v != v) {
							t.Fatalf("%s: %v form %d: element %d,%d is %g", l.name, s, form, i, j, v)
						}
					}
				}
			}
		}
	}
}

// TestPanics checks that errors of the programmer are met before anything is
// written.
func TestPanics(t *testing.T) {
	x := make([]float64, 12)
	m := func(rows, cols int) Matrix[float64] { return Dense(rows, cols, x) }
	for name, f := range map[string]func(){
		"shapes":       func() { Mul(m(2, 2), m(2, 3), m(2, 2), false) },
		"column-major": func() { Mul(m(3, 2).T(), m(2, 2), m(2, 3), false) },
		"too short":    func() { Mul(m(4, 4), m(4, 1), m(1, 4), false) },
		"strides":      func() { Mul(m(1, 2), Matrix[float64]{x, 1, 2, 2, 2}, m(2, 2), false) },
		"bias":         func() { MulBias(m(2, 2), m(2, 2), m(2, 2), x[:3]) },
		"lengths":      func() { Exp(x[:2], x[:3]) },
		"three":        func() { TanhGrad(x[:3], x[:3], x[:2]) },
		"columns":      func() { ColumnSums(x[:3], m(2, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// TestAllocations checks that nothing allocates, for both element types.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	eachLevel(t, func(t *testing.T) {
		testAllocations[float32](t)
		testAllocations[float64](t)
	})
}

func testAllocations[F Float](t *testing.T) {
	x, y, z := make([]F, 20*20), make([]F, 20*20), make([]F, 20*20)
	a, b, c := Dense(20, 20, x), Dense(20, 20, y), Dense(20, 20, z)
	for name, f := range map[string]func(){
		"Tanh": func() { Tanh(y, x) }, "SinGrad": func() { SinGrad(y, x, y) }, "SquaredSum": func() { SquaredSum(x) },
		"Moments": func() { Moments(x) }, "ColumnSums": func() { ColumnSums(y[:20], a) },
		"Adam": func() { Adam(z, x, y, y, .1, .9, .99, 1e-8, 1, 1) }, "Denormals": func() { Denormals(x) },
		"NN": func() { Mul(c, a, b, false) }, "TN": func() { Mul(c, a.T(), b, true) }, "NT": func() { MulBias(c, a, b.T(), y[:20]) },
		"row":    func() { Mul(Dense(1, 20, z), Dense(1, 20, x), b.T(), true) },
		"column": func() { Mul(Dense(20, 1, z), a, Dense(20, 1, y), true) },
	} {
		clear(x)
		clear(y)
		n := testing.AllocsPerRun(10, f)
		if Name() == "portable" && (name == "NN" || name == "TN" || name == "NT" || name == "row" || name == "column") {
			continue // gonum may
		}
		if n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

// TestSplitAllocations has a product that is divided allocate nothing.
func TestSplitAllocations(t *testing.T) {
	if best() == &portable {
		t.Skip("gonum's products allocate, and are not divided")
	}
	if raceEnabled {
		t.Skip("the race detector makes pools forget at random what they hold")
	}
	r := random(1)
	p := NewProduct(dense[float32](r, 128, 256, false), dense[float32](r, 128, 256, false), dense[float32](r, 256, 256, false), false)
	p.Split(2)
	// With all processors: testing.AllocsPerRun leaves one, and no work to helpers. What
	// the runtime allocates for threads now and then does not count.
	const runs = 500
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		p.Do()
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > runs/2 {
		t.Errorf("%d allocations in %d computations", n, runs)
	}
}
