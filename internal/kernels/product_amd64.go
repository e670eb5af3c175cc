//go:build !purego

package kernels

import (
	"sync"
	"unsafe"
)

// panel is the assembly at the heart of a product: C = A·B + D, strip by strip, and tile by tile
// in a strip. A strip is as many vectors wide as the function says; of the last vector only last
// columns exist. The first tall tiles have rows rows, the other low ones one less. A strip of B
// begins bss after the one before, a tile of A ats after the one before, or ars less if that is
// low. B's rows must be contiguous; D may be nil, drs being 0. With each row of B, memory at
// ahead is prefetched, and ahead moves on by pace bytes.
type panel[F Float] func(k int, a *F, ars, aks, ats int, b *F, bks, bss int, c *F, crs int, d *F, drs int, rows, tall, low, strips, last int, ahead uintptr, pace int)

// transpose stores some rows of src as columns of dst, k times as many columns
// as 16 bytes hold.
type transpose[F Float] struct {
	rows int
	copy func(k int, dst *F, drs int, src *F, srs int)
}

// product is matrix multiplication for an element type and instruction set.
type product[F Float] struct {
	lanes   int        // in a vector
	rows    int        // of the highest tile
	vectors []int      // of the widest strip, by rows-1; beyond, it is 2
	panels  []panel[F] // by vectors-1
	// transposing does the first tile of a strip of two vectors while it copies a
	// transposed B to dst. It has tiles of 4 rows and more.
	transposing func(k int, a *F, ars, aks int, b *F, bcs int, dst, c *F, crs int, d *F, drs int, rows int)
	packRows    func(k int, dst *F, drs int, src *F, srs, n int)
	transposes  []transpose[F] // the widest first
	dot         func(k int, x, m *F, stride, rows int, dst *F)
	buffers     sync.Pool
}

// buffers holds a block of A and a strip of B, or a vector.
type buffers[F Float] struct{ a, b, v []F }

const (
	// A strip of B of this many rows and two vectors takes about 48 KiB of the first-level or
	// second-level cache at most; parts end at multiples of 16.
	maxDepth = 384
	// This many rows of A, at that depth, stay in a second-level cache of 1 MiB.
	maxHeight = 384
	// The most vectors that one call of assembly multiplies, in about 70 µs.
	maxWork = 1 << 18
	// The most elements of copied strips of B that are multiplied at once.
	packSize = 4096
	// From this many tiles in a strip on, the strips of B are worth copying.
	packFrom = 16
	// From this width of C on, A is worth copying if it is transposed and its columns are so far
	// apart that few share a page, or if its rows compete for the same sets of the first-level
	// cache.
	packWidth, packStride = 128, 512
	// Up to this height of C, scalar products beat the copying of a transposed B.
	dotHeight = 3
)

// mul sets C = A·B + D, or A·B if D is nil. Where it can, it prefetches the memory ahead.
func (p *product[F]) mul(c, a, b, d *Matrix[F], ahead span) {
	switch {
	case c.Cols == 1 && c.Rows > 1:
		p.column(c, a, b, d)
	case c.Rows <= dotHeight && b.ColStride != 1 && b.Cols > 1:
		buf := p.get()
		buf.v = grow(buf.v, c.Cols)
		for i := range c.Rows {
			p.dots(buf.v, a.line(i), b.T(), buf)
			for j, v := range buf.v {
				if d != nil {
					v += *d.at(i, j)
				}
				*c.at(i, j) = v
			}
		}
		p.buffers.Put(buf)
	default:
		p.blocks(c, a, b, d, ahead)
	}
}

// column sets C, of one column, to A·B + D: to the scalar products of A's rows
// with B or, if A's columns are contiguous, by the transposed product.
func (p *product[F]) column(c, a, b, d *Matrix[F]) {
	buf := p.get()
	buf.v = grow(buf.v, c.Rows)
	if a.ColStride == 1 {
		p.dots(buf.v, b.T().line(0), *a, buf)
	} else {
		v, bt, at := Dense(1, c.Rows, buf.v), b.T(), a.T()
		p.blocks(&v, &bt, &at, nil, span{})
	}
	for i, v := range buf.v {
		if d != nil {
			v += *d.at(i, 0)
		}
		*c.at(i, 0) = v
	}
	p.buffers.Put(buf)
}

