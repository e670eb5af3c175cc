package kernels

import "math"

// SquaredSum returns Σ x² in float64: a float32 of 1e-30 contributes 1e-60. The order of
// summation is fixed. A float64 below 1e-162 has a square that underflows.
func SquaredSum[F Float](x []F) float64 {
	raceRead(x)
	return squares(x, 0)
}

// Moments returns the mean of x and its variance Σ (x - mean)²/n, in float64
// and in two passes. Both are NaN if x is empty.
func Moments[F Float](x []F) (mean, variance float64) {
	raceRead(x)
	if len(x) == 0 {
		return math.NaN(), math.NaN()
	}
	n := float64(len(x))
	f := use[F]().sum
	for rest := x; len(rest) > 0; rest = rest[min(len(rest), chunk):] {
		mean += f(rest[:min(len(rest), chunk)])
	}
	mean /= n
	return mean, squares(x, mean) / n
}

func squares[F Float](x []F, center float64) (sum float64) {
	f := use[F]().squares
	for len(x) > 0 {
		n := min(len(x), chunk)
		sum += f(x[:n], center)
		x = x[n:]
	}
	return sum
}

// ColumnSums sets dst to the sums of the columns of x, each added up from the
// first row to the last: the gradient of a bias.
func ColumnSums[F Float](dst []F, x Matrix[F]) {
	x.check()
	sameLength(len(dst), x.Cols)
	raceWrite(dst)
	x.each(raceRead)
	clear(dst)
	if x.Rows == 0 || x.Cols == 0 {
		return
	}
	if x.ColStride != 1 && x.Cols > 1 {
		for j := range dst {
			for _, v := range x.T().row(j) {
				dst[j] += v
			}
		}
		return
	}
	step := max(1, chunk/x.Cols)
	for i := 0; i < x.Rows; i += step {
		use[F]().columnSums(dst, x.Data[i*x.RowStride:], min(step, x.Rows-i), x.RowStride)
	}
}

// Within returns how many elements of x are between lo and hi.
func Within[F Float](x []F, lo, hi F) int {
	f := use[F]().within
	return count(x, func(x []F) int { return f(x, lo, hi) })
}

// MaxAbs returns the largest |x|, NaN if there is a NaN, 0 if x is empty.
func MaxAbs[F Float](x []F) (most F) {
	raceRead(x)
	f := use[F]().maxAbs
	for len(x) > 0 {
		n := min(len(x), chunk)
		if m := f(x[:n]); m > most || m != m {
			most = m
		}
		if most != most {
			break
		}
		x = x[n:]
	}
	return most
}

// count adds up what f counts in chunks of x.
func count[F Float](x []F, f func([]F) int) (total int) {
	raceRead(x)
	for len(x) > 0 {
		n := min(len(x), chunk)
		total += f(x[:n])
		x = x[n:]
	}
	return total
}
