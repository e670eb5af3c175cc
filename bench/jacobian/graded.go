package jacobian

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
)

// graded is a matrix of n rows as U·diag(e^l): columns with their sizes apart, so that sizes
// can differ by more than a float64 holds.
type graded struct {
	n       int
	columns [][]float64 // of U
	log     []float64   // l
}

// identity is the identity of n rows.
func identity(n int) *graded {
	g := &graded{n: n}
	for i := range n {
		u := make([]float64, n)
		u[i] = 1
		g.columns, g.log = append(g.columns, u), append(g.log, 0)
	}
	return g
}

// negligible is the part of a row that counts as rounding: what remains of a row that is in
// the span of those before it.
const negligible = 1e-13

// reduce replaces T·M by T'·Q: the rows of M, as many as T has columns, become the
// orthonormal rows Q, in place, and T takes what that changes. Rows that are in the span of
// those before become 0.
func (g *graded) reduce(rows []float64, cols int) {
	k := len(g.log)
	row := func(i int) blas64.Vector { return blas64.Vector{N: cols, Inc: 1, Data: rows[i*cols : (i+1)*cols]} }
	// The largest column of T first: then e^(l_i - l_j) below is at most 1.
	order := make([]int, k)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case g.log[a] > g.log[b]:
			return -1
		case g.log[a] < g.log[b]:
			return 1
		}
		return 0
	})
	lower := make([][]float64, k) // L: M = L·Q, by rows in order
	var pivots []int              // the row that each direction came from
	q := make([][]float64, 0, min(k, cols))
	for at, i := range order {
		v := row(i)
		lower[at] = make([]float64, 0, len(q)+1)
		whole := blas64.Nrm2(v)
		coefficients := make([]float64, len(q))
		for range 2 { // twice is enough
			for j, direction := range q {
				u := blas64.Vector{N: cols, Inc: 1, Data: direction}
				c := blas64.Dot(v, u)
				coefficients[j] += c
				blas64.Axpy(-c, u, v)
			}
		}
		lower[at] = append(lower[at], coefficients...)
		rest := blas64.Nrm2(v)
		if whole == 0 || len(q) == cols || rest <= negligible*whole || math.IsNaN(rest) {
			clear(v.Data)
			continue
		}
		blas64.Scal(1/rest, v)
		lower[at] = append(lower[at], rest)
		pivots = append(pivots, at)
		q = append(q, slices.Clone(v.Data))
	}
	// T' = T·L: column j of it, in units of the size that its pivot gives it.
	columns, logs := make([][]float64, len(q)), make([]float64, len(q))
	for j, pivot := range pivots {
		size := g.log[order[pivot]] + math.Log(lower[pivot][j])
		column := make([]float64, g.n)
		out := blas64.Vector{N: g.n, Inc: 1, Data: column}
		for at := pivot; at < k; at++ {
			if j >= len(lower[at]) || lower[at][j] == 0 {
				continue
			}
			share := math.Copysign(math.Exp(g.log[order[at]]+math.Log(math.Abs(lower[at][j]))-size), lower[at][j])
			blas64.Axpy(share, blas64.Vector{N: g.n, Inc: 1, Data: g.columns[order[at]]}, out)
		}
		columns[j], logs[j] = column, size
	}
	g.columns, g.log = columns, logs
	// Q first, zeros behind: as many rows as there are directions.
	clear(rows)
	for j, direction := range q {
		copy(rows[j*cols:], direction)
	}
}

// singularValues returns the natural logarithms of the singular values, descending, by
// one-sided rotations of the columns (C. Jacobi; J. Demmel, K. Veselić: Jacobi's method is
// more accurate than QR, 1992). The matrix is not changed.
func (g *graded) singularValues() []float64 {
	k := len(g.log)
	v := make([]blas64.Vector, k) // of length 1
	l := slices.Clone(g.log)
	for j := range k {
		v[j] = blas64.Vector{N: g.n, Inc: 1, Data: slices.Clone(g.columns[j])}
		size := blas64.Nrm2(v[j])
		l[j] += math.Log(size)
		blas64.Scal(1/size, v[j])
	}
	for range 40 {
		worst := 0.
		for i := range k {
			for j := i + 1; j < k; j++ {
				a, b := i, j
				if l[a] < l[b] {
					a, b = b, a
				}
				cos := blas64.Dot(v[a], v[b])
				worst = max(worst, math.Abs(cos))
				if math.Abs(cos) < 1e-15 {
					continue
				}
				ratio := math.Exp(l[b] - l[a])
				if ratio < 1e-9 { // the rotation leaves the larger as it is
					blas64.Axpy(-cos, v[a], v[b])
					l[b] += renormalise(v[b])
					continue
				}
				// Of columns of lengths 1 and ratio.
				zeta := (ratio*ratio - 1) / (2 * cos * ratio)
				t := math.Copysign(1/(math.Abs(zeta)+math.Hypot(1, zeta)), zeta)
				c := 1 / math.Hypot(1, t)
				s := c * t
				// a' = c·a - s·b, b' = s·a + c·b with b of length ratio.
				x, y := v[a].Data, v[b].Data
				for m := range x {
					p, q := x[m], ratio*y[m]
					x[m], y[m] = c*p-s*q, s*p+c*q
				}
				base := l[a]
				l[a] = base + renormalise(v[a])
				l[b] = base + renormalise(v[b])
			}
		}
		if worst < 1e-14 {
			break
		}
	}
	slices.SortFunc(l, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	return l
}

// renormalise gives v length 1 and returns the logarithm of what it was.
func renormalise(v blas64.Vector) float64 {
	size := blas64.Nrm2(v)
	if size == 0 {
		return math.Inf(-1)
	}
	blas64.Scal(1/size, v)
	return math.Log(size)
}
