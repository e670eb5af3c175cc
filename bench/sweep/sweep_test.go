package sweep

import (
	"bytes"
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

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/optimizers"
)

var update = flag.Bool("update", false, "write the golden files")

func TestParseRates(t *testing.T) {
	for text, want := range map[string]string{
		"1e-4:10:half-decades":    "[0.0001 0.0003 0.001 0.003 0.01 0.03 0.1 0.3 1 3 10]",
		"0.001:1:decades":         "[0.001 0.01 0.1 1]",
		"0.002:0.1:third-decades": "[0.002 0.005 0.01 0.02 0.05 0.1]",
		"0.5:4:half-decades":      "[1 3]",
		"3e-7:3e-7:half-decades":  "[3e-07]",
		"0.1, 0.25,1":             "[0.1 0.25 1]",
		"1e-300:1e-298:decades":   "[1e-300 1e-299 1e-298]",
	} {
		got, err := ParseRates(text)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "nan", "1:2", "1:0.1:decades", "2:3:decades", "1:10:quarters", "1,1", "2,1", "a", "1:inf:decades", "0:1:decades"} {
		if got, err := ParseRates(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func choice(t testing.TB, text string) catalogue.Choice {
	t.Helper()
	c, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRates sets a rate and takes it off again, as a study's record has it: complete.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		text, set, short string
		has              bool
	}{
		{"sgd", "sgd(rate=0.03)", "sgd", true},
		{"sgd(momentum=0.9)", "sgd(momentum=0.9,rate=0.03)", "sgd(momentum=0.9)", true},
		{"sgd(momentum=0,rate=7)", "sgd(momentum=0,rate=0.03)", "sgd", true},
		{"vsgd-fd", "vsgd-fd", "vsgd-fd", false},
		{"vsgd-l(slow=3)", "vsgd-l(slow=3)", "vsgd-l(slow=3)", false},
		{"chain(before=[clip-norm(limit=1)],optimizer=adam(rate=1),after=[weight-decay(rate=0.5)])",
			"chain(after=[weight-decay(rate=0.5)],before=[clip-norm(limit=1)],optimizer=adam(rate=0.03))",
			"chain(after=[weight-decay(rate=0.5)],before=[clip-norm(limit=1)],optimizer=adam)", true},
		{"chain(optimizer=vsgd-g)", "chain(optimizer=vsgd-g)", "chain(optimizer=vsgd-g)", false},
	} {
		set, ok := WithRate(choice(t, c.text), 0.03)
		if set.String() != c.set || ok != c.has {
			t.Errorf("%s: %v, %v; want %s, %v", c.text, set, ok, c.set, c.has)
		}
		full, err := optimizers.Catalogue.Complete(set)
		if err != nil {
			t.Fatal(err)
		}
		// Through JSON, as a record is.
		data, err := json.Marshal(full)
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []catalogue.Choice{full, fromJSON(t, data)} {
			rate, short := withoutRate(from)
			if short != c.short || c.has && rate != 0.03 || !c.has && !math.IsNaN(rate) {
				t.Errorf("%v: rate %g and %s, want %s", from, rate, short, c.short)
			}
		}
	}
}

func fromJSON(t *testing.T, data []byte) (c catalogue.Choice) {
	t.Helper()
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFinish checks the best rate and the span around it.
func TestFinish(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		medians        []float64 // at 1e-3, 1e-2, …
		higher         bool
		best, from, to float64
		decades        float64
		open           bool
	}{
		"top":                  {[]float64{0.1, 0.8, 0.82, 0.79, 0.2}, true, 1e-1, 1e-2, 1, 2, false},
		"one":                  {[]float64{0.1, 0.2, 0.9, 0.3}, true, 1e-1, 1e-1, 1e-1, 0, false},
		"open":                 {[]float64{0.9, 0.88, 0.3}, true, 1e-3, 1e-3, 1e-2, 1, true},
		"a gap ends it":        {[]float64{0.9, 0.1, 0.89, 0.9, 0.1}, true, 1e-3, 1e-3, 1e-3, 0, true},
		"equals":               {[]float64{0.1, 0.5, 0.5, 0.5, 0.1}, true, 1e-1, 1e-2, 1, 2, false},
		"on the margin":        {[]float64{0.1, 0.75, 1, 0.74, 0}, true, 1e-1, 1e-2, 1e-1, 1, false},
		"loss":                 {[]float64{9, 1.2, 1, 1.3, inf}, false, 1e-1, 1e-2, 1e-1, 1, false},
		"all but one infinite": {[]float64{inf, 2, inf}, false, 1e-2, 1e-2, 1e-2, 0, false},
	} {
		var curve Curve
		for i, m := range c.medians {
			curve.Points = append(curve.Points, Point{Rate: Number(math.Pow(10, float64(i-3))), Median: Number(m)})
		}
		slices.Reverse(curve.Points)
		margin := 0.05
		if name == "on the margin" || name == "loss" {
			margin = 0.25
		}
		curve.finish(c.higher, margin)
		near := func(a Number, b float64) bool { return math.Abs(float64(a)-b) <= 1e-12*math.Abs(b)+1e-12 }
		if !near(curve.Best.Rate, c.best) || !near(curve.From, c.from) || !near(curve.To, c.to) || !near(curve.Decades, c.decades) || curve.Open != c.open {
			t.Errorf("%s: best %g, from %g to %g, %g decades, open %v; want %+v", name,
				float64(curve.Best.Rate), float64(curve.From), float64(curve.To), float64(curve.Decades), curve.Open, c)
		}
	}
	all := Curve{Points: []Point{{Rate: 1, Median: Number(inf)}, {Rate: 2, Median: Number(inf)}}}
	if all.finish(false, 0.1); !all.Decades.IsNaN() {
		t.Errorf("of rates that all diverge, %g decades are near the best", float64(all.Decades))
	}
}

// ranking is that of a made-up study.
func ranking(score string) *report.Ranking {
	p := report.Problem{Label: "digits, tanh, depth 10", Budget: 400, Score: score}
	add := func(text string, median float64, diverged int) {
		c, err := catalogue.Parse(text)
		if err == nil {
			c, err = optimizers.Catalogue.Complete(c)
		}
		if err != nil {
			panic(err)
		}
		if score == "loss" {
			median = math.Pow(10, 2-4*median)
			if diverged == 5 {
				median = math.Inf(1)
			}
		}
		m := report.Number(median)
		p.Setups = append(p.Setups, report.Setup{Optimizer: c, Runs: 5, Diverged: diverged,
			Score: report.Estimate{Median: m, Lo: m * 0.9, Hi: m * 1.05}})
	}
	for i, rate := range []string{"0.001", "0.01", "0.1", "1"} {
		add("sgd(rate="+rate+")", []float64{0.2, 0.5, 0.9, 0}[i], []int{0, 0, 1, 5}[i])
		add("adam(rate="+rate+")", []float64{0.91, 0.93, 0.3, 0.1}[i], 0)
		add("chain(before=[clip-global-norm(limit=1)],optimizer=sgd(rate="+rate+"))", []float64{0.2, 0.5, 0.88, 0.87}[i], 0)
	}
	add("vsgd-fd", 0.85, 0)
	return &report.Ranking{Study: "made-up", Problems: []report.Problem{p}}
}

func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		score   string
		options TextOptions
	}{
		"wide.txt":   {"accuracy", TextOptions{Width: 130}},
		"narrow.txt": {"accuracy", TextOptions{Width: 70}},
		"loss.txt":   {"loss", TextOptions{Width: 100, Colour: true}},
	} {
		var b bytes.Buffer
		if err := New(ranking(c.score), 0.05).WriteText(&b, c.options); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
		for _, width := range []int{40, 60, 80} {
			var b bytes.Buffer
			if err := New(ranking(c.score), 0.05).WriteText(&b, TextOptions{Width: width}); err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(b.String(), "\n") {
				if n := texttab.Width(line); n > width {
					t.Errorf("%q has %d columns, of %d", line, n, width)
				}
			}
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if n := len([]rune(line)); !c.options.Colour && n > c.options.Width {
				t.Errorf("%s: %q has %d columns", name, line, n)
			}
		}
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

// TestFigure: the pictures can be read, and name every optimizer.
func TestFigure(t *testing.T) {
	for _, score := range []string{"accuracy", "loss"} {
		p := New(ranking(score), 0.05).Problems[0]
		picture, err := draw.Encode(Figure{&p}, "svg")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Curves {
			if !bytes.Contains(picture, []byte(c.Optimizer)) {
				t.Errorf("the %s figure does not name %s", score, c.Optimizer)
			}
		}
		for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if picture, err = draw.Encode(Figure{&p}, "png"); err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
			t.Error(err)
		}
	}
	none := Problem{Curves: []Curve{{Optimizer: "vsgd-fd", Points: []Point{{Rate: Number(math.NaN())}}}}}
	if _, err := draw.Encode(Figure{&none}, "svg"); err == nil {
		t.Error("a sweep without rates is drawn")
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(New(ranking("loss"), 0.05))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"optimizer":"vsgd-fd","points":[{"rate":null,`, `"decades":null`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
