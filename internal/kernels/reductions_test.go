package kernels

import (
	"math"
	"runtime"
	"testing"
)

func close64(t *testing.T, what string, got, want, eps float64) {
	t.Helper()
	if !(math.Abs(got-want) <= eps*math.Abs(want)) && got != want {
		t.Errorf("%s = %g, want %g", what, got, want)
	}
}

// TestSums compares sums with exact ones, and the levels with each other.
func TestSums(t *testing.T) {
	testSums[float32](t)
	testSums[float64](t)
}

func testSums[F Float](t *testing.T) {
	r := random(8)
	lengths := []int{1000, chunk, chunk + 1, 3*chunk + 77}
	for n := range 140 {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		x := make([]F, n)
		var sum, squares float64
		for i := range x {
			x[i] = F(r.NormFloat64())
			sum += float64(x[i])
			squares += float64(x[i]) * float64(x[i])
		}
		mean := sum / float64(n)
		var variance float64
		for _, v := range x {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
		}
		var before [3]float64
		level := 0
		eachLevelQuietly(func() {
			s := SquaredSum(x)
			close64(t, Name()+": sum of squares", s, squares, 1e-13)
			m, v := Moments(x)
			if n == 0 {
				if !math.IsNaN(m) || !math.IsNaN(v) {
					t.Error("moments of nothing")
				}
				return
			}
			if math.Abs(m-mean) > 1e-14 {
				t.Errorf("%s: mean of %d is %g, want %g", Name(), n, m, mean)
			}
			if math.Abs(v-variance) > 1e-13*variance+1e-30 {
				t.Errorf("%s: variance of %d is %g, want %g", Name(), n, v, variance)
			}
			if now := [3]float64{s, m, v}; level > 0 && now != before {
				t.Errorf("%s: sums of %d differ from those of the level before: %v, %v", Name(), n, now, before)
			} else {
				before = now
			}
			level++
		})
	}
}

// TestTinySquares checks that squares do not underflow.
func TestTinySquares(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		x := repeat([]float32{1e-30}, 1000)
		v := float64(float32(1e-30))
		close64(t, "sum of squares", SquaredSum(x), 1000*v*v, 1e-12)
		x[0] = 3e-30
		if _, variance := Moments(x); !(variance > 1e-63) {
			t.Errorf("variance %g", variance)
		}
		x[5] = float32(math.NaN())
		if !math.IsNaN(SquaredSum(x)) {
			t.Error("NaN is lost")
		}
	})
}

func TestColumnSums(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testColumnSums[float32](t)
		testColumnSums[float64](t)
	})
}

func testColumnSums[F Float](t *testing.T) {
	r := random(9)
	for cols := range 150 {
		for _, rows := range []int{0, 1, 2, 7} {
			m := randomMatrix[F](r, rows, cols, false)
			want := make([]F, cols)
			for j := range want {
				for i := range rows {
					want[j] += *m.at(i, j)
				}
			}
			got := make([]F, cols+1)
			got[cols] = 42
			ColumnSums(got[:cols], m)
			same(t, "ColumnSums", got[:cols], want)
			if got[cols] != 42 {
				t.Fatalf("ColumnSums writes beyond %d columns", cols)
			}
			data := make([]F, rows*cols)
			for i := range rows {
				for j := range cols {
					data[j*rows+i] = *m.at(i, j)
				}
			}
			ColumnSums(got[:cols], Dense(cols, rows, data).T())
			same(t, "ColumnSums of columns", got[:cols], want)
		}
	}
}

func TestDenormals(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testDenormals(t, []float32{0, 1, -1e-40, 1e-45, 0x1p-126, -0x1p-126, float32(math.NaN()), float32(math.Inf(-1))}, []bool{2: true, true, 7: false})
		testDenormals(t, []float64{0, 1, -1e-310, 5e-324, 0x1p-1022, -0x1p-1022, math.NaN(), math.Inf(-1)}, []bool{2: true, true, 7: false})
	})
}

func testDenormals[F Float](t *testing.T, values []F, is []bool) {
	for n := range 100 {
		x := repeat(values, n)
		want := 0
		for i := range x {
			if is[i%len(is)] {
				want++
			}
		}
		if got := Denormals(x); got != want {
			t.Fatalf("%d denormals in %v, want %d", got, x, want)
		}
	}
	x := repeat(values, chunk+8)
	if got, want := Denormals(x), 2*len(x)/len(values); got != want {
		t.Errorf("%d denormals, want %d", got, want)
	}
}

