package kernels

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// BenchmarkMul reports GFLOP/s and the share of the peak that PeakGFLOPS measures
// on the same level.
func BenchmarkMul(b *testing.B) {
	eachLevel(b, func(b *testing.B) {
		b.Run("float32", benchmarkMul[float32])
		b.Run("float64", benchmarkMul[float64])
	})
}

func benchmarkMul[F Float](b *testing.B) {
	peak := PeakGFLOPS[F]()
	for _, s := range [][3]int{{8, 8, 8}, {32, 64, 64}, {128, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
		{32, 10, 784}, {32, 64, 784}, {17, 10, 3}, {64, 300, 784}, {1, 64, 64}, {1, 300, 784}, {300, 1, 784}} {
		for form, name := range []string{"NN", "TN", "NT"} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", name, s[0], s[1], s[2]), func(b *testing.B) {
				r := random(1)
				x, y := dense[F](r, s[0], s[2], form == transA), dense[F](r, s[2], s[1], form == transB)
				z := dense[F](r, s[0], s[1], false)
				for b.Loop() {
					Mul(z, x, y, false)
				}
				gflops := 2 * float64(s[0]*s[1]*s[2]) * float64(b.N) / float64(b.Elapsed().Nanoseconds())
				b.ReportMetric(gflops, "GFLOP/s")
				if peak > 0 {
					b.ReportMetric(gflops/peak, "of-peak")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkMulStreamed reports GFLOP/s where each product has other weights, as in
// the training of a deep network: those of a layer have left the nearer caches
// when it is their turn again.
func BenchmarkMulStreamed(b *testing.B) {
	const layers = 50
	for _, s := range [][2]int{{32, 64}, {128, 256}, {128, 1000}} {
		batch, width := s[0], s[1]
		r := random(1)
		var w, x [layers]Matrix[float32]
		for i := range layers {
			w[i], x[i] = dense[float32](r, width, width, false), dense[float32](r, batch, width, false)
		}
		run := func(name string, f func(i int)) {
			b.Run(fmt.Sprintf("%s/%dx%d", name, batch, width), func(b *testing.B) {
				for b.Loop() {
					for i := range layers {
						f(i)
					}
				}
				b.ReportMetric(2*layers*float64(batch*width*width)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
		y := dense[float32](r, batch, width, false)
		run("NN", func(i int) { Mul(y, x[i], w[i], false) })
		run("TN", func(i int) { Mul(w[i], x[i].T(), y, false) })
		run("NT", func(i int) { Mul(y, x[i], w[i].T(), false) })
	}
}

func dense[F Float](r *rand.Rand, rows, cols int, trans bool) Matrix[F] {
	if trans {
		return dense[F](r, cols, rows, false).T()
	}
	m := Dense(rows, cols, make([]F, rows*cols))
	for i := range m.Data {
		m.Data[i] = F(r.NormFloat64())
	}
	return m
}

// BenchmarkSplit compares one and two goroutines on one product.
func BenchmarkSplit(b *testing.B) {
	for _, s := range [][3]int{{128, 256, 256}, {128, 512, 512}, {1024, 1024, 1024}} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%dx%d/workers=%d", s[0], s[1], s[2], workers), func(b *testing.B) {
				r := random(1)
				p := NewProduct(dense[float32](r, s[0], s[1], false), dense[float32](r, s[0], s[2], false), dense[float32](r, s[2], s[1], false), false)
				p.Split(workers)
				runtime.LockOSThread() // as studies do
				defer runtime.UnlockOSThread()
				b.ReportAllocs()
				for b.Loop() {
					p.Do()
				}
				b.ReportMetric(2*float64(s[0]*s[1]*s[2])*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkElements reports nanoseconds per element for slices that stay in the
// cache.
func BenchmarkElements(b *testing.B) {
	eachLevel(b, func(b *testing.B) {
		b.Run("float32", benchmarkElements[float32])
		b.Run("float64", benchmarkElements[float64])
	})
}

func benchmarkElements[F Float](b *testing.B) {
	const n = 2048
	r := random(1)
	var x [5][]F
	for i := range x {
		x[i] = make([]F, n)
		for j := range x[i] {
			x[i][j] = F(r.NormFloat64() * 3)
		}
	}
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			b.ReportMetric(0, "ns/op")
		})
	}
	dst := make([]F, n)
	for i := range functions {
		f := &functions[i]
		run(f.name, func() { call(f, dst, x[0], x[1]) })
	}
	run("Add", func() { Add(dst, x[0], x[1]) })
	run("Axpy", func() { Axpy(dst, x[0], 1e-9) })
	run("SquaredSum", func() { SquaredSum(x[0]) })
	run("Moments", func() { Moments(x[0]) })
	run("Denormals", func() { Denormals(x[0]) })
	run("Within", func() { Within(x[0], -1, 1) })
	run("MaxAbs", func() { MaxAbs(x[0]) })
	run("ColumnSums", func() { ColumnSums(dst[:64], Dense(n/64, 64, x[0])) })
	one := make([]F, n)
	for i := range one {
		one[i] = 1
	}
	w, square := make([]F, n), make([]F, n)
	run("SGD", func() { SGD(w, x[0], 1e-3) })
	run("Momentum", func() { Momentum(w, x[0], x[1], 1e-3, .9, false) })
	run("RMSProp", func() { RMSProp(w, x[0], square, 1e-3, .9, 1e-8) })
	run("Adam", func() { Adam(w, x[0], x[1], square, 1e-3, .9, .99, 1e-8, 1, 1) })
	run("SMORMS3", func() { SMORMS3(w, x[0], one, x[1], square, 1e-3, 1e-16) })
	run("Rprop", func() { Rprop(w, x[0], x[3], x[4], 1.2, .5, 1e-6, 1) })
}
