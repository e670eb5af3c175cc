package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/bench/stats"
)

// The values are those of R 4.2:
// wilcox.test(x, y, paired = TRUE, exact = TRUE, conf.int = TRUE).
func TestPaired(t *testing.T) {
	for _, c := range []struct {
		x, y          []float64
		shift, lo, hi float64
	}{
		{[]float64{-0.244782, -0.631219, -0.216358, 0.752652, 0.652046, 0.192344}, []float64{-0.953017, -0.648243, 1.224314, 0.199812, -0.578484, -0.942301},
			0.5758345, -1.4406720, 1.2305300},
		{[]float64{0.296272, -1.166475, 0.015545, -0.241073, 1.660616, 1.512067, 0.427922}, []float64{-1.136782, 0.900625, 0.85177, 0.727715, 0.736502, -0.35213, 0.705516},
			0.0108037500000001, -1.4516625, 1.433054},
		{[]float64{1.800358, 0.538252, -0.479284, 1.293761, 1.286507, 0.189537, 2.198885, -0.294594, 0.848438, -1.765401},
			[]float64{-0.162205, 1.130865, -0.455546, -0.899166, 0.726839, -0.809441, 0.267085, -1.737264, -1.411425, -0.453551},
			0.998978, -0.0164725, 1.9471815},
		{[]float64{-0.535491, 1.862143, 1.417457, -0.285142, 1.073518, 1.418196, 0.756287, 0.851967, 1.674337, 0.019154, 0.08117, 1.455113, -0.789007},
			[]float64{0.186197, -0.031326, 0.467097, 1.024198, 0.267358, 0.231826, 0.747592, 1.217069, 0.383358, -0.988053, -0.156853, 1.735535, -0.352298},
			0.3210525, -0.280422, 0.9787835},
		{[]float64{1.18864, 1.724406, 1.294296, 0.493598, 0.719151, -0.386464, 0.93976, -0.38639, -0.353818, -0.489994, -0.150878, 1.553947, 0.109122, 0.429414, 0.037949, 1.040908, 1.431635, 0.290726, 1.11735, 0.094922},
			[]float64{1.053104, 0.602284, 1.017461, 0.608167, 0.206736, -1.897727, -0.682583, 0.481338, -0.463031, -0.279742, -0.41369, 1.618767, -0.721056, -0.453093, 0.014257, 0.215765, 0.18887, -0.050148, -1.49542, 0.367838},
			0.48389075, 0.1197495, 0.872521},
	} {
		e := stats.Paired(c.x, c.y)
		if !near(e.Shift, c.shift, 1e-12) || !near(e.Interval.Lo, c.lo, 1e-12) || !near(e.Interval.Hi, c.hi, 1e-12) || e.Interval.Warning != "" {
			t.Errorf("n = %d: %+v, want %g in [%g, %g]", len(c.x), e, c.shift, c.lo, c.hi)
		}
		if e.Interval.Confidence < stats.Confidence {
			t.Errorf("n = %d: confidence %g", len(c.x), e.Interval.Confidence)
		}
	}
	for _, c := range []struct {
		name string
		x, y []float64
		want stats.Effect
	}{
		{"misses tie", []float64{inf, inf, 3, 1, 2, 4}, []float64{inf, 5, 3, 2, 3, 6}, stats.Effect{Shift: -0.5, Interval: stats.Interval{Lo: -2, Hi: inf}, Won: 1, Lost: 3, Tied: 2}},
		{"one pair", []float64{2}, []float64{1}, stats.Effect{Shift: 1, Interval: stats.Interval{Lo: 1, Hi: 1, Warning: "1 pair: no interval"}, Won: 1}},
		{"five pairs", []float64{1, 2, 3, 4, 5}, []float64{0, 0, 0, 0, 0}, stats.Effect{Shift: 3,
			Interval: stats.Interval{Lo: 1, Hi: 5, Warning: "5 pairs: the range of their differences covers the shift with probability 93.75%; 95% needs 6 pairs"}, Won: 5}},
		{"none", nil, nil, stats.Effect{Shift: nan, Interval: stats.Interval{Lo: nan, Hi: nan, Warning: "no pairs, no interval"}}},
		{"lengths", []float64{1}, []float64{1, 2}, stats.Effect{Shift: nan, Interval: stats.Interval{Lo: nan, Hi: nan, Warning: "no pairs, no interval"}}},
	} {
		got := stats.Paired(c.x, c.y)
		c.want.Interval.Confidence = got.Interval.Confidence
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// distributions have the median 0.
var distributions = map[string]struct {
	draw       func(r *rand.Rand) float64
	symmetric  bool
	continuous bool
}{
	"normal":   {(*rand.Rand).NormFloat64, true, true},
	"skewed":   {func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()) - 1 }, false, true},
	"discrete": {func(r *rand.Rand) float64 { return math.Round(2*r.NormFloat64()) / 2 }, true, false},
	// Most runs end alike, the others at chance.
	"mixture": {func(r *rand.Rand) float64 {
		if r.Float64() < 0.3 {
			return -5 + 0.1*r.NormFloat64()
		}
		return 0.1 * (r.NormFloat64() + 0.5659488219328631) // the median of all is 0: Φ(-0.566) = 2/7
	}, false, true},
}

