package stress

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
)

var update = flag.Bool("update", false, "write the golden files")

// TestDerivatives compares slope and bend of every prototype and sequence with central
// differences, away from kinks, for every scale.
func TestDerivatives(t *testing.T) {
	names := slices.Concat(prototypes, sequences)
	for name := range pieces {
		names = append(names, name)
	}
	for _, name := range names {
		for _, s := range scales {
			c, err := concatenate(name, 0, 1, s.value, s.slope)
			if err != nil {
				t.Fatal(err)
			}
			if f, slope, _ := c(0); math.Abs(f-s.value) > 1e-12 || math.Abs(slope-s.slope) > 1e-12 && name != "bend" {
				t.Errorf("%s, %s: starts at %g with slope %g", name, s.name, f, slope)
			}
			for x := -0.497; x < 1.5; x += 0.0137 {
				const h = 1e-5
				up, slopeUp, _ := c(x + h)
				down, slopeDown, _ := c(x - h)
				_, slope, bend := c(x)
				if (slopeUp-slope)*(slope-slopeDown) == 0 && slopeUp != slopeDown || math.Abs(slopeUp-slopeDown) > 0.01*(math.Abs(slope)+1e-3) {
					continue // a kink
				}
				if got := (up - down) / (2 * h); math.Abs(got-slope) > 1e-5*math.Abs(slope)+1e-8*math.Abs(up) {
					t.Errorf("%s, %s: slope at %g is %g, by differences %g", name, s.name, x, slope, got)
				}
				if got := (slopeUp - slopeDown) / (2 * h); math.Abs(got-bend) > 1e-4*math.Abs(bend)+1e-5*math.Abs(slope)/0.01+1e-9 {
					t.Errorf("%s, %s: bend at %g is %g, by differences %g", name, s.name, x, bend, got)
				}
			}
		}
	}
}

// TestSequences: the pieces of a sequence join without a jump, and with one slope unless
// the next one is a bend.
func TestSequences(t *testing.T) {
	for _, name := range sequences {
		list := strings.Split(name, "+")
		c, err := concatenate(name, 0, 1, 200, -1)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(list); i++ {
			x := float64(i) / float64(len(list))
			before, slopeBefore, _ := c(x - 1e-12)
			after, slopeAfter, _ := c(x + 1e-12)
			scale := math.Abs(slopeBefore) + 1e-6
			if math.Abs(before-after) > 1e-9*scale+1e-9 || math.Abs(slopeBefore-slopeAfter) > 1e-6*scale {
				t.Errorf("%s at %g: from %g with slope %g to %g with slope %g", name, x, before, slopeBefore, after, slopeAfter)
			}
		}
	}
	if _, err := concatenate("line+hole", 0, 1, 0, 1); err == nil {
		t.Error("an unknown prototype is accepted")
	}
}

// TestShapes checks values that the prototypes are defined by.
func TestShapes(t *testing.T) {
	at := func(name string, x, slope float64) float64 {
		c, err := concatenate(name, 0, 1, 0, slope)
		if err != nil {
			t.Fatal(err)
		}
		_, s, _ := c(x)
		return s
	}
	for _, c := range []struct {
		name           string
		x, slope, want float64
	}{
		{"quadratic-convex", 1, -1, -0.1},
		{"quadratic-convex", 1, 1, 10},
		{"quadratic-bowl", 0.5, -1, 0},
		{"quadratic-bowl", 1, -1, 1},
		{"abs", 0.9, -3, 3},
		{"relu", 0.9, -3, 0},
		{"cliff", 0.99, -1, 10},
		{"ridge", 0.99, -1, -10},
		{"bend", 0.1, -1, 0},
		{"bend", 0.9, -1, -1},
		{"relu+bend", 0.9, -2, -2},
		{"exponential", 1, -1, -0.001},
		{"gauss-bowl", 0.5, -1, 0},
		{"laplace-bowl", 1, -1, 1},
		// From u = -4 to -1/√2: e^(16 - 1/2)/(4√2) times the slope.
		{"gauss-nonconvex", 1, -1, -math.Exp(15.5) / (4 * math.Sqrt2)},
		{"laplace-nonconvex", 1, -1, -math.Exp(7)},
	} {
		if got := at(c.name, c.x, c.slope); math.Abs(got-c.want) > 1e-9*max(1, math.Abs(c.want)) {
			t.Errorf("%s from %g: slope at %g is %g, want %g", c.name, c.slope, c.x, got, c.want)
		}
	}
}

