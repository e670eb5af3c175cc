package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/stats"
	"pgregory.net/rapid"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

type entry struct {
	Call   string
	X, Y   []float64
	P      float64
	Lo, Hi float64
	Q      float64
	Value  float64
}

// reference reads what testdata/reference.py wrote.
func reference(t *testing.T, name string) []entry {
	t.Helper()
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]entry
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all[name]) == 0 {
		t.Fatalf("no reference values %q", name)
	}
	return all[name]
}

func near(a, b, tolerance float64) bool {
	return a == b || math.Abs(a-b) <= tolerance || math.IsNaN(a) && math.IsNaN(b)
}

func TestQuantile(t *testing.T) {
	for _, e := range reference(t, "quantile") {
		if got := stats.Quantile(e.X, e.Q); !near(got, e.Value, 1e-14) {
			t.Errorf("%s, q = %g: got %g, want %g", e.Call, e.Q, got, e.Value)
		}
	}
	for _, c := range []struct {
		x    []float64
		p    float64
		want float64
	}{
		{nil, 0.5, nan},
		{[]float64{3}, 0.9, 3},
		{[]float64{1, nan}, 0, nan},
		{[]float64{1, 2}, -0.1, nan},
		{[]float64{1, 2}, nan, nan},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		// Misses: the median is a number as long as more than half were hits.
		{[]float64{inf, 100, 150, inf, 120}, 0.5, 150},
		{[]float64{inf, 100, 150, inf, inf}, 0.5, inf},
		{[]float64{inf, 100, 150, inf}, 0.5, inf},
		{[]float64{inf, inf, inf, inf}, 0.5, inf},
		{[]float64{-inf, -inf, 1, 2}, 0.25, -inf},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, 0.5, math.MaxFloat64},
	} {
		before := slices.Clone(c.x)
		if got := stats.Quantile(c.x, c.p); !near(got, c.want, 0) {
			t.Errorf("Quantile(%v, %g) = %g, want %g", c.x, c.p, got, c.want)
		}
		if !slices.EqualFunc(before, c.x, func(a, b float64) bool { return near(a, b, 0) }) {
			t.Errorf("Quantile changed %v to %v", before, c.x)
		}
	}
}

// The coverage is R's: 1 - 2*pbinom(r - 1, n, 0.5).
func TestMedianInterval(t *testing.T) {
	for _, c := range []struct {
		x      []float64
		lo, hi float64
		level  float64
		warns  bool
	}{
		{nil, nan, nan, nan, true},
		{[]float64{1, nan, 2, 3, 4, 5}, nan, nan, nan, true},
		{[]float64{7}, 7, 7, 0, true},
		{[]float64{1, 2, 3, 4, 5}, 1, 5, 0.9375, true},
		{[]float64{1, 2, 3, inf, inf}, 1, inf, 0.9375, true},
		{[]float64{6, 5, 4, 3, 2, 1}, 1, 6, 0.96875, false},
		{[]float64{inf, inf, inf, inf, inf, inf}, inf, inf, 0.96875, false},
		{[]float64{0, 0, 0, 0, 0, 0, 0}, 0, 0, 0.984375, false},
		{[]float64{8, 1, 7, 2, 6, 3, 5, 4}, 1, 8, 0.9921875, false},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 2, 8, 0.9609375, false},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 2, 10, 0.98828125, false},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 10, 0.96142578125, false},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 6, 15, 0.958610534667969, false},
	} {
		v := stats.MedianInterval(c.x)
		if !near(v.Lo, c.lo, 0) || !near(v.Hi, c.hi, 0) || !near(v.Confidence, c.level, 1e-14) || (v.Warning != "") != c.warns {
			t.Errorf("MedianInterval(%v) = %+v, want [%g, %g] at %g", c.x, v, c.lo, c.hi, c.level)
		}
	}
}