// TestCoverage draws 20 000 samples of each size: the intervals cover what they estimate as
// often as they say, and not less.
func TestCoverage(t *testing.T) {
	const samples = 20000
	margin := 4 * math.Sqrt(0.05*0.95/samples)
	for name, d := range distributions {
		if testing.Short() && name != "normal" {
			continue
		}
		r := rand.New(rand.NewPCG(7, 1))
		for n := 5; n <= 20; n++ {
			covered, shifts := 0, 0
			x, zero := make([]float64, n), make([]float64, n)
			var median stats.Interval
			var shift stats.Effect
			for range samples {
				for i := range x {
					x[i] = d.draw(r)
				}
				if median = stats.MedianInterval(x); median.Lo <= 0 && 0 <= median.Hi {
					covered++
				}
				if d.symmetric {
					if shift = stats.Paired(x, zero); shift.Interval.Lo <= 0 && 0 <= shift.Interval.Hi {
						shifts++
					}
				}
			}
			share := float64(covered) / samples
			if share < median.Confidence-margin || d.continuous && share > median.Confidence+margin {
				t.Errorf("%s, n = %d: the interval of the median covers it in %.4f, it says %.4f", name, n, share, median.Confidence)
			}
			if !d.symmetric {
				continue
			}
			share = float64(shifts) / samples
			if share < shift.Interval.Confidence-margin || d.continuous && share > shift.Interval.Confidence+margin {
				t.Errorf("%s, n = %d: the interval of the shift covers it in %.4f, it says %.4f", name, n, share, shift.Interval.Confidence)
			}
		}
	}
}

func TestPooled(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	sample := func(n int, shift float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Round(10*(r.NormFloat64()+shift)) / 10
		}
		return x
	}
	// One facet is the signed-rank test.
	for range 20 {
		x, y := sample(9, 0.5), sample(9, 0)
		if got, want := stats.Pooled([]stats.Stratum{{x, y}}), stats.SignedRank(x, y); !near(got.P, want.P, 1e-14) || got.Sign != want.Sign {
			t.Errorf("%+v of one facet, the signed-rank test gives %+v", got, want)
		}
	}
	// Several: against the count of all signs.
	for range 5 {
		strata := []stats.Stratum{{sample(4, 0.7), sample(4, 0)}, {sample(3, 0.7), sample(3, 0)}, {sample(5, 0.7), sample(5, 0)}}
		if got, want := stats.Pooled(strata).P, bySigns(strata); !near(got, want, 1e-12) {
			t.Errorf("P = %g, counted %g", got, want)
		}
	}
	// The scale of a facet makes no difference, its misses are its largest differences.
	a, b := stats.Stratum{[]float64{1, 2, 3}, []float64{0, 0, 0}}, stats.Stratum{[]float64{10, 20, 30}, []float64{0, 0, 0}}
	if p, q := stats.Pooled([]stats.Stratum{a, a}).P, stats.Pooled([]stats.Stratum{a, b}).P; p != q {
		t.Errorf("P = %g, and %g in other units", p, q)
	}
	if r := stats.Pooled([]stats.Stratum{{[]float64{inf, inf, 3}, []float64{inf, 1, 2}}}); r.P != 0.5 || r.Sign != 1 {
		t.Errorf("with misses: %+v", r)
	}
	// Five seeds and four facets are enough, five of one are not.
	five := stats.Stratum{[]float64{1, 2, 3, 4, 5}, []float64{0, 0, 0, 0, 0}}
	if p := stats.Pooled([]stats.Stratum{five}).P; p != 0.0625 {
		t.Errorf("five pairs: P = %g", p)
	}
	if p := stats.Pooled([]stats.Stratum{five, five, five, five}).P; !near(p, math.Exp2(-19), 1e-18) {
		t.Errorf("twenty pairs: P = %g", p)
	}
	if p := stats.Pooled(nil).P; p != 1 {
		t.Errorf("no pairs: P = %g", p)
	}
	if p := stats.Pooled([]stats.Stratum{{[]float64{nan}, []float64{1}}}).P; !math.IsNaN(p) {
		t.Errorf("NaN: P = %g", p)
	}
	// Very many pairs: near the exact value of fewer, and fast.
	var many []stats.Stratum
	for range 400 {
		many = append(many, stats.Stratum{sample(40, 0), sample(40, 0)})
	}
	if p := stats.Pooled(many).P; !(p > 0 && p <= 1) {
		t.Errorf("16000 pairs: P = %g", p)
	}
}