// TestGradients compares the gradient of problems in several dimensions with central
// differences of the noisy value, under every noise; without the curl, whose divergence
// is 0.
func TestGradients(t *testing.T) {
	for _, n := range slices.Concat(additive, factors[:2], others) {
		for _, dims := range []int{1, 2, 10} {
			test := Test{rotated: dims > 1, drift: offsetDrift}
			for range dims {
				test.axes = append(test.axes, axis{"quadratic-bowl", saddle, n})
			}
			test.describe()
			p, err := test.problem(1)
			if err != nil {
				t.Fatal(err)
			}
			s := test.path(20, initializers.Stream(3, "")).at(15)
			x, g := make([]float64, dims), make([]float64, dims)
			for i := range x {
				x[i] = math.Sin(float64(i + 1))
			}
			p.evaluate(x, s, g, nil)
			for i := range x {
				const h = 1e-5
				was := x[i]
				x[i] = was + h
				up := p.evaluate(x, s, nil, nil)
				x[i] = was - h
				down := p.evaluate(x, s, nil, nil)
				x[i] = was
				if got := (up - down) / (2 * h); math.Abs(got-g[i]) > 1e-6*max(1, math.Abs(up)) {
					t.Errorf("%s: gradient %d is %g, by differences %g", test.Name, i, g[i], got)
				}
			}
		}
	}
}

// TestCurvature: h is the diagonal of Rᵀ|f”|R, for a bowl the second differences.
func TestCurvature(t *testing.T) {
	test := Test{rotated: true, curled: true, axes: []axis{{"quadratic-bowl", steep, noise{}}, {"quadratic-bowl", normal, noise{}}}}
	test.describe()
	p, err := test.problem(2)
	if err != nil {
		t.Fatal(err)
	}
	s := []state{{scale: 1}, {scale: 1}}
	x, g, h := []float64{0.3, -0.2}, make([]float64, 2), make([]float64, 2)
	p.evaluate(x, s, g, h)
	trace := 0.
	for i := range x {
		d := slices.Clone(x)
		d[i] += 1e-4
		up := p.expected(d, s)
		d[i] -= 2e-4
		down := p.expected(d, s)
		if got := (up + down - 2*p.expected(x, s)) / 1e-8; math.Abs(got-h[i]) > 1e-4 {
			t.Errorf("h of %d is %g, by differences %g", i, h[i], got)
		}
		trace += h[i]
	}
	if want := 20. + 2; math.Abs(trace-want) > 1e-9 {
		t.Errorf("h adds up to %g, want %g", trace, want)
	}
	// The curl: what the gradient has besides that of the value is at right angles to x,
	// and as long.
	var dot, length float64
	for i := range x {
		d := slices.Clone(x)
		d[i] += 1e-6
		up := p.expected(d, s)
		d[i] -= 2e-6
		rest := g[i] - (up-p.expected(d, s))/2e-6
		dot += rest * x[i]
		length += rest * rest
	}
	if want := x[0]*x[0] + x[1]*x[1]; math.Abs(dot) > 1e-6 || math.Abs(length-want) > 1e-6 {
		t.Errorf("the curl has %g along x and the square %g, want 0 and %g", dot, length, want)
	}
}

// TestNoise checks the distributions by the mean and a quartile of many samples.
func TestNoise(t *testing.T) {
	const count = 20000
	for _, c := range []struct {
		noise                noise
		median, mean, within float64 // of the slope, whose own is 2
	}{
		{noise{gaussian, 10}, 2, 2, 0.3},
		{noise{lognormal, 0.1}, 2, 2 * math.Exp(0.005), 0.02},
		{noise{maskout, 0.1}, 2, 1.8, 0.02},
		{noise{maskout, 0.9}, 0, 0.2, 0.02},
		{noise{cauchy, 1}, 2, math.NaN(), 0.05},
	} {
		r := initializers.Stream(1, c.noise.String())
		var list []float64
		sum := 0.
		for range count {
			_, slope, _ := c.noise.apply(c.noise.sample(r), c.noise.level, 1, 5, 2, 0)
			list = append(list, slope)
			sum += slope
		}
		slices.Sort(list)
		if math.Abs(list[count/2]-c.median) > c.within {
			t.Errorf("%v: median %g, want %g", c.noise, list[count/2], c.median)
		}
		if math.Abs(sum/count-c.mean) > c.within {
			t.Errorf("%v: mean %g, want %g", c.noise, sum/count, c.mean)
		}
		// A quarter of Cauchy's variables is below -1.
		if c.noise.kind == cauchy && math.Abs(list[count/4]-1) > 0.05 {
			t.Errorf("%v: lower quartile %g, want 1", c.noise, list[count/4])
		}
	}
}