// line is a row as a matrix.
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
	rows := max(1, chunk/m.Cols) // in a call short enough not to delay others
	for i := 0; i < m.Rows; i += rows {
		p.dot(m.Cols, first, m.at(i, 0), m.RowStride, min(rows, m.Rows-i), &dst[i])
	}
}

// blocks is the general case. A strip of B is multiplied with the tiles of a block of A while it
// is in the first-level cache.
func (p *product[F]) blocks(c, a, b, d *Matrix[F], ahead span) {
	vectors := 2
	if c.Rows <= len(p.vectors) {
		vectors = p.vectors[c.Rows-1]
	}
	width := vectors * p.lanes
	packA := c.Cols >= packWidth && (a.ColStride >= packStride || a.ColStride == 1 && sameSet[F](a.RowStride))
	transposed := b.ColStride != 1 && b.Cols > 1
	packB := transposed || c.Rows >= packFrom*p.rows
	var buf *buffers[F]
	if packA || packB {
		buf = p.get()
	}
	next, pace := p.pace(c, a, b, ahead)
	blocks := parts(c.Rows, maxHeight)
	depths := parts(a.Cols, maxDepth)
	for block := range blocks {
		i0, i1 := part(c.Rows, blocks, block)
		for depth := range depths {
			k0, k1 := part(a.Cols, depths, depth)
			k := k1 - k0
			from := d
			if depth > 0 {
				from = c
			}
			all := p.divide(a, i0, i1, k0)
			if packA {
				p.packTiles(&all, a, i0, k0, k, buf)
			}
			most := 1 // strips at once
			if c.Cols > width {
				most = maxWork / (max(i1-i0, 64) * k * vectors)
				if packB {
					most = min(most, packSize/(k*width))
				}
				most = max(1, most)
			}
			for j := 0; j < c.Cols; {
				// Some strips of full width, or one of less.
				strips, n, vecs, last := 1, width, vectors, p.lanes
				if left := c.Cols - j; left < width {
					for n, vecs = left, 1; vecs*p.lanes < n; {
						vecs++
					}
					last = n - (vecs-1)*p.lanes
				} else if most > 1 {
					strips = min(most, left/width)
				}
				t := all
				bk, bks, bss := b.at(k0, j), b.RowStride, width
				if packB {
					buf.b = grow(buf.b, strips*width*k)
					bk, bks, bss = &buf.b[0], width, width*k
					fused := transposed && n == width && k >= transposeStep[F]() && p.transposing != nil && !sameSet[F](2*b.ColStride)
					for s := range strips {
						dst, j := buf.b[s*bss:][:bss], j+s*width
						if !fused {
							p.pack(dst, b, k0, k, j, n)
							continue
						}
						for i := k - k%transposeStep[F](); i < k; i++ { // what it does not copy
							for col := range width {
								dst[i*width+col] = *b.at(k0+i, j+col)
							}
						}
						di, drs := from.start(i0, j)
						p.transposing(k, t.a, t.ars, t.aks, b.at(k0, j), b.ColStride, &dst[0], c.at(i0, j), c.RowStride, di, drs, t.rows)
					}
					if fused {
						t.next()
					}
				}
				if t.tall > 0 {
					di, drs := from.start(t.i, j)
					p.panels[vecs-1](k, t.a, t.ars, t.aks, t.ats, bk, bks, bss, c.at(t.i, j), c.RowStride, di, drs,
						t.rows, t.tall, t.low, strips, last, next, pace)
					next += uintptr(pace * k * (t.tall + t.low) * strips)
				}
				j += strips * n
			}
		}
	}
	if buf != nil {
		p.buffers.Put(buf)
	}
}

// asks returns how often the panels of a product prefetch memory: with each row of B that
// multiplies a tile of more than three rows.
func (p *product[F]) asks(c, a, b *Matrix[F]) int {
	if c.Rows <= dotHeight || c.Cols == 1 {
		return 0
	}
	tiles := parts(c.Rows, p.rows)
	if transposed := b.ColStride != 1 && b.Cols > 1; transposed && p.transposing != nil {
		tiles-- // done by transposing
	}
	return tiles * a.Cols * parts(c.Cols, 2*p.lanes)
}