// TestCounts compares Within, Zeros and MaxAbs with what they say, for all lengths up to
// some, with the odd elements at every place.
func TestCounts(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		testCounts[float32](t, 1e-45)
		testCounts[float64](t, 5e-324)
	})
}

func testCounts[F Float](t *testing.T, tiny F) {
	inf, nan := F(math.Inf(1)), F(math.NaN())
	odd := []F{0, F(math.Copysign(0, -1)), tiny, -tiny, 2, -2, 1, -1, 0.5, inf, -inf, nan}
	r := random(3)
	lengths := []int{chunk, 2*chunk + 3}
	for n := range 150 {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		x := make([]F, n)
		for i := range x {
			x[i] = F(r.NormFloat64())
		}
		for k := range 12 {
			if n > 0 {
				x[r.IntN(n)] = odd[k%len(odd)]
			}
			within, zeros := 0, 0
			var most float64
			for _, v := range x {
				if v > -1 && v < 2 {
					within++
				}
				if v == 0 {
					zeros++
				}
				most = max(most, math.Abs(float64(v))) // NaN if there is one
			}
			if got := Within(x, -1, 2); got != within {
				t.Fatalf("%d of %d within (-1, 2), want %d", got, n, within)
			}
			if got := Zeros(x); got != zeros {
				t.Fatalf("%d zeros of %d, want %d", got, n, zeros)
			}
			if got := float64(MaxAbs(x)); got != most && (got == got || most == most) {
				t.Fatalf("the largest of %d is %g, want %g", n, got, most)
			}
		}
	}
}

// TestEnter checks the mode of the thread, its effect on exact zeros, and that modes nest.
func TestEnter(t *testing.T) {
	if !SupportsFlushToZero() {
		if Enter(true).Leave() || flushesToZero() {
			t.Error("an effect where there is none")
		}
		t.Skip("not supported")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if flushesToZero() {
		t.Error("on at the start")
	}
	eachLevel(t, func(t *testing.T) {
		outer := Enter(false)
		x, y := repeat([]float32{1e-30}, 40), make([]float32, 40)
		mode := Enter(false)
		Hadamard(y, x, repeat([]float32{1e5}, 40))
		if mode.Leave() {
			t.Error("denormals among normal numbers")
		}
		scale := repeat([]float32{1e-10}, 40)
		mode = Enter(false)
		Hadamard(y, x, scale)
		if y[0] == 0 || y[39] == 0 || Denormals(y) != 40 || !mode.Leave() {
			t.Errorf("without flushing, 1e-30·1e-10 = %g", y[0])
		}
		kept := clone(y)
		mode = Enter(true)
		if !flushesToZero() {
			t.Error("off where it was turned on")
		}
		Hadamard(y, x, scale)
		if y[0] != 0 || y[39] != 0 || Denormals(y) != 0 {
			t.Errorf("with flushing, 1e-30·1e-10 = %g", y[0])
		}
		if inner := Enter(false); flushesToZero() || inner.Leave() {
			t.Error("a mode within another does not begin anew")
		}
		if !flushesToZero() || !mode.Leave() || flushesToZero() {
			t.Error("leaving does not restore the mode, or does not tell what was met")
		}
		mode = Enter(true)
		Scale(y, kept, 1e20) // an operand is denormal
		if y[0] != 0 || Denormals(kept) != 40 || Zeros(kept) != 0 || Zeros(y) != 40 {
			t.Errorf("with flushing, %g·1e20 = %g, %d denormals", kept[0], y[0], Denormals(kept))
		}
		mode.Leave()
		if !outer.Leave() || flushesToZero() {
			t.Error("the enclosing mode does not hear of what was met, or the thread stays changed")
		}
	})
}

// TestEnterPanics checks that a thread is given back as it was where a computation panics.
func TestEnterPanics(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		mode := Enter(true)
		defer mode.Leave()
		Hadamard(make([]float32, 2), make([]float32, 1), make([]float32, 2))
	}()
	if flushesToZero() {
		t.Error("the thread flushes to zero after a panic")
	}
}