// bySigns counts the ways to give signs to the ranks of all facets.
func bySigns(strata []stats.Stratum) float64 {
	var ranks []float64
	observed := 0.
	for _, s := range strata {
		var d []float64
		for i := range s.X {
			if s.X[i] != s.Y[i] {
				d = append(d, s.X[i]-s.Y[i])
			}
		}
		for _, v := range d {
			below, equal := 0, 0
			for _, w := range d {
				switch {
				case math.Abs(w) < math.Abs(v):
					below++
				case math.Abs(w) == math.Abs(v):
					equal++
				}
			}
			rank := float64(below) + float64(equal+1)/2
			ranks = append(ranks, rank)
			observed += math.Copysign(rank, v)
		}
	}
	as := 0
	for signs := range 1 << len(ranks) {
		sum := 0.
		for i, r := range ranks {
			if signs>>i&1 == 1 {
				r = -r
			}
			sum += r
		}
		if math.Abs(sum) >= math.Abs(observed)-1e-9 {
			as++
		}
	}
	return float64(as) / float64(int(1)<<len(ranks))
}

// The values are those of R 4.2: friedman.test, with the F of Iman and Davenport from
// pf((n-1)*s/(n*(k-1)-s), k-1, (k-1)*(n-1), lower.tail = FALSE), and
// qtukey(0.95, k, Inf)/sqrt(2), which is good to 1e-6.
func TestFriedman(t *testing.T) {
	scores := [][]float64{{.9, .8, .7}, {.95, .85, .9}, {.6, .65, .5}, {.99, .9, .9}, {.7, .6, .65}, {.8, .82, .7}}
	r := stats.Friedman(scores, true)
	if !near(r.P, 0.0696674095445193, 1e-12) {
		t.Errorf("P = %.15g", r.P)
	}
	for i, want := range []float64{1.33333333333333, 2.08333333333333, 2.58333333333333} {
		if !near(r.Mean[i], want, 1e-12) {
			t.Errorf("mean rank %d is %g, want %g", i, r.Mean[i], want)
		}
	}
	for k, want := range map[int]float64{2: 1.95996398477, 3: 2.34370058790, 4: 2.56903177742, 5: 2.72777438252, 8: 3.03087852260, 10: 3.16368375350, 20: 3.54379913192} {
		row := make([]float64, k)
		for i := range row {
			row[i] = float64(i)
		}
		if q := stats.Friedman([][]float64{row, row}, true).Q; math.Abs(q-want) > 1e-6 {
			t.Errorf("q of %d is %.10g, want %g", k, q, want)
		}
	}
	if r := stats.Friedman([][]float64{{1, 1}, {2, 2}}, true); r.P != 1 {
		t.Errorf("nothing but ties: P = %g", r.P)
	}
	if r := stats.Friedman([][]float64{{1, nan}}, true); !math.IsNaN(r.P) || !math.IsNaN(r.Mean[0]) {
		t.Errorf("NaN: %+v", r)
	}
	// Ten blocks that agree: the first differs from the last, neighbours don't.
	var agree [][]float64
	for range 10 {
		agree = append(agree, []float64{4, 3, 2, 1})
	}
	r = stats.Friedman(agree, true)
	if r.P > 1e-9 || fmt.Sprint(r.Mean) != "[1 2 3 4]" || fmt.Sprint(r.Cliques) != "[[0 1] [1 2] [2 3]]" {
		t.Errorf("%+v", r)
	}
	if low := stats.Friedman(agree, false); fmt.Sprint(low.Mean) != "[4 3 2 1]" || fmt.Sprint(low.Cliques) != "[[3 2] [2 1] [1 0]]" {
		t.Errorf("lower is better: %+v", low)
	}
}

