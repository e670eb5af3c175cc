package probe

import "math"

// EffectiveRank is the effective number of directions that the pre-activations of a batch span,
//
//	(tr K)² / tr K²,  K = z·zᵀ
//
// from 1, all examples along one line, to the number of examples. It takes a product of all
// pairs of examples in each layer, and is measured only on request.
const EffectiveRank Quantity = "effective-rank"

var effectiveRank = row(EffectiveRank, "directions that a batch of z fills, (tr K)²/tr K² with K = z·zᵀ", Measure{
	Of: []Source{PreActivations}, OnRequest: true,
	Value: func(v *Values) float64 {
		norm := v.Norm()
		if v.NonFinite() > 0 || math.IsInf(norm, -1) {
			return math.NaN()
		}
		// K is divided by its trace, ‖z‖², by two factors that stay in range.
		_, exponent := math.Frexp(math.Pow(10, max(-300, min(300, norm))))
		if v.x32 != nil {
			return rank(v.x32, v.Rows(), exponent)
		}
		return rank(v.x64, v.Rows(), exponent)
	},
})

func rank[F float32 | float64](x []F, rows, exponent int) float64 {
	units := len(x) / rows
	scale := math.Ldexp(1, -exponent)
	trace, squares := 0., 0.
	for i := range rows {
		a := x[i*units : (i+1)*units]
		for j := range i + 1 {
			b := x[j*units : (j+1)*units]
			var s0, s1, s2, s3 float64
			k := 0
			for ; k+4 <= units; k += 4 {
				s0 += float64(a[k]) * scale * (float64(b[k]) * scale)
				s1 += float64(a[k+1]) * scale * (float64(b[k+1]) * scale)
				s2 += float64(a[k+2]) * scale * (float64(b[k+2]) * scale)
				s3 += float64(a[k+3]) * scale * (float64(b[k+3]) * scale)
			}
			for ; k < units; k++ {
				s0 += float64(a[k]) * scale * (float64(b[k]) * scale)
			}
			dot := s0 + s1 + s2 + s3
			if i == j {
				trace += dot
				squares += dot * dot
			} else {
				squares += 2 * dot * dot
			}
		}
	}
	return trace * trace / squares
}