// TestSplitDenormals checks that the helpers of a product that is split flush where its
// goroutine does, only there, and that it hears of the denormals that they met.
func TestSplitDenormals(t *testing.T) {
	if !SupportsFlushToZero() {
		t.Skip("not supported")
	}
	const n = 192
	a, b, c := repeat([]float32{1e-30}, n*n), repeat([]float32{1e-10}, n*n), make([]float32, n*n)
	eachLevelQuietly(func() {
		if Name() == "portable" {
			return
		}
		p := NewProduct(Dense(n, n, c), Dense(n, n, a), Dense(n, n, b), false)
		p.Split(3)
		for _, flush := range []bool{true, false} {
			for _, alone := range []bool{false, true} {
				mode := Enter(flush)
				if alone { // a helper does everything
					p.team.begin()
					done := make(chan bool)
					go func() { p.team.help(); close(done) }()
					<-done
					for p.team.left.Load() > 0 { // one that was late the last time helps, too
						runtime.Gosched()
					}
					p.team.end()
				} else {
					p.Do()
				}
				if met := mode.Leave(); !met || Enter(flush).Leave() {
					t.Errorf("%s, flush %v, by a helper %v: the denormals are not told of, or twice", Name(), flush, alone)
				}
				for i, v := range c {
					if (v == 0) != flush {
						t.Fatalf("%s, flush %v, by a helper %v: element %d is %g", Name(), flush, alone, i, v)
					}
				}
			}
		}
		one := repeat([]float32{1}, n*n)
		p = NewProduct(Dense(n, n, c), Dense(n, n, one), Dense(n, n, one), false)
		p.Split(3)
		mode := Enter(false)
		for range 100 {
			p.Do()
		}
		if mode.Leave() {
			t.Errorf("%s: denormals among ones", Name())
		}
	})
}

// TestProductFlushes checks products that are large enough for gonum's goroutines, which
// the portable kernels keep it from.
func TestProductFlushes(t *testing.T) {
	if !SupportsFlushToZero() {
		t.Skip("not supported")
	}
	const n, k = 300, 2
	a, b, c := repeat([]float32{1e-30}, n*k), repeat([]float32{1e-10}, k*n), make([]float32, n*n)
	eachLevel(t, func(t *testing.T) {
		p := NewProduct(Dense(n, n, c), Dense(n, k, a), Dense(k, n, b), false)
		for _, flush := range []bool{true, false} {
			mode := Enter(flush)
			p.Do()
			met := mode.Leave()
			if got := Zeros(c); !met || (got == n*n) != flush || (got == 0) == flush {
				t.Errorf("flush %v: %d zeros of %d, denormals met: %v", flush, got, n*n, met)
			}
		}
	})
}

// TestNoDenormalsOnTheWay checks that results of normal size are reached without
// denormals, which would cost time and be told of by Leave.
func TestNoDenormalsOnTheWay(t *testing.T) {
	if !SupportsFlushToZero() {
		t.Skip("not supported")
	}
	x := make([]float32, 2000)
	for i := range x {
		x[i] = float32(math.Ldexp(1+float64(i%16)/16, i/16-110) * float64(1-2*(i&1)))
	}
	dst, ones := make([]float32, len(x)), repeat([]float32{1}, len(x))
	eachLevelQuietly(func() {
		if Name() == "portable" {
			return
		}
		for i := range functions {
			f := &functions[i]
			for j := range x { // one by one: results that are denormal may
				mode := Enter(false)
				call(f, dst[j:j+1], x[j:j+1], ones[j:j+1])
				if mode.Leave() && math.Abs(float64(dst[j])) > 0x1p-120 {
					t.Errorf("%s: %s(%g) = %g meets denormals", Name(), f.name, x[j], dst[j])
					break
				}
			}
		}
	})
}

func TestPeak(t *testing.T) {
	for i, l := range levels {
		all := levels
		levels = []*level{l}
		s, d := PeakGFLOPS[float32](), PeakGFLOPS[float64]()
		levels = all
		if i == 0 && (s != 0 || d != 0) || i > 0 && (!(s > 1) || !(d > 1)) {
			t.Errorf("%s: peaks of %g and %g GFLOP/s", l.name, s, d)
		}
	}
}