func TestDrift(t *testing.T) {
	for _, d := range []drift{stationary, scaleDrift, noiseDrift, offsetDrift} {
		test := Test{drift: d, axes: []axis{{"line", normal, noise{gaussian, 0.1}}}}
		p := test.path(100, initializers.Stream(1, ""))
		changes := 0
		for s := 1; s <= 100; s++ {
			a, b := p.at(s - 1)[0], p.at(s)[0]
			a.sample, b.sample = 0, 0
			if a != b {
				changes++
				if s%driftInterval != 0 {
					t.Errorf("%v: changes at step %d", d, s)
				}
			}
		}
		if want := map[bool]int{true: 0, false: 10}[d == stationary]; changes != want {
			t.Errorf("%v: %d changes, want %d", d, changes, want)
		}
	}
}

// TestVerdicts goes to the boundaries.
func TestVerdicts(t *testing.T) {
	nan := math.NaN()
	list := func(n int, a float64, b ...float64) []float64 {
		out := slices.Clone(b)
		for range n {
			out = append(out, a)
		}
		return out
	}
	for name, c := range map[string]struct {
		falls     []float64
		reference float64
		v         float64
		want      Verdict
	}{
		"no reference":                      {list(10, -1), 0, nan, NoReference},
		"all diverged":                      {list(10, nan), -1, nan, Diverged},
		"six of ten diverged":               {list(6, nan, -1, -1, -1, -1), -1, nan, Diverged},
		"five of ten diverged":              {list(5, nan, -1, -1, -1, -1, -1), -1, 1, Unstable},
		"one diverged":                      {list(9, -1, nan), -1, 1, Unstable},
		"diverged and slow":                 {list(9, -0.05, nan), -1, 0.05, Slow},
		"a tenth":                           {list(10, -0.125), -1.25, 0.1, Slow},
		"more than a tenth":                 {list(10, -0.1251), -1.25, 0.10008, Good},
		"uphill":                            {list(10, 3), -1, -3, Slow},
		"three of ten poor":                 {list(7, -1, 0, 0, 0), -1, 1, Variable},
		"two of ten poor":                   {list(8, -1, 0, 0), -1, 1, Good},
		"a quarter poor":                    {list(9, -1, 0, 0, 0), -1, 1, Good},
		"twice":                             {list(10, -2), -1, 2, Good},
		"more than twice":                   {list(10, -2.01), -1, 2.01, Excellent},
		"more than twice, but not reliably": {list(7, -5, 0, 0, 0), -1, 5, Variable},
	} {
		v, verdict := judge(c.falls, c.reference)
		if verdict != c.want || math.Abs(v-c.v) > 1e-12 || math.IsNaN(v) != math.IsNaN(c.v) {
			t.Errorf("%s: %v with v = %g, want %v with %g", name, verdict, v, c.want, c.v)
		}
	}
}

