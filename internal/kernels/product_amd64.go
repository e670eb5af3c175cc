//go:build !purego

package kernels

import (
	"sync"
	"unsafe"
)

// tile is the assembly at the heart of a product: C = A·B + D for as many rows
// and vectors of columns as its table says, the last vector having only last
// columns. B's rows must be contiguous; D may be nil.
type tile[F Float] func(k int, a *F, ars, aks int, b *F, bks int, c *F, crs int, d *F, drs int, last int)

// transpose stores some rows of src as columns of dst, k times as many columns
// as 16 bytes hold.
type transpose[F Float] struct {
	rows int
	copy func(k int, dst *F, drs int, src *F, srs int)
}

// product is matrix multiplication for an element type and instruction set.
type product[F Float] struct {
	lanes      int         // in a vector
	tiles      [][]tile[F] // by rows and vectors-1
	packRows   func(k int, dst *F, drs int, src *F, srs, n int)
	transposes []transpose[F] // the widest first
	dot        func(k int, x, m *F, stride, rows int, dst *F)
	buffers    sync.Pool
}

// buffers holds a block of A and a strip of B, or a vector.
type buffers[F Float] struct{ a, b, v []F }

const (
	// A strip of B of this many rows and two vectors takes 48 KiB of the
	// first-level cache at most.
	maxDepth = 384
	// So many rows of A, at that depth, stay in a second-level cache of 1 MiB.
	maxHeight = 384
	// From this height of C on, the strips of B are worth copying.
	packHeight = 192
	// From this width of C on, a transposed A is worth copying if its columns are
	// so far apart that few share a page.
	packWidth, packStride = 128, 512
	// Up to this height of C, scalar products beat the copying of a transposed B.
	dotHeight = 3
)

// mul sets C = A·B + D.
func (p *product[F]) mul(c, a, b, d Matrix[F]) {
	switch {
	case c.Cols == 1 && c.Rows > 1:
		p.column(c, a, b, d)
	case c.Rows <= dotHeight && b.ColStride != 1 && b.Cols > 1:
		buf := p.get()
		buf.v = grow(buf.v, c.Cols)
		for i := range c.Rows {
			p.dots(buf.v, a.line(i), b.T(), buf)
			for j, v := range buf.v {
				if d.Data != nil {
					v += *d.at(i, j)
				}
				*c.at(i, j) = v
			}
		}
		p.buffers.Put(buf)
	default:
		p.blocks(c, a, b, d)
	}
}

// column sets C, of one column, to A·B + D: to the scalar products of A's rows
// with B or, if A's columns are contiguous, by the transposed product.
func (p *product[F]) column(c, a, b, d Matrix[F]) {
	buf := p.get()
	buf.v = grow(buf.v, c.Rows)
	if a.ColStride == 1 {
		p.dots(buf.v, b.T().line(0), a, buf)
	} else {
		p.blocks(Dense(1, c.Rows, buf.v), b.T(), a.T(), Matrix[F]{})
	}
	for i, v := range buf.v {
		if d.Data != nil {
			v += *d.at(i, 0)
		}
		*c.at(i, 0) = v
	}
	p.buffers.Put(buf)
}

// line is a row as a matrix of its own.
func (m Matrix[F]) line(i int) Matrix[F] {
	return Matrix[F]{m.Data[i*m.RowStride:], 1, m.Cols, m.RowStride, m.ColStride}
}

// dots sets dst to the scalar products of the row x with the rows of m, which are
// contiguous.
func (p *product[F]) dots(dst []F, x, m Matrix[F], buf *buffers[F]) {
	first := x.at(0, 0)
	if x.ColStride != 1 {
		buf.a = grow(buf.a, x.Cols)
		for i := range buf.a {
			buf.a[i] = *x.at(0, i)
		}
		first = &buf.a[0]
	}
	rows := max(1, chunk/m.Cols) // in a call that is not to hold up anyone
	for i := 0; i < m.Rows; i += rows {
		p.dot(m.Cols, first, m.at(i, 0), m.RowStride, min(rows, m.Rows-i), &dst[i])
	}
}