func TestPerformances(t *testing.T) {
	p := stats.Performances([][]float64{{100, 200}, {300, 150}, {50, inf}, {inf, inf}}, 4)
	// The first thing: ratios 1, 2, 1 and a miss; the second 2, 1, and two misses.
	if fmt.Sprint(p[0].Ratio, p[0].Share) != "[1 2] [0.5 0.75]" || !near(p[0].Score, (1+2./3+1)/4, 1e-15) {
		t.Errorf("%+v", p[0])
	}
	if fmt.Sprint(p[1].Ratio, p[1].Share) != "[1 2] [0.25 0.5]" || !near(p[1].Score, (2./3+1)/4, 1e-15) {
		t.Errorf("%+v", p[1])
	}
	// The score is the integral of the profile over ratios from 1 to 4, over 3.
	for _, q := range p {
		sum := 0.
		for i, r := range q.Ratio {
			end := 4.
			if i+1 < len(q.Ratio) {
				end = q.Ratio[i+1]
			}
			sum += q.Share[i] * (end - r) / 3
		}
		if !near(sum, q.Score, 1e-15) {
			t.Errorf("the integral is %g, the score %g", sum, q.Score)
		}
	}
	if p := stats.Performances([][]float64{{0, 3}}, 4); p[0].Score != 1 || !near(p[1].Score, 1./3, 1e-15) {
		t.Errorf("from step 0: %+v", p)
	}
}

// The sums of squares are those of R 4.2: summary(aov(y ~ a*b)).
func TestVarianceShares(t *testing.T) {
	y := []float64{1, 2, 3, 5, 4, 6, 2, 3, 9, 8, 7, 7}
	var levels [][]int
	for i := range y {
		levels = append(levels, []int{i / 6, i / 2 % 3})
	}
	s, ok := stats.VarianceShares(levels, y)
	const total = 18.75 + 45.5 + 6.5 + 5.5
	if !ok || !near(s.Axes[0], 18.75/total, 1e-12) || !near(s.Axes[1], 45.5/total, 1e-12) || !near(s.Interactions, 6.5/total, 1e-12) || !near(s.Seeds, 5.5/total, 1e-12) {
		t.Errorf("%+v, %v", s, ok)
	}
	for _, bad := range [][]float64{nil, {1, 1, 1}, {1, nan, 2}, {1, inf, 2}} {
		if _, ok := stats.VarianceShares(levels[:len(bad)], bad); ok {
			t.Errorf("%v has shares", bad)
		}
	}
}

// TestDetectable: a shift of that size is found as often as it says, by the test itself.
func TestDetectable(t *testing.T) {
	for _, c := range []struct{ pairs, comparisons int }{{6, 1}, {10, 1}, {10, 6}, {40, 6}, {100, 3}} {
		shift := stats.Detectable(c.pairs, c.comparisons)
		r := rand.New(rand.NewPCG(11, 5))
		found := 0
		const samples = 2000
		x, y := make([]float64, c.pairs), make([]float64, c.pairs)
		for range samples {
			for i := range x {
				x[i] = r.NormFloat64() + shift
			}
			if stats.SignedRank(x, y).P*float64(c.comparisons) <= stats.Alpha {
				found++
			}
		}
		if share := float64(found) / samples; math.Abs(share-stats.Power) > 0.04 {
			t.Errorf("%d pairs, %d comparisons: a shift of %.3g is found in %.3f", c.pairs, c.comparisons, shift, share)
		}
	}
	if d := stats.Detectable(5, 1); !math.IsInf(d, 1) {
		t.Errorf("five pairs detect %g", d)
	}
}

