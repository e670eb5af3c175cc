package meanfield

import (
	"math"

	"gonum.org/v1/gonum/interp"
)

// Diagram returns χ₁ over a grid, [bias][weight], NaN where q diverges: a picture's
// precision (about 1e-3), as E[f²] and E[f'²] are interpolated, at a thousandth of the
// cost of so many theories.
func (m *Field) Diagram(weights, biases []float64) [][]float64 {
	const least = -700 // stands for the logarithm of 0
	logQ, logV, logD := make([]float64, len(m.q)), make([]float64, len(m.q)), make([]float64, len(m.q))
	for i, q := range m.q {
		logQ[i] = math.Log(q)
		logV[i] = max(math.Log(m.squares[i]), least)
		logD[i] = max(math.Log(m.slopes[i]), least)
	}
	var squares, slopes interp.FritschButland
	for _, c := range []struct {
		spline *interp.FritschButland
		y      []float64
	}{{&squares, logV}, {&slopes, logD}} {
		if err := c.spline.Fit(logQ, c.y); err != nil { // the grid is fixed
			panic(err)
		}
	}
	diagram := make([][]float64, len(biases))
	for k, bias := range biases {
		diagram[k] = make([]float64, len(weights))
		for j, weight := range weights {
			v := Variances{weight, bias}
			excess := func(x float64) float64 { return (weight*math.Exp(squares.Predict(x))+bias)*math.Exp(-x) - 1 }
			diagram[k][j] = math.NaN()
			if x, ok := m.settles(v, excess, logQ); ok {
				diagram[k][j] = weight * math.Exp(slopes.Predict(x))
			}
		}
	}
	return diagram
}

// settles returns the logarithm of the variance that layers come to, by the signs of
// the q-map's change on the grid.
func (m *Field) settles(v Variances, excess func(float64) float64, logQ []float64) (x float64, ok bool) {
	i := 0
	for i < len(m.q)-1 && m.q[i] < v.Weight+v.Bias {
		i++
	}
	at := m.change(v, i)
	step := 1
	if at < 0 {
		step = -1
	}
	for ; i+step >= 0 && i+step < len(m.q); i += step {
		next := m.change(v, i+step)
		if math.Abs(at) < significant { // neutral, or the end at 0
			return logQ[i], true
		}
		if (next > 0) != (at > 0) {
			return root(excess, logQ[i], logQ[i+step], excess(logQ[i]), excess(logQ[i+step]), 1e-9), true
		}
		at = next
	}
	return logQ[0], step < 0
}
