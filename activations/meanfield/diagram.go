package meanfield

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/interp"
)

// Diagram returns χ₁ over a grid, [bias][weight], NaN where q diverges, to the precision of a
// picture (about 1e-3): E[f²] and E[f'²] are interpolated, which costs a thousandth of as many
// calls of Theory.
func (m *Field) Diagram(weights, biases []float64) [][]float64 {
	const least = -700 // replaces the logarithm of 0
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

// settles returns the logarithm of the variance to which layers converge from inputs of mean
// square 1, by the sign of the q-map's change there and on the grid.
func (m *Field) settles(v Variances, excess func(float64) float64, logQ []float64) (x float64, ok bool) {
	last := len(logQ) - 1
	x = min(max(math.Log(v.Weight+v.Bias), logQ[0]), logQ[last])
	at := excess(x)
	if math.Abs(at) < significant { // neutral
		return x, true
	}
	up := at > 0
	i, step, end := sort.SearchFloat64s(logQ, x), 1, last+1
	if !up {
		i, step, end = i-1, -1, -1
	}
	for ; i != end; i += step {
		next := excess(logQ[i])
		if (next > 0) != up {
			return root(excess, x, logQ[i], at, next, 1e-9), true
		}
		x, at = logQ[i], next
	}
	return logQ[0], !up
}
