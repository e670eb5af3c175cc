package kernels

import (
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns n numbers just before, or just after, a page that must not be
// touched.
func guarded[F Float](t *testing.T, n int, after bool) []F {
	t.Helper()
	page := syscall.Getpagesize()
	size := n * int(unsafe.Sizeof(F(0)))
	whole := (size + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, whole+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	forbidden, first := mem[whole:], whole-size
	if after {
		forbidden, first = mem[:page], page
	}
	if err := syscall.Mprotect(forbidden, syscall.PROT_NONE); err != nil {
		t.Skip(err)
	}
	return unsafe.Slice((*F)(unsafe.Pointer(&mem[first])), n)
}

// TestGuard checks that nothing is read before the start or beyond the end.
func TestGuard(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, after := range []bool{false, true} {
			testGuard[float32](t, after)
			testGuard[float64](t, after)
		}
	})
}

func testGuard[F Float](t *testing.T, after bool) {
	for _, m := range []int{1, 2, 7, 12, 200} {
		for _, n := range []int{1, 2, 4, 9, 17, 33, 130} {
			for _, k := range []int{1, 3, 8, 11, 37} {
				testGuardMul[F](t, m, n, k, after)
			}
		}
	}
	testGuardMul[F](t, 515, 130, 11, after)  // copies A, transposed
	testGuardMul[F](t, 30, 130, 1024, after) // copies A
	testGuardMul[F](t, 13, 200, 70, after)   // several strips at once
	for n := 1; n < 70; n++ {
		var x [5][]F
		for i := range x {
			x[i] = guarded[F](t, n, after)
		}
		for i := range functions {
			call(&functions[i], x[0], x[1], x[2])
		}
		var wide [3][]float64
		for i := range wide {
			wide[i] = guarded[float64](t, n, after)
		}
		AddDifferences(wide[0], x[0], x[1])
		AddSquares(wide[0], x[0], wide[1])
		NormalizeColumns(x[0], x[1], x[2], wide[0])
		NormalizeRow(x[0], x[1], wide[0], 1, 2)
		AddProducts(wide[0], nil, x[0], x[1], x[2])
		AddProducts(wide[0], wide[1], x[0], x[1], x[2])
		NormalizeColumnsGrad(x[0], x[1], x[2], x[3], wide[0], wide[1], wide[2])
		RowProducts(x[0], x[1], wide[0], 1)
		NormalizeRowGrad(x[0], x[1], x[2], wide[0], 1, 2, 3, 4)
		AddRowProducts(wide[0], x[0], x[1], 1, 2)
		Add(x[0], x[1], x[2])
		Hadamard(x[0], x[1], x[2])
		Axpy(x[0], x[1], 2)
		Scale(x[0], x[1], 2)
		SquaredSum(x[0])
		Moments(x[0])
		Denormals(x[0])
		ColumnSums(x[0], Dense(1, n, x[1]))
		Momentum(x[0], x[1], x[2], .1, .9, true)
		Momentum(x[0], x[1], x[2], .1, .9, false)
		RMSProp(x[0], x[1], x[2], .01, .9, 1e-8)
		Adam(x[0], x[1], x[2], x[3], .01, .9, .99, 1e-8, 1, 1)
		SMORMS3(x[0], x[1], x[2], x[3], x[4], .01, 1e-16)
		Rprop(x[0], x[1], x[2], x[3], 1.2, .5, 1e-6, 1)
	}
}

func testGuardMul[F Float](t *testing.T, m, n, k int, after bool) {
	a, b, c := guarded[F](t, m*k, after), guarded[F](t, k*n, after), Dense(m, n, guarded[F](t, m*n, after))
	Mul(c, Dense(m, k, a), Dense(k, n, b), false)
	Mul(c, Dense(k, m, a).T(), Dense(n, k, b).T(), true)
	MulBias(c, Dense(m, k, a), Dense(n, k, b).T(), guarded[F](t, n, after))
}
