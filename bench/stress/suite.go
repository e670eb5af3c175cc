package stress

import "slices"

// Groups are the groups of tests, in the order of the tables. Each test is in one.
var Groups = []string{
	"1-D noiseless", "1-D smooth", "1-D kinked", "1-D heavy noise",
	"1-D scale drift", "1-D noise drift", "1-D offset drift",
	"2-D separable", "2-D rotated", "2-D curled",
	"10-D separable", "10-D rotated", "10-D curled",
}

var (
	scales = []scale{normal, steep, flat, saddle}

	additive = []noise{{noiseless, 0}, {gaussian, 0.01}, {gaussian, 0.1}, {gaussian, 10}}
	factors  = []noise{{lognormal, 0.1}, {lognormal, 1}, {lognormal, 10}}
	others   = []noise{{maskout, 0.1}, {maskout, 0.9}, {cauchy, 1}}
)

// prototypes meet all noises, the sequences after them Gaussian noise alone.
var prototypes = []string{"line", "quadratic-bowl", "abs", "bend", "relu", "gauss-bowl", "cliff", "ridge"}

var sequences = []string{
	"quadratic-convex+line", "gauss-nonconvex+line", "gauss-convex+line", "laplace-nonconvex+line", "laplace-convex+line",
	"exponential", "quadratic-convex+exponential", "gauss-nonconvex+exponential", "gauss-convex+exponential",
	"laplace-nonconvex+exponential", "laplace-convex+exponential", "line+exponential",
	"quadratic-convex+relu", "gauss-nonconvex+relu", "gauss-convex+relu", "laplace-convex+relu",
	"gauss-nonconvex+gauss-convex+gauss-bowl+gauss-convex+gauss-nonconvex",
	"laplace-nonconvex+laplace-convex+laplace-bowl+laplace-convex+laplace-nonconvex",
	"line+quadratic-bowl+line", "quadratic-convex+abs+quadratic-convex", "quadratic-convex+cliff+quadratic-convex",
	"quadratic-convex+cliff+gauss-nonconvex", "quadratic-convex+quadratic-bowl+gauss-nonconvex", "quadratic-convex+abs+gauss-nonconvex",
	"cliff+exponential", "cliff+quadratic-bowl", "quadratic-convex+cliff+quadratic-bowl", "quadratic-bowl+cliff+exponential",
	"relu+bend+line", "quadratic-convex+relu+bend+line", "gauss-nonconvex+relu+line",
	"relu+bend+quadratic-bowl", "quadratic-convex+relu+bend+quadratic-bowl", "gauss-nonconvex+relu+bend+quadratic-bowl",
	"relu+bend+exponential", "quadratic-convex+relu+bend+exponential", "gauss-nonconvex+relu+bend+exponential",
}

// joined are the functions of several dimensions: the first dimension has one curve and
// slope, the rest another.
var joined = []struct {
	first, rest     string
	slopes          [][2]scale
	rotated, curled bool // also
}{
	{"quadratic-bowl", "quadratic-bowl", [][2]scale{{normal, normal}, {steep, steep}, {flat, flat}, {saddle, saddle}}, true, false},
	{"abs", "quadratic-bowl", [][2]scale{{normal, normal}, {steep, normal}, {normal, steep}, {normal, saddle}}, true, true},
	{"quadratic-bowl", "line", [][2]scale{{normal, normal}, {steep, normal}}, false, false},
	{"line", "line", [][2]scale{{normal, normal}}, false, false},
	{"relu", "line", [][2]scale{{normal, normal}}, false, false},
	{"exponential", "line", [][2]scale{{normal, normal}, {steep, normal}}, false, false},
	{"abs", "line", [][2]scale{{normal, normal}, {steep, normal}}, false, false},
	{"abs", "abs", [][2]scale{{normal, normal}}, true, true},
	{"cliff", "abs", [][2]scale{{normal, normal}, {steep, normal}}, false, false},
	{"cliff", "line", [][2]scale{{normal, normal}}, true, true},
	{"cliff", "quadratic-bowl", [][2]scale{{normal, normal}}, true, true},
	{"exponential", "quadratic-bowl", [][2]scale{{normal, normal}}, false, false},
	{"gauss-nonconvex", "abs", [][2]scale{{saddle, normal}}, false, false},
	{"gauss-nonconvex", "quadratic-bowl", [][2]scale{{saddle, normal}}, false, false},
	{"laplace-convex+laplace-nonconvex+quadratic-convex", "laplace-convex+laplace-nonconvex+quadratic-convex",
		[][2]scale{{normal, normal}, {saddle, normal}}, false, false},
}

// Suite returns all tests, group by group.
func Suite() []Test {
	var tests []Test
	add := func(t Test) {
		t.describe()
		t.Group = t.group()
		tests = append(tests, t)
	}
	for _, c := range slices.Concat(prototypes, sequences) {
		noises := additive
		if slices.Contains(prototypes, c) {
			noises = slices.Concat(additive, factors, others)
		}
		for _, n := range noises {
			for _, s := range scales {
				for _, d := range drifts(n) {
					add(Test{axes: []axis{{c, s, n}}, drift: d})
				}
			}
		}
	}
	for _, dims := range []int{2, 10} {
		for _, j := range joined {
			for _, n := range pairs(dims) {
				for _, s := range j.slopes {
					for _, rotated := range either(j.rotated) {
						for _, curled := range either(j.curled) {
							axes := []axis{{j.first, s[0], n[0]}}
							for range dims - 1 {
								axes = append(axes, axis{j.rest, s[1], n[1]})
							}
							add(Test{axes: axes, rotated: rotated, curled: curled})
						}
					}
				}
			}
		}
	}
	slices.SortStableFunc(tests, func(a, b Test) int {
		return slices.Index(Groups, a.Group) - slices.Index(Groups, b.Group)
	})
	return tests
}

// drifts are those that are tried with a noise: place and scale drift without any, its
// level drifts if it has one that is not high.
func drifts(n noise) []drift {
	switch {
	case n.kind == noiseless:
		return []drift{stationary, scaleDrift, offsetDrift}
	case n.kind != maskout && n.level < 10:
		return []drift{stationary, noiseDrift}
	}
	return []drift{stationary}
}

// pairs are the noises of the first dimension and of the rest.
func pairs(dims int) [][2]noise {
	list := [][2]noise{{additive[0], additive[0]}, {additive[2], additive[2]}}
	if dims == 2 {
		return append(list, [2]noise{additive[1], additive[3]}, [2]noise{additive[3], additive[1]})
	}
	return append(list, [2]noise{additive[1], additive[1]}, [2]noise{additive[3], additive[3]})
}

func either(both bool) []bool {
	if both {
		return []bool{false, true}
	}
	return []bool{false}
}

func (t *Test) group() string {
	if n := len(t.axes); n > 1 {
		dims := map[int]string{2: "2-D ", 10: "10-D "}[n]
		switch {
		case t.curled:
			return dims + "curled"
		case t.rotated:
			return dims + "rotated"
		}
		return dims + "separable"
	}
	a := t.axes[0]
	switch {
	case t.drift != stationary:
		return "1-D " + t.drift.String() + " drift"
	case a.noise.kind == noiseless:
		return "1-D noiseless"
	case a.noise.heavy():
		return "1-D heavy noise"
	case differentiable(a.curve):
		return "1-D smooth"
	}
	return "1-D kinked"
}

// heavy noise is ten times the slope, or hides it nine times of ten.
func (n noise) heavy() bool { return n.level == 10 || n.kind == maskout && n.level == 0.9 }
