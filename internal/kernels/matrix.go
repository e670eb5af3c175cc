package kernels

import (
	"fmt"
	"runtime"
	"sync"
)

// Float is an element type.
type Float interface{ float32 | float64 }

// Matrix is a view of numbers: element i, j is Data[i*RowStride + j*ColStride].
type Matrix[F Float] struct {
	Data                 []F
	Rows, Cols           int
	RowStride, ColStride int
}

// Dense returns the view of a row-major matrix.
func Dense[F Float](rows, cols int, data []F) Matrix[F] {
	return Matrix[F]{data, rows, cols, cols, 1}
}

// T returns the transposed view of the same numbers.
func (m Matrix[F]) T() Matrix[F] {
	return Matrix[F]{m.Data, m.Cols, m.Rows, m.ColStride, m.RowStride}
}

func (m *Matrix[F]) at(i, j int) *F { return &m.Data[i*m.RowStride+j*m.ColStride] }

// row returns the numbers of a row of a matrix with ColStride 1.
func (m Matrix[F]) row(i int) []F { return m.Data[i*m.RowStride:][:m.Cols:m.Cols] }

// same tells whether two views start at the same element and have the same rows.
func (m Matrix[F]) same(o Matrix[F]) bool {
	return &m.Data[0] == &o.Data[0] && m.RowStride == o.RowStride
}

// Mul sets C = A·B, or C += A·B if acc. A and B must be row-major or
// column-major, C row-major. C must not overlap A or B.
func Mul[F Float](c, a, b Matrix[F], acc bool) {
	var d *Matrix[F]
	if acc {
		d = &c
	}
	mul(&c, &a, &b, d)
}

// MulBias sets C = A·B + 1·bias: the bias, a row, is added to every row. It must
// not overlap C.
func MulBias[F Float](c, a, b Matrix[F], bias []F) {
	sameLength(c.Cols, len(bias))
	raceRead(bias)
	mul(&c, &a, &b, &Matrix[F]{bias, c.Rows, c.Cols, 0, 1})
}

// MulParallel is Mul by up to workers goroutines, which share the rows or the
// columns of C; the result is the same to the bit. Small products, and those of
// the portable kernels, are left to Mul. It allocates. FlushToZero holds for it.
func MulParallel[F Float](c, a, b Matrix[F], acc bool, workers int) {
	const (
		grain   = 48      // rows or columns of a share are a multiple of this
		minimum = 1 << 21 // multiplications worth a goroutine
	)
	byRows := c.Rows >= c.Cols
	size := max(c.Rows, c.Cols)
	workers = min(workers, c.Rows*c.Cols*a.Cols/minimum, size/grain)
	if workers < 2 || best() == &portable {
		Mul(c, a, b, acc)
		return
	}
	checkProduct(&c, &a, &b)
	flushing := flushesToZero()
	var group sync.WaitGroup
	for lo, i := 0, 1; i <= workers; i++ {
		hi := size * i / workers / grain * grain
		if i == workers {
			hi = size
		}
		ci, ai, bi := c, a, b
		if byRows {
			ci, ai = c.slice(lo, hi, 0, c.Cols), a.slice(lo, hi, 0, a.Cols)
		} else {
			ci, bi = c.slice(0, c.Rows, lo, hi), b.slice(0, b.Rows, lo, hi)
		}
		lo = hi
		if i == workers {
			Mul(ci, ai, bi, acc)
		} else {
			group.Go(func() {
				if flushing {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					defer FlushToZero(FlushToZero(true))
				}
				Mul(ci, ai, bi, acc)
			})
		}
	}
	group.Wait()
}

// slice is the view of rows r0 to r1 and columns c0 to c1.
func (m Matrix[F]) slice(r0, r1, c0, c1 int) Matrix[F] {
	m.Data = m.Data[r0*m.RowStride+c0*m.ColStride:]
	m.Rows, m.Cols = r1-r0, c1-c0
	return m
}

// mul sets C = A·B + D. D is C, or nil, or has a row stride of 0.
func mul[F Float](c, a, b, d *Matrix[F]) {
	checkProduct(c, a, b)
	if raceEnabled {
		a.each(raceRead)
		b.each(raceRead)
		c.each(raceWrite)
	}
	if c.Rows == 0 || c.Cols == 0 {
		return
	}
	if a.Cols > 0 {
		k := use[F]()
		if k.product != nil {
			k.product.mul(c, a, b, d)
			return
		}
		var none Matrix[F]
		if d == nil {
			d = &none
		}
		k.mul(*c, *a, *b, *d)
		return
	}
	for i := range c.Rows {
		if d == nil {
			clear(c.row(i))
		} else {
			copy(c.row(i), d.row(i))
		}
	}
}

func checkProduct[F Float](c, a, b *Matrix[F]) {
	if c.Rows != a.Rows || c.Cols != b.Cols || a.Cols != b.Rows {
		panic(fmt.Sprintf("kernels: %dx%d = %dx%d · %dx%d", c.Rows, c.Cols, a.Rows, a.Cols, b.Rows, b.Cols))
	}
	a.check()
	b.check()
	c.check()
	if c.Cols > 1 && c.ColStride != 1 {
		panic("kernels: the result must be row-major")
	}
}

// each tells the race detector about the rows, or columns, in their order in
// memory.
func (m Matrix[F]) each(tell func([]F)) {
	if raceEnabled {
		if m.ColStride != 1 {
			m = m.T()
		}
		for i := range m.Rows {
			tell(m.row(i))
		}
	}
}

// check panics unless the view is row-major or column-major, and within its data.
func (m *Matrix[F]) check() {
	if m.Rows == 0 || m.Cols == 0 {
		return
	}
	if !(m.ColStride == 1 && m.RowStride >= m.Cols) && !(m.RowStride == 1 && m.ColStride >= m.Rows) {
		panic("kernels: of a matrix's strides one must be 1, the other at least a row or column")
	}
	_ = m.at(m.Rows-1, m.Cols-1)
}