// The interval and the median commute with any increasing map of odd samples, one that
// sends the largest values to infinity included.
func TestCensoredInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 2*rapid.IntRange(0, 12).Draw(t, "half") + 1
		x := rapid.SliceOfN(rapid.Float64Range(0, 100), n, n).Draw(t, "x")
		limit := rapid.Float64Range(0, 100).Draw(t, "limit")
		censor := func(v float64) float64 {
			if v > limit {
				return inf
			}
			return v
		}
		y := make([]float64, n)
		for i, v := range x {
			y[i] = censor(v)
		}
		a, b := stats.MedianInterval(x), stats.MedianInterval(y)
		if b.Lo != censor(a.Lo) || b.Hi != censor(a.Hi) || stats.Median(y) != censor(stats.Median(x)) {
			t.Fatalf("%v: %+v, censored at %g: %+v", x, a, limit, b)
		}
		if m := stats.Median(x); m < a.Lo || m > a.Hi {
			t.Fatalf("median %g is outside of %+v", m, a)
		}
	})
}

func TestSignedRank(t *testing.T) {
	for _, e := range reference(t, "signed_rank") {
		tolerance := 1e-12
		if len(e.X) > 200 {
			tolerance = 1e-6 // another erfc
		}
		if got := stats.SignedRank(e.X, e.Y); !near(got.P, e.P, tolerance) {
			t.Errorf("%s, n = %d: P = %.12g, want %.12g", e.Call, len(e.X), got.P, e.P)
		}
	}
	for _, c := range []struct {
		name string
		x, y []float64
		want stats.Result
	}{
		{"nothing", nil, nil, stats.Result{P: 1}},
		{"lengths", []float64{1}, nil, stats.Result{P: nan}},
		{"NaN", []float64{nan}, []float64{1}, stats.Result{P: nan}},
		{"no difference", []float64{1, inf, -inf}, []float64{1, inf, -inf}, stats.Result{P: 1}},
		{"all larger", []float64{2, 4, 6, 8, 10}, []float64{1, 2, 3, 4, 5}, stats.Result{P: 0.0625, Sign: 1}},
		{"two misses are equal", []float64{1, 2, 3, 4, 5, 6, inf}, []float64{2, 4, inf, inf, inf, inf, inf}, stats.Result{P: 2. / 64, Sign: -1}},
	} {
		if got := stats.SignedRank(c.x, c.y); !near(got.P, c.want.P, 1e-15) || got.Sign != c.want.Sign {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestMannWhitney(t *testing.T) {
	for _, e := range reference(t, "mann_whitney") {
		got := stats.MannWhitney(e.X, e.Y)
		if !near(got.P, e.P, 1e-10) {
			t.Errorf("%s, n = %d and %d: P = %.12g, want %.12g", e.Call, len(e.X), len(e.Y), got.P, e.P)
		}
		if swapped := stats.MannWhitney(e.Y, e.X); swapped.Sign != -got.Sign || !near(swapped.P, got.P, 1e-10) {
			t.Errorf("%s: %+v, swapped %+v", e.Call, got, swapped)
		}
	}
	for _, c := range []struct {
		name string
		x, y []float64
		want stats.Result
	}{
		{"empty", nil, []float64{1}, stats.Result{P: nan}},
		{"NaN", []float64{nan}, []float64{1}, stats.Result{P: nan}},
		{"equal", []float64{inf, inf}, []float64{inf, inf}, stats.Result{P: 1}},
		// R 4.2: wilcox.test(c(1,2,3,4,5), c(11,12,13,14,15))$p.value
		{"apart", []float64{1, 2, 3, 4, 5}, []float64{inf, inf, inf, inf, inf}, stats.Result{P: 0.007936508, Sign: -1}},
	} {
		if got := stats.MannWhitney(c.x, c.y); !near(got.P, c.want.P, 1e-9) || got.Sign != c.want.Sign {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// The values are those of R 4.2: p.adjust(p, "holm").
func TestHolm(t *testing.T) {
	for _, c := range []struct{ p, want []float64 }{
		{[]float64{0.01, 0.04, 0.03, 0.005, 0.5, 0.04}, []float64{0.05, 0.12, 0.12, 0.03, 0.5, 0.12}},
		{[]float64{0.0079, 0.0079, 0.0317, 0.0079, 1}, []float64{0.0395, 0.0395, 0.0634, 0.0395, 1}},
		{[]float64{0.01, nan, 0.02, 0.9}, []float64{0.03, nan, 0.04, 0.9}},
		{nil, nil},
	} {
		if got := stats.Holm(c.p); !slices.EqualFunc(got, c.want, func(a, b float64) bool { return near(a, b, 1e-15) }) {
			t.Errorf("Holm(%v) = %v, want %v", c.p, got, c.want)
		}
	}
}

// The smallest P is the one that the test gives where everything differs in one
// direction. The numbers of Mann and Whitney are those of R 4.2: 2/choose(2*n, n).
func TestSmallest(t *testing.T) {
	for n, want := range map[int]float64{4: 0.02857143, 5: 0.007936508, 6: 0.002164502, 8: 0.0001554002, 10: 1.082509e-05} {
		if got := stats.SmallestMannWhitney(n, n); math.Abs(got/want-1) > 1e-6 {
			t.Errorf("SmallestMannWhitney(%d, %d) = %g, want %g", n, n, got, want)
		}
	}
	for n := 1; n <= 12; n++ {
		x, y := make([]float64, n), make([]float64, n)
		for i := range n {
			x[i], y[i] = float64(i), float64(100+3*i)
		}
		if got, want := stats.SmallestSignedRank(n), stats.SignedRank(x, y).P; !near(got, want, 1e-12) {
			t.Errorf("SmallestSignedRank(%d) = %g, the test gives %g", n, got, want)
		}
		if got, want := stats.SmallestMannWhitney(n, n), stats.MannWhitney(x, y).P; !near(got, want, 1e-12) {
			t.Errorf("SmallestMannWhitney(%d, %d) = %g, the test gives %g", n, n, got, want)
		}
	}
}

func TestDesign(t *testing.T) {
	for _, c := range []struct {
		seeds, comparisons int
		test               string
		warning            string
	}{
		{5, 5, "Mann-Whitney", ""},
		{5, 15, "Mann-Whitney", "5 seeds and 15 comparisons cannot show a difference: the smallest P, corrected, is 0.12; it takes 6 seeds"},
		{6, 1, "Wilcoxon signed-rank", ""},
		{6, 2, "Mann-Whitney", ""},
		{10, 5, "Wilcoxon signed-rank", ""},
		{1, 1, "Mann-Whitney", "1 seed and 1 comparison cannot show a difference: the smallest P, corrected, is 1; it takes 4 seeds"},
		{1, 0, "Mann-Whitney", ""},
	} {
		d := stats.NewDesign(c.seeds, c.comparisons)
		if d.Test != c.test || d.Warning != c.warning {
			t.Errorf("NewDesign(%d, %d) = %s, %q, want %s, %q", c.seeds, c.comparisons, d.Test, d.Warning, c.test, c.warning)
		}
		if c.warning != "" {
			continue
		}
		// Without a warning a clear difference in every comparison is shown.
		x, y := make([]float64, c.seeds), make([]float64, c.seeds)
		for i := range x {
			x[i], y[i] = float64(i), float64(100+3*i)
		}
		p := make([]float64, c.comparisons)
		for i := range p {
			p[i] = d.Compare(x, y).P
		}
		for _, v := range stats.Holm(p) {
			if v > stats.Alpha {
				t.Errorf("NewDesign(%d, %d): P = %g in spite of no warning", c.seeds, c.comparisons, v)
			}
		}
	}
	if w := stats.NewDesign(5, 15).Warning; !strings.Contains(w, "6 seeds") || stats.NewDesign(6, 15).Warning != "" {
		t.Errorf("the number of seeds that would do is wrong in %q", w)
	}
}