// TestFalseFindings: of 500 studies of 5 things in 40 facets with 5 seeds and nothing to
// find, at most 35 have a verdict; a shift of 1.5 standard deviations of one thing is found.
func TestFalseFindings(t *testing.T) {
	const things, facets, seeds = 5, 40, 5
	study := func(r *rand.Rand, shift float64) (found bool, right bool) {
		scores := make([][][]float64, things)
		for i := range scores {
			for range facets {
				row := make([]float64, seeds)
				for s := range row {
					row[s] = r.NormFloat64()
					if i == 1 {
						row[s] += shift
					}
				}
				scores[i] = append(scores[i], row)
			}
		}
		var p, crossing []float64
		for i := 1; i < things; i++ {
			var strata []stats.Stratum
			for f := range facets {
				strata = append(strata, stats.Stratum{X: scores[i][f], Y: scores[0][f]})
			}
			p, crossing = append(p, stats.Pooled(strata).P), append(crossing, stats.Combined(strata))
		}
		p, crossing = stats.Holm(p), stats.Holm(crossing)
		return slices.Min(p) <= stats.Alpha || slices.Min(crossing) <= stats.CrossingAlpha, p[0] <= stats.Alpha
	}
	r := rand.New(rand.NewPCG(1, 2))
	false_, found := 0, 0
	studies := 500
	if testing.Short() {
		studies = 100
	}
	for range studies {
		if any, _ := study(r, 0); any {
			false_++
		}
		if _, right := study(r, 1.5); right {
			found++
		}
	}
	if float64(false_) > 0.07*float64(studies) || float64(found) < 0.8*float64(studies) {
		t.Errorf("of %d studies %d have false verdicts, and %d find a shift", studies, false_, found)
	}
}

// TestCombined checks Fisher's method against scipy 1.10's combine_pvalues of wilcoxon's exact P,
// and that it keeps its level, and finds what crosses, with ten seeds.
func TestCombined(t *testing.T) {
	up, down, zero := make([]float64, 10), make([]float64, 10), make([]float64, 10)
	for i := range up {
		up[i], down[i] = float64(i+1), -float64(i+1)
	}
	mixed := []float64{1, -2, 3, -4, 5, 6, -7, 8, 9, 10} // exact P is 0.16015625
	for _, c := range []struct {
		strata []stats.Stratum
		want   float64
	}{
		{[]stats.Stratum{{X: up, Y: zero}, {X: down, Y: zero}}, 5.140933704406367e-05},
		{[]stats.Stratum{{X: up, Y: zero}, {X: mixed, Y: zero}}, 0.002837121048854105},
		{[]stats.Stratum{{X: up, Y: zero}}, 0.001953125},
		{[]stats.Stratum{{X: up, Y: zero}, {}}, 0.001953125},
		{[]stats.Stratum{{X: zero, Y: zero}, {X: zero, Y: zero}}, 1},
		{nil, 1},
	} {
		if got := stats.Combined(c.strata); !(math.Abs(got-c.want) <= 1e-12*c.want) {
			t.Errorf("%v: %v, want %v", c.strata, got, c.want)
		}
	}
	if p := stats.Combined([]stats.Stratum{{X: []float64{math.NaN()}, Y: []float64{0}}}); !math.IsNaN(p) {
		t.Errorf("of NaN: %v", p)
	}
	r := rand.New(rand.NewPCG(3, 4))
	const facets, studies = 4, 1000
	wrong, found := 0, 0
	for range studies {
		var null, cross []stats.Stratum
		for f := range facets {
			x, y, z := make([]float64, 10), make([]float64, 10), make([]float64, 10)
			for i := range x {
				x[i], y[i] = r.NormFloat64(), r.NormFloat64()
				z[i] = y[i] + 1.5*float64(1-f%2*2) + r.NormFloat64()
			}
			null, cross = append(null, stats.Stratum{X: x, Y: y}), append(cross, stats.Stratum{X: z, Y: y})
		}
		if stats.Combined(null) <= stats.CrossingAlpha {
			wrong++
		}
		if stats.Combined(cross) <= stats.CrossingAlpha {
			found++
		}
	}
	// Three standard errors above the level.
	if wrong > 10+10 || found < 0.8*studies {
		t.Errorf("of %d, %d false and %d found", studies, wrong, found)
	}
}
