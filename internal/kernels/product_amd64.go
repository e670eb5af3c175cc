//go:build !purego

package kernels

import "sync"

// tile is the assembly at the heart of a product: C = A·B or C += A·B for as
// many rows as its table says and one or two vectors of columns, the last of
// which has only last columns. B's rows must be contiguous.
type tile[F Float] func(k int, a *F, ars, aks int, b *F, bks int, c *F, crs, last int, acc bool)

// product is matrix multiplication for an element type and instruction set.
type product[F Float] struct {
	tiles     [][2]tile[F] // by rows and vectors-1
	lanes     int          // in a vector
	packRows  func(k int, dst *F, drs int, src *F, srs, n int)
	transpose func(k int, dst *F, drs int, src *F, srs int)
	square    int // rows and columns that transpose takes at once
	buffers   sync.Pool
}

// buffers holds a block of A and a strip of B.
type buffers[F Float] struct{ a, b []F }

const (
	// A strip of B of this many rows and two vectors takes 32 KiB of the
	// first-level cache at most.
	maxDepth = 256
	// So many rows of A, at that depth, stay in the second-level cache.
	maxHeight = 768
	// From this height of C on, the strips of B are worth copying.
	packHeight = 192
	// From this width of C on, a transposed A is worth copying if its columns are
	// so far apart that few share a page.
	packWidth, packStride = 128, 512
)

// mul sets C = A·B + D. A strip of B, two vectors wide, meets a block of
// A tile by tile while it is in the first-level cache.
func (p *product[F]) mul(c, a, b, d Matrix[F]) {
	acc := d.Data != nil
	if acc && !d.same(c) {
		for i := range c.Rows {
			copy(c.row(i), d.row(i))
		}
	}
	width := 2 * p.lanes
	packA := a.ColStride >= packStride && c.Cols >= packWidth
	packB := b.ColStride != 1 && b.Cols > 1 || c.Rows >= packHeight
	var buf *buffers[F]
	if packA || packB {
		buf = p.buffers.Get().(*buffers[F])
		defer p.buffers.Put(buf)
	}
	height := part(c.Rows, maxHeight)
	depth := part(a.Cols, maxDepth)
	rows := part(height, len(p.tiles)-1)
	for i0 := 0; i0 < c.Rows; i0 += height {
		i1 := min(i0+height, c.Rows)
		for k0 := 0; k0 < a.Cols; k0 += depth {
			k := min(depth, a.Cols-k0)
			if packA {
				buf.a = grow(buf.a, (height+rows)*k+width)
				for i := i0; i < i1; i += rows {
					p.packRows(k, &buf.a[(i-i0)*k], rows, a.at(i, k0), a.ColStride, min(rows, i1-i))
				}
			}
			for j := 0; j < c.Cols; j += width {
				n := min(width, c.Cols-j)
				vecs := (n + p.lanes - 1) / p.lanes
				bk, bks := b.at(k0, j), b.RowStride
				if packB {
					buf.b = grow(buf.b, width*k)
					p.pack(buf.b, b, k0, k, j, n)
					bk, bks = &buf.b[0], width
				}
				for i := i0; i < i1; i += rows {
					ai, ars, aks := a.at(i, k0), a.RowStride, a.ColStride
					if packA {
						ai, ars, aks = &buf.a[(i-i0)*k], 1, rows
					}
					p.tiles[min(rows, i1-i)][vecs-1](k, ai, ars, aks, bk, bks,
						c.at(i, j), c.RowStride, n-(vecs-1)*p.lanes, acc || k0 > 0)
				}
			}
		}
	}
}

// part returns the size of the parts when n is divided into the fewest parts of
// at most most, about equal.
func part(n, most int) int {
	parts := (n + most - 1) / most
	return (n + parts - 1) / parts
}

func grow[F Float](x []F, n int) []F {
	if cap(x) < n {
		return make([]F, n)
	}
	return x[:n]
}

// pack copies n columns of B, from row k0 to k0+k, into contiguous rows of two
// vectors.
func (p *product[F]) pack(dst []F, b Matrix[F], k0, k, j, n int) {
	width := 2 * p.lanes
	if b.ColStride == 1 || b.Cols == 1 {
		p.packRows(k, &dst[0], width, b.at(k0, j), b.RowStride, n)
		return
	}
	whole := k - k%p.square
	col := 0
	for ; col+p.square <= n && whole > 0; col += p.square {
		p.transpose(whole/p.square, &dst[col], width, b.at(k0, j+col), b.ColStride)
		for i := whole; i < k; i++ {
			for l := range p.square {
				dst[i*width+col+l] = *b.at(k0+i, j+col+l)
			}
		}
	}
	for ; col < n; col++ {
		x := b.Data[(k0)*b.RowStride+(j+col)*b.ColStride:]
		for i := range k {
			dst[i*width+col] = x[i*b.RowStride]
		}
	}
}