func TestSuite(t *testing.T) {
	tests := Suite()
	names := map[string]bool{}
	groups := map[string]int{}
	for _, test := range tests {
		if names[test.Name] {
			t.Errorf("%s is there twice", test.Name)
		}
		names[test.Name] = true
		groups[test.Group]++
		if _, err := test.problem(1); err != nil {
			t.Error(err)
		}
	}
	for _, g := range Groups {
		if groups[g] == 0 {
			t.Errorf("no tests of the group %s", g)
		}
	}
	if len(groups) != len(Groups) {
		t.Errorf("groups %v, want those of Groups", groups)
	}
	for _, name := range []string{
		"line noise=cauchy-1 slope=steep",
		"relu+bend+line noise=gauss-0.1 slope=flat drift=noise",
		"abs,quadratic-bowl*9 noise=gauss-10*10 slope=normal,saddle*9 rotated curled",
	} {
		if !names[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// few takes every n-th test of each group.
func few(n int) (tests []Test) {
	for i, t := range Suite() {
		if i%n == 0 {
			tests = append(tests, t)
		}
	}
	return tests
}

func choices(t testing.TB, texts ...string) (list []catalogue.Choice) {
	t.Helper()
	for _, text := range texts {
		c, err := catalogue.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func encode(t testing.TB, r *Results) string {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDeterminism: the results are the same with any number of workers and beside any
// other optimizers, and depend on the seed.
func TestDeterminism(t *testing.T) {
	tests := few(40)
	list := choices(t, "sgd(rate=0.1)", "vsgd-l", "irprop-plus")
	results := func(seed uint64, workers int, list []catalogue.Choice) *Results {
		r, err := Run(context.Background(), tests, list, Options{Seed: seed, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := results(1, 1, list)
	if many := results(1, 5, list); encode(t, one) != encode(t, many) {
		t.Error("five workers found something else than one")
	}
	alone := results(1, 2, list[1:2])
	if !slices.Equal(alone.Optimizers[0].Verdicts, one.Optimizers[1].Verdicts) {
		t.Error("verdicts depend on the other optimizers")
	}
	if encode(t, one) == encode(t, results(2, 2, list)) {
		t.Error("the seed makes no difference")
	}
}

// TestReference: plain gradient descent at the best rate is the reference itself.
func TestReference(t *testing.T) {
	tests := few(25)
	r, err := Run(context.Background(), tests, nil, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, test := range tests {
		if r.Tests[i].Fall == 0 {
			continue
		}
		list := []catalogue.Choice{{Name: "sgd", Settings: map[string]any{"rate": r.Tests[i].Rate}}}
		one, err := Run(context.Background(), []Test{test}, list, Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if v := float64(one.Optimizers[0].Values[0]); math.Abs(v-1) > 1e-9 { // its kernel rounds once

			t.Errorf("%s: sgd at the best rate %g has v = %g", test.Name, r.Tests[i].Rate, v)
		}
		checked++
	}
	if checked < 50 {
		t.Errorf("only %d tests have a reference", checked)
	}
}

// TestKnown: what can be told beforehand.
func TestKnown(t *testing.T) {
	byName := map[string]Test{}
	for _, test := range Suite() {
		byName[test.Name] = test
	}
	for _, c := range []struct {
		test, optimizer string
		want            Verdict
	}{
		{"line noise=none slope=normal", "sgd(rate=1)", Good},
		{"line noise=none slope=normal", "sgd(rate=0.1)", Slow},
		{"line noise=none slope=normal", "sgd(rate=3)", Excellent},
		{"line noise=none slope=normal", "irprop-minus(rate=1)", Excellent},
		{"quadratic-bowl noise=none slope=steep", "sgd(rate=3)", Diverged}, // the bend is 20
		{"bend noise=none slope=normal", "sgd(rate=1)", NoReference},       // on a plateau without noise
		{"quadratic-bowl noise=none slope=normal", "vsgd-l", Good},
		{"quadratic-bowl noise=none slope=flat", "smorms3(rate=1e-6)", Slow},
	} {
		test, ok := byName[c.test]
		if !ok {
			t.Fatalf("there is no %s", c.test)
		}
		r, err := Run(context.Background(), []Test{test}, choices(t, c.optimizer), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Optimizers[0].Verdicts[0]; got != c.want {
			t.Errorf("%s on %s is %v (v = %g), want %v", c.optimizer, c.test, got, float64(r.Optimizers[0].Values[0]), c.want)
		}
	}
}

// TestDefaults runs every optimizer of the catalogue on some tests.
func TestDefaults(t *testing.T) {
	list := DefaultOptimizers()
	if want := len(optimizers.Catalogue.Names()); len(list) != want {
		t.Errorf("%d optimizers, want %d: all but the two that are made of others, and momentum in two kinds", len(list), want)
	}
	r, err := Run(context.Background(), few(150), list, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Optimizers {
		if o.Label == "kfac" { // these problems have no layers
			if o.Missing != optimizers.NeedsLayers.String() {
				t.Errorf("kfac: missing %q", o.Missing)
			}
			continue
		}
		if c := r.Count(o, ""); o.Missing != "" || c[Good]+c[Excellent] == 0 && o.Label != "lamb" && o.Label != "lion" {
			t.Errorf("%s: %v, missing %q", o.Label, c, o.Missing)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := few(500)
	if _, err := Run(context.Background(), tests, choices(t, "sdg"), Options{}); err == nil {
		t.Error("an unknown optimizer is accepted")
	}
	if _, err := Run(context.Background(), tests, nil, Options{Repetitions: -1}); err == nil {
		t.Error("-1 repetitions are accepted")
	}
	// A partition without a rule for x fails in the first step.
	if _, err := Run(context.Background(), tests, choices(t, "partition(rules=[{pattern=w,optimizer=sgd}])"), Options{}); err == nil ||
		!strings.Contains(err.Error(), "partition") {
		t.Errorf("a partition without a rule: error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, tests, nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// small are results for the tables.
func small() *Results {
	r := &Results{Seed: 1, Repetitions: 10, Steps: 100}
	for i := range 40 {
		group := Groups[0]
		if i >= 30 {
			group = Groups[12]
		}
		r.Tests = append(r.Tests, Tested{Name: "test", Group: group, Rate: float64((7 * i) % 40), Fall: -1})
	}
	r.Tests[5].Fall = 0
	for k, label := range []string{"slow-one", "sgd(rate=0.1)", "an-optimizer-with-a-very-long-name(rate=0.001,momentum=0.9)"} {
		o := Optimizer{Label: label}
		for i := range r.Tests {
			v := Verdict(1 + (i*(k+1)/7+i/9)%6)
			if k == 0 {
				v = Slow
			}
			if i == 5 {
				v = NoReference
			}
			o.Verdicts = append(o.Verdicts, v)
			o.Values = append(o.Values, Value(i))
		}
		r.Optimizers = append(r.Optimizers, o)
	}
	r.Optimizers = append(r.Optimizers, Optimizer{Label: "choosy", Missing: "the moon"})
	return r
}

// TestTables compares the tables with recorded ones: wide enough for each test, and not.
func TestTables(t *testing.T) {
	r := small()
	for name, o := range map[string]TextOptions{"wide.txt": {Width: 120}, "narrow.txt": {Width: 60}, "colour.txt": {Width: 60, Colour: true}} {
		var b bytes.Buffer
		if err := r.WriteText(&b, o); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
	for _, width := range []int{80, 60, 40} {
		var b bytes.Buffer
		if err := r.WriteText(&b, TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(b.String(), "\n") {
			if n := texttab.Width(line); n > width {
				t.Errorf("in %d columns line %d has %d:\n%s", width, i+1, n, line)
			}
		}
	}
}

// TestFigure checks that the picture has the colours of the verdicts in it, and names
// every optimizer and group.
func TestFigure(t *testing.T) {
	r := small()
	text, err := draw.Encode(Figure{r}, "svg")
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range r.Optimizers {
		if !bytes.Contains(text, []byte(o.Label)) {
			t.Errorf("the picture does not name %s", o.Label)
		}
		for _, v := range o.Verdicts {
			r, g, b, _ := styles[v].colour.RGBA()
			hex := fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
			if v != NoReference && !bytes.Contains(bytes.ToLower(text), []byte(hex)) {
				t.Errorf("the picture lacks the colour of %q, %s", v, hex)
			}
		}
	}
	picture, err := draw.Encode(Figure{r}, "png")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || c.Width < 600 {
		t.Errorf("the picture is %d wide: %v", c.Width, err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the recorded one (-update to record it):\n%s", name, got)
	}
}

// TestJSON: what is written can be read back, an absent value as null.
func TestJSON(t *testing.T) {
	r := small()
	r.Optimizers[0].Values[0] = Value(math.NaN())
	text := encode(t, r)
	if !strings.Contains(text, `"values":[null,1,`) || !strings.Contains(text, `"slow"`) {
		t.Errorf("%s", text[:200])
	}
	var back struct {
		Optimizers []struct{ Verdicts []Verdict }
	}
	if err := json.Unmarshal([]byte(text), &back); err != nil {
		t.Fatal(err)
	}
	for i, o := range r.Optimizers {
		if !slices.Equal(o.Verdicts, back.Optimizers[i].Verdicts) {
			t.Errorf("verdicts of %s come back as %v", o.Label, back.Optimizers[i].Verdicts)
		}
	}
	if err := new(Verdict).UnmarshalText([]byte("fine")); err == nil {
		t.Error("an unknown verdict is read")
	}
}

func BenchmarkTest(b *testing.B) {
	tests := few(700)
	list := choices(b, "smorms3")
	for b.Loop() {
		if _, err := Run(context.Background(), tests, list, Options{Workers: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