// blocks is the general case. A strip of B meets a block of A tile by tile while
// it is in the first-level cache.
func (p *product[F]) blocks(c, a, b, d Matrix[F]) {
	vectors := 2
	if c.Rows <= dotHeight {
		vectors = len(p.tiles[c.Rows])
	}
	width := vectors * p.lanes
	packA := a.ColStride >= packStride && c.Cols >= packWidth
	packB := b.ColStride != 1 && b.Cols > 1 || c.Rows >= packHeight
	var buf *buffers[F]
	if packA || packB {
		buf = p.get()
	}
	most := len(p.tiles) - 1
	blocks := parts(c.Rows, maxHeight)
	depths := parts(a.Cols, maxDepth)
	for block := range blocks {
		i0, i1 := part(c.Rows, blocks, block)
		tiles := parts(i1-i0, most)
		// The first extra tiles have rows rows, the others one less.
		rows := parts(i1-i0, tiles)
		extra := i1 - i0 - (rows-1)*tiles
		for depth := range depths {
			k0, k1 := part(a.Cols, depths, depth)
			k := k1 - k0
			from := d
			if depth > 0 {
				from = c
			}
			if packA {
				buf.a = grow(buf.a, (tiles*rows)*k+width)
				for t, i := 0, i0; t < tiles; t++ {
					h := rows
					if t >= extra {
						h--
					}
					p.packRows(k, &buf.a[t*rows*k], rows, a.at(i, k0), a.ColStride, h)
					i += h
				}
			}
			for j := 0; j < c.Cols; j += width {
				n := min(width, c.Cols-j)
				vecs := (n + p.lanes - 1) / p.lanes
				last := n - (vecs-1)*p.lanes
				bk, bks := b.at(k0, j), b.RowStride
				if packB {
					buf.b = grow(buf.b, width*k)
					p.pack(buf.b, b, k0, k, j, n)
					bk, bks = &buf.b[0], width
				}
				for t, i := 0, i0; t < tiles; t++ {
					h := rows
					if t >= extra {
						h--
					}
					ai, ars, aks := a.at(i, k0), a.RowStride, a.ColStride
					if packA {
						ai, ars, aks = &buf.a[t*rows*k], 1, rows
					}
					var di *F
					if from.Data != nil {
						di = from.at(i, j)
					}
					p.tiles[h][vecs-1](k, ai, ars, aks, bk, bks, c.at(i, j), c.RowStride, di, from.RowStride, last)
					i += h
				}
			}
		}
	}
	if buf != nil {
		p.buffers.Put(buf)
	}
}

// pack copies n columns of B, from row k0 to k0+k, into contiguous rows of two
// vectors. It may write anything beyond the n columns.
func (p *product[F]) pack(dst []F, b Matrix[F], k0, k, j, n int) {
	width := 2 * p.lanes
	if b.ColStride == 1 || b.Cols == 1 {
		p.packRows(k, &dst[0], width, b.at(k0, j), b.RowStride, n)
		return
	}
	step := transposeStep[F]()
	whole := k - k%step
	for col := 0; col < n; {
		t := p.transposeFor(n)
		if t == nil || k < step {
			for i := range k {
				dst[i*width+col] = *b.at(k0+i, j+col)
			}
			col++
			continue
		}
		// What is left at the end is done together with some that is done
		// already, so that all is done by whole squares.
		col = min(col, n-t.rows)
		t.copy(whole/step, &dst[col], width, b.at(k0, j+col), b.ColStride)
		if whole < k {
			t.copy(1, &dst[(k-step)*width+col], width, b.at(k0+k-step, j+col), b.ColStride)
		}
		col += t.rows
	}
}

// transposeFor returns the widest transposition of at most n rows.
func (p *product[F]) transposeFor(n int) *transpose[F] {
	for i := range p.transposes {
		if p.transposes[i].rows <= n {
			return &p.transposes[i]
		}
	}
	return nil
}

// transposeStep is the number of elements in 16 bytes.
func transposeStep[F Float]() int { return int(16 / unsafe.Sizeof(F(0))) }

// parts is the least number of parts of at most most that n can be divided into.
func parts(n, most int) int {
	if n <= most {
		return 1
	}
	return (n + most - 1) / most
}

// part returns the limits of part i of n divided about equally.
func part(n, parts, i int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }

func (p *product[F]) get() *buffers[F] {
	if b, ok := p.buffers.Get().(*buffers[F]); ok {
		return b
	}
	return new(buffers[F])
}

func grow[F Float](x []F, n int) []F {
	if cap(x) < n {
		return make([]F, n)
	}
	return x[:n]
}