// pace returns where to prefetch first, and how far to move on each time.
func (p *product[F]) pace(c, a, b *Matrix[F], ahead span) (next uintptr, pace int) {
	asks := p.asks(c, a, b)
	if ahead.bytes == 0 || asks == 0 {
		return uintptr(unsafe.Pointer(&a.Data[0])), 0 // which is there already
	}
	return ahead.address, min(line, parts(ahead.bytes, asks))
}

// start returns the pointer to an element and the row stride, or nil and 0 if there
// is no matrix.
func (m *Matrix[F]) start(i, j int) (*F, int) {
	if m == nil {
		return nil, 0
	}
	return m.at(i, j), m.RowStride
}

// tiles is the division of a block of A that panel takes: tiles from row i on, tall ones first.
type tiles[F Float] struct {
	i, rows, tall, low int
	a                  *F
	ars, aks, ats      int
}

// divide divides rows i0 to i1 as evenly as possible.
func (p *product[F]) divide(a *Matrix[F], i0, i1, k0 int) tiles[F] {
	n, rows := 1, i1-i0
	if rows > p.rows {
		n = parts(rows, p.rows)
		rows = parts(rows, n)
	}
	low := n*rows - (i1 - i0)
	return tiles[F]{i0, rows, n - low, low, a.at(i0, k0), a.RowStride, a.ColStride, rows * a.RowStride}
}

// next drops the first tile.
func (t *tiles[F]) next() {
	t.tall--
	if t.tall+t.low == 0 {
		return
	}
	t.i += t.rows
	t.a = (*F)(unsafe.Add(unsafe.Pointer(t.a), uintptr(t.ats)*unsafe.Sizeof(F(0))))
	if t.tall == 0 {
		t.tall, t.low = t.low, 0
		t.rows--
		t.ats -= t.ars
	}
}

// packTiles copies the tiles, from row i0 of A and column k0 on: whole rows, at
// a stride of an odd number of cache lines, or columns of one tile after the other.
func (p *product[F]) packTiles(t *tiles[F], a *Matrix[F], i0, k0, k int, buf *buffers[F]) {
	n := t.tall + t.low
	if a.ColStride == 1 {
		t.ars = (k/(2*lineOf[F]())*2 + 3) * lineOf[F]()
		t.ats = t.rows * t.ars
		buf.a = grow(buf.a, n*t.ats)
		for i := range n*t.rows - t.low {
			copy(buf.a[i*t.ars:], a.Data[(i0+i)*a.RowStride+k0:][:k])
		}
		t.a = &buf.a[0]
		return
	}
	buf.a = grow(buf.a, n*t.rows*k+2*p.lanes)
	at, i := 0, i0
	for j := range n {
		h := t.rows
		if j >= t.tall {
			h--
		}
		p.packRows(k, &buf.a[at], t.rows, a.at(i, k0), a.ColStride, h)
		i += h
		at += t.rows*(k-1) + h // a low tile is followed at once by the next
	}
	t.a, t.ars, t.aks, t.ats = &buf.a[0], 1, t.rows, t.rows*k
}

// pack copies n columns of B, from row k0 to k0+k, into contiguous rows of two
// vectors. It may write anything beyond the n columns.
func (p *product[F]) pack(dst []F, b *Matrix[F], k0, k, j, n int) {
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
		// The rest at the end is transposed together with a part that is transposed already, so
		// that all squares are whole.
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

// sameSet reports whether rows of this stride begin in the same set of a first-level cache of 64
// sets, so that no more than 8 or 12 of them stay there.
func sameSet[F Float](stride int) bool { return stride*int(unsafe.Sizeof(F(0)))%4096 == 0 }

// lineOf is the number of elements in a line of the cache.
func lineOf[F Float]() int { return int(64 / unsafe.Sizeof(F(0))) }

// transposeStep is the number of elements in 16 bytes.
func transposeStep[F Float]() int { return int(16 / unsafe.Sizeof(F(0))) }

// parts is the least number of parts of at most most that n can be divided into.
func parts(n, most int) int {
	if n <= most {
		return 1
	}
	return (n + most - 1) / most
}

// part returns the limits of part i of n divided about equally, at multiples of 16.
func part(n, parts, i int) (lo, hi int) {
	if parts == 1 {
		return 0, n
	}
	lo, hi = n*i/parts&^15, n
	if i < parts-1 {
		hi = n * (i + 1) / parts &^ 15
	}
	return lo, hi
}

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
