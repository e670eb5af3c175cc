package stress

import (
	"fmt"
	"math"
	"strings"
)

// curve is a function of one variable with its first two derivatives. At a kink the
// derivatives are those to its right.
type curve func(x float64) (f, slope, bend float64)

// piece makes the curve of a prototype on [from, to] that starts with a value and a
// slope. Beyond the interval it continues unchanged.
type piece func(from, to, value, slope float64) curve

// pieces are the prototypes.
var pieces = map[string]piece{
	"line": func(from, _, value, slope float64) curve { return polynomial(from, value, slope, 0) },

	// quadratic-convex has its slope fall to a tenth at the end, or rise to ten times that
	// at the start if it goes uphill; quadratic-bowl has its minimum in the middle.
	"quadratic-convex": func(from, to, value, slope float64) curve {
		centre := (to - 0.1*from) / 0.9
		if slope > 0 {
			centre = (10*from - to) / 9
		}
		return parabola(from, value, slope, centre)
	},
	"quadratic-bowl": func(from, to, value, slope float64) curve {
		return parabola(from, value, slope, (from+to)/2)
	},

	// Two lines of one length: the second with the opposite slope (abs), none (relu), ten
	// times the opposite one (cliff), ten times the same (ridge).
	"abs":   angle(func(slope float64) float64 { return -slope }),
	"relu":  angle(func(float64) float64 { return 0 }),
	"cliff": angle(func(slope float64) float64 { return -10 * slope }),
	"ridge": angle(func(slope float64) float64 { return 10 * slope }),
	// bend is a plateau that a line of the given slope goes down from.
	"bend": func(from, to, value, slope float64) curve {
		return corner(from, value, 0, slope, middle(from, to, 0, slope))
	},

	// The slope of an exponential falls by a thousand.
	"exponential": func(from, to, value, slope float64) curve {
		rate := math.Log(1000) / (to - from)
		return func(x float64) (float64, float64, float64) {
			e := math.Exp(-rate * (x - from))
			return value + slope/rate*(1-e), slope * e, -rate * slope * e
		}
	},

	// A Gaussian well exp(-u²): from u = -4 to where it turns convex, from there to near
	// its bottom, and around the bottom.
	"gauss-nonconvex": func(from, to, value, slope float64) curve {
		width := 2 * (to - from) / (8 - math.Sqrt2)
		centre := from + 4*width
		if slope > 0 {
			centre = to - 4*width
		}
		return gauss(from, value, slope, centre, width)
	},
	"gauss-convex": func(from, to, value, slope float64) curve {
		width := 10 * (to - from) / (5*math.Sqrt2 - 1)
		centre := to + 0.1*width
		if slope > 0 {
			centre = from - 0.1*width
		}
		return gauss(from, value, slope, centre, width)
	},
	"gauss-bowl": func(from, to, value, slope float64) curve {
		width := 5 * (to - from)
		return gauss(from, value, slope, from+0.1*width, width)
	},

	// A Laplacian well exp(-|u|): from u = -8 to -1, to -0.1, and to 0.1.
	"laplace-nonconvex": func(from, to, value, slope float64) curve {
		width := (to - from) / 7
		centre := from + 8*width
		if slope > 0 {
			centre = from - width
		}
		return laplace(from, value, slope, centre, width)
	},
	"laplace-convex": func(from, to, value, slope float64) curve {
		width := (to - from) / 0.9
		centre := from + width
		if slope > 0 {
			centre = from - 0.1*width
		}
		return laplace(from, value, slope, centre, width)
	},
	"laplace-bowl": func(from, to, value, slope float64) curve {
		width := (to - from) / 0.2
		return laplace(from, value, slope, from+0.1*width, width)
	},
}

// kinked are the pieces that are not differentiable everywhere.
var kinked = map[string]bool{"abs": true, "relu": true, "cliff": true, "ridge": true, "bend": true, "laplace-bowl": true}

func polynomial(from, value, slope, bend float64) curve {
	return func(x float64) (float64, float64, float64) {
		d := x - from
		return value + d*(slope+d*bend/2), slope + d*bend, bend
	}
}

func parabola(from, value, slope, centre float64) curve {
	return polynomial(from, value, slope, slope/(from-centre))
}

func angle(second func(slope float64) float64) piece {
	return func(from, to, value, slope float64) curve {
		after := second(slope)
		return corner(from, value, slope, after, middle(from, to, slope, after))
	}
}

// middle is where two lines of one length meet.
func middle(from, to, slope, after float64) float64 {
	ratio := math.Hypot(1, slope) / math.Hypot(1, after)
	return (ratio*from + to) / (1 + ratio)
}

func corner(from, value, slope, after, at float64) curve {
	return func(x float64) (float64, float64, float64) {
		if x < at {
			return value + slope*(x-from), slope, 0
		}
		return value + slope*(at-from) + after*(x-at), after, 0
	}
}

// gauss is c - b·exp(-u²), u = (x - centre)/width.
func gauss(from, value, slope, centre, width float64) curve {
	start := (from - centre) / width
	depth := width * uphill(slope) / (2 * start * math.Exp(-start*start))
	bottom := value + depth*math.Exp(-start*start)
	return func(x float64) (float64, float64, float64) {
		u := (x - centre) / width
		e := depth * math.Exp(-u*u)
		return bottom - e, 2 * u / width * e, 2 * (1 - 2*u*u) / (width * width) * e
	}
}

// laplace is c - b·exp(-|u|).
func laplace(from, value, slope, centre, width float64) curve {
	start := (from - centre) / width
	side := math.Copysign(1, start)
	depth := width * uphill(slope) / (side * math.Exp(-math.Abs(start)))
	bottom := value + depth*math.Exp(-math.Abs(start))
	return func(x float64) (float64, float64, float64) {
		u := (x - centre) / width
		e := depth * math.Exp(-math.Abs(u))
		side := 1.
		if u < 0 {
			side = -1
		}
		return bottom - e, side / width * e, -e / (width * width)
	}
}

// uphill replaces a slope of 0, from which no well could be made.
func uphill(slope float64) float64 {
	if slope == 0 {
		return -1e-7
	}
	return slope
}

// concatenate makes one curve of several pieces ("relu+bend+line"), one after the other
// on equal parts of [from, to], each of which starts with the value and the slope that
// the one before ends with. A bend takes up the last slope that was not 0.
func concatenate(names string, from, to, value, slope float64) (curve, error) {
	list := strings.Split(names, "+")
	step := (to - from) / float64(len(list))
	curves := make([]curve, len(list))
	last := slope
	for i, name := range list {
		of, ok := pieces[name]
		if !ok {
			return nil, fmt.Errorf("stress: unknown prototype %q", name)
		}
		start := from + float64(i)*step
		if slope != 0 {
			last = slope
		}
		initial := slope
		if name == "bend" {
			initial = last
		}
		curves[i] = of(start, start+step, value, initial)
		value, slope, _ = curves[i](start + step)
	}
	return func(x float64) (float64, float64, float64) {
		i := 0
		for i < len(curves)-1 && x >= from+float64(i+1)*step {
			i++
		}
		return curves[i](x)
	}, nil
}
