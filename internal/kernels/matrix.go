package kernels

import "fmt"

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

// same reports whether two views start at the same element and have the same rows.
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
	checkProduct(&c, &a, &b)
	mul(&c, &a, &b, d, span{})
}

// MulBias sets C = A·B + 1·bias: the bias, a row, is added to every row. It must
// not overlap C.
func MulBias[F Float](c, a, b Matrix[F], bias []F) {
	sameLength(c.Cols, len(bias))
	checkProduct(&c, &a, &b)
	raceRead(bias)
	mul(&c, &a, &b, &Matrix[F]{bias, c.Rows, c.Cols, 0, 1}, span{})
}

// Product is a product of matrices that stay in place, prepared to be computed many times. Make
// it with [NewProduct] or [NewProductBias].
type Product[F Float] struct {
	c, a, b, d Matrix[F]
	added      *Matrix[F] // d, or nil
	ahead      span
	team       *team[F] // that shares the work; nil if it is not divided
}

// span is a piece of memory.
type span struct {
	address uintptr
	bytes   int
}

// NewProduct prepares C = A·B, or C += A·B if acc: see [Mul].
func NewProduct[F Float](c, a, b Matrix[F], acc bool) *Product[F] {
	checkProduct(&c, &a, &b)
	p := &Product[F]{c: c, a: a, b: b, d: c}
	if acc {
		p.added = &p.d
	}
	return p
}

// NewProductBias prepares C = A·B + 1·bias: see [MulBias].
func NewProductBias[F Float](c, a, b Matrix[F], bias []F) *Product[F] {
	sameLength(c.Cols, len(bias))
	checkProduct(&c, &a, &b)
	p := &Product[F]{c: c, a: a, b: b, d: Matrix[F]{bias, c.Rows, c.Cols, 0, 1}}
	p.added = &p.d
	return p
}

// line is the size of a cache line in bytes.
const line = 64

// Reach returns how many bytes the product can prefetch: see Fetch. 0 if it can't.
func (p *Product[F]) Reach() int {
	if k := use[F](); k.product != nil {
		return line * k.product.asks(&p.c, &p.a, &p.b)
	}
	return 0
}

// Fetch makes the processor fetch the given number of bytes from an address into its
// second-level cache while the product is computed: what the next computation will read, if it
// was last used long ago. It is only a hint, which costs next to nothing. Beyond Reach, some
// lines are left out.
func (p *Product[F]) Fetch(address uintptr, bytes int) { p.ahead = span{address, bytes} }

// Do computes the product.
func (p *Product[F]) Do() {
	if p.added != nil && raceEnabled {
		p.d.each(raceRead)
	}
	if p.team != nil {
		p.team.do()
		return
	}
	mul(&p.c, &p.a, &p.b, p.added, p.ahead)
}

// slice is the view of rows r0 to r1 and columns c0 to c1.
func (m Matrix[F]) slice(r0, r1, c0, c1 int) Matrix[F] {
	m.Data = m.Data[r0*m.RowStride+c0*m.ColStride:]
	m.Rows, m.Cols = r1-r0, c1-c0
	return m
}

// mul sets C = A·B + D. D is C, or nil, or has a row stride of 0.
func mul[F Float](c, a, b, d *Matrix[F], ahead span) {
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
			k.product.mul(c, a, b, d, ahead)
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

// each reports the rows, or columns, to the race detector, in their order in memory.
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
