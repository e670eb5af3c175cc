package report_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/gradflow/gradflow/models/train"
)

var (
	update = flag.Bool("update", false, "write the golden files")
	pages  = flag.String("pages", "", "a directory to write each case's page into, to look at")
)

// cases are studies of all kinds.
var cases = []struct {
	name    string
	results func() *record.Results
}{
	{"whole", whole.results},
	{"regression", synthetic{nets: nets[:2], rules: rules, seeds: 8, steps: 300, regression: true}.results},
	{"one-run", synthetic{nets: nets[:1], rules: rules[2:3], seeds: 1, steps: 400}.results},
	{"one-seed", synthetic{nets: nets[2:3], rules: rules, seeds: 1, steps: 400}.results},
	{"longer", longer},
	{"all-diverged", func() *record.Results {
		r := synthetic{nets: nets[1:2], rules: rules[:3], seeds: 5, steps: 60}.results()
		for _, x := range r.Records {
			x.Summary.Status, x.Summary.Reason, x.Summary.Layer = train.Diverged, "the loss is NaN", "layer01"
			x.Summary.Steps = 40
		}
		return r
	}},
	{"damaged", func() *record.Results {
		r := synthetic{nets: nets[:1], rules: rules[:3], seeds: 6, steps: 200}.results()
		r.Spec = nil
		r.Warnings = []string{"runs/x/layers.npy: damaged <script>alert(1)</script>"}
		r.Records[0].Layers, r.Records[1].Metrics = nil, nil
		r.Records[2].Layers = &record.LayerTable{}
		r.Records = r.Records[:len(r.Records)-2]
		return r
	}},
	{"nothing-measured", func() *record.Results {
		r := synthetic{nets: nets[:1], rules: rules[:2], seeds: 3, steps: 200}.results()
		for _, x := range r.Records {
			x.Layers, x.Metrics = nil, nil
		}
		return r
	}},
	{"many-setups", func() *record.Results {
		var many []rule
		for _, o := range rules {
			for _, rate := range []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3} {
				o.settings = map[string]any{"rate": rate}
				o.speed *= 0.9
				many = append(many, o)
			}
		}
		return synthetic{nets: nets[:1], rules: many, seeds: 3, steps: 200}.results()
	}},
}

// longer is a study in which the baseline is also given ten times the steps.
func longer() *record.Results {
	s := synthetic{nets: nets[:1], rules: rules, seeds: 6, steps: 200}
	r := s.results()
	s.rules, s.steps = rules[:1], 2000
	more := s.results()
	r.Records = append(r.Records, more.Records...)
	r.Spec.Configs = append(r.Spec.Configs, more.Spec.Configs...)
	return r
}

var longNumber = regexp.MustCompile(`-?[0-9]+\.[0-9]{6,}(e[-+]?[0-9]+)?`)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	// Another processor may round the last digits otherwise.
	got = longNumber.ReplaceAllFunc(got, func(n []byte) []byte {
		x, err := strconv.ParseFloat(string(n), 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.AppendFloat(nil, x, 'g', 6, 64)
	})
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was; if it is right now, run go test -update. Got:\n%s", path, got)
	}
}

func TestText(t *testing.T) {
	for _, c := range cases {
		for _, width := range []int{40, 60, 80, 160} {
			var b bytes.Buffer
			if err := report.Rank(c.results()).WriteText(&b, report.TextOptions{Width: width}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := texttab.Width(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("%s: a line of %d columns in a terminal of %d: %s", c.name, n, width, line)
				}
			}
			if width == 160 {
				golden(t, c.name+".txt", b.Bytes())
			}
		}
	}
}

func TestColour(t *testing.T) {
	ranking := report.Rank(whole.results())
	var plain, coloured bytes.Buffer
	ranking.WriteText(&plain, report.TextOptions{})
	ranking.WriteText(&coloured, report.TextOptions{Colour: true})
	escapes := regexp.MustCompile("\x1b\\[[0-9]+m")
	if escapes.Match(plain.Bytes()) || !escapes.Match(coloured.Bytes()) {
		t.Error("escapes must be there with Colour and only then")
	}
	if got := escapes.ReplaceAll(coloured.Bytes(), nil); !bytes.Equal(got, plain.Bytes()) {
		t.Error("without its escapes the coloured text is another one")
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.Rank(synthetic{nets: nets[:1], rules: rules[:4], seeds: 5, steps: 300}.results()).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	// Package study's tests know what is in a configuration.
	config := regexp.MustCompile(`(?s)"config": \{.*?\n      \}`)
	golden(t, "ranking.json", config.ReplaceAll(b.Bytes(), []byte(`"config": {}`)))
	for _, c := range cases {
		var b bytes.Buffer
		if err := report.Rank(c.results()).WriteJSON(&b); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var back report.Ranking
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The numbers of a ranking, worked out by hand.
func TestRank(t *testing.T) {
	nan := record.Number(math.NaN())
	run := func(optimizer string, seed uint64, accuracy float64, steps record.Number, status train.Status) *record.Record {
		c := record.Config{Task: catalogue.Choice{Name: "digits"}, Depth: 3, Activation: catalogue.Choice{Name: "tanh"},
			Optimizer: catalogue.Choice{Name: optimizer}, Steps: 100, Target: 0.8, Seed: seed}
		return &record.Record{Config: c, Summary: record.Summary{Status: status, Steps: 100, StepsToTarget: steps, DecadesFirst: nan, DecadesLast: nan, TestLoss: nan, TestAccuracy: nan,
			Final: record.Metric{Step: 100, ValidationAccuracy: record.Number(accuracy), ValidationLoss: 1}}}
	}
	r := &record.Results{}
	for i, a := range []float64{0.5, 0.6, 0.7, 0.8, 0.9} {
		seed := uint64(i + 1)
		steps := nan
		if i >= 2 {
			steps = record.Number(100 - 10*i) // 80 70 60
		}
		r.Records = append(r.Records, run("sgd", seed, a, steps, train.Done))
		r.Records = append(r.Records, run("adam", seed, a+0.45, 20, train.Done))
		status := train.Done
		if i == 4 { // the best until it diverged
			status = train.Diverged
		}
		r.Records = append(r.Records, run("rprop", seed, 0.75, nan, status))
	}
	ranking := report.Rank(r)
	if len(ranking.Problems) != 1 || ranking.Diverged != 1 || ranking.Runs != 15 {
		t.Fatalf("%d problems, %d runs, %d diverged", len(ranking.Problems), ranking.Runs, ranking.Diverged)
	}
	p := ranking.Problems[0]
	if p.Label != "digits, tanh, depth 3" || p.Baseline != "sgd" || p.Score != "accuracy" || p.Budget != 100 {
		t.Errorf("problem %q, baseline %q, score %q, budget %d", p.Label, p.Baseline, p.Score, p.Budget)
	}
	order := []string{p.Setups[0].Label, p.Setups[1].Label, p.Setups[2].Label}
	if !slices.Equal(order, []string{"adam", "rprop", "sgd"}) {
		t.Fatalf("order %v", order)
	}
	adam, rprop, sgd := p.Setups[0], p.Setups[1], p.Setups[2]
	if math.Abs(float64(adam.Score.Median)-1.15) > 1e-12 || sgd.Score.Median != 0.7 || rprop.Score.Median != 0.75 {
		t.Errorf("medians %v %v %v", adam.Score, rprop.Score, sgd.Score)
	}
	if rprop.Diverged != 1 || rprop.Runs != 5 || rprop.Score.Lo != 0 || rprop.Scores[4] != 0 {
		t.Errorf("the diverged run must stay, with an accuracy of 0: %+v", rprop)
	}
	if sgd.Score.Lo != 0.5 || sgd.Score.Hi != 0.9 || sgd.Score.Confidence != 0.9375 {
		t.Errorf("interval %+v", sgd.Score)
	}
	// Two of sgd's five runs missed: the median is the largest of the others.
	if sgd.StepsToTarget.Median != 80 || !math.IsInf(float64(sgd.StepsToTarget.Hi), 1) || sgd.Reached != 3 || sgd.Slower != 4 {
		t.Errorf("steps %+v, reached by %d, %g times slower", sgd.StepsToTarget, sgd.Reached, float64(sgd.Slower))
	}
	if !math.IsInf(float64(rprop.Slower), 1) || rprop.Reached != 0 {
		t.Errorf("rprop never reached the target: %g times slower, %d reached", float64(rprop.Slower), rprop.Reached)
	}
	// Scores of adam .95 1.05 1.15 1.25 1.35 are all above those of sgd: the smallest P of
	// Mann-Whitney for 5 and 5, 2/252, times two comparisons.
	if math.Abs(float64(adam.P)-4./252) > 1e-9 || adam.Verdict != "better" {
		t.Errorf("adam: P = %g, %q", float64(adam.P), adam.Verdict)
	}
	if rprop.Verdict != "no difference shown" || sgd.Verdict != "" || !sgd.P.IsNaN() {
		t.Errorf("rprop %q, sgd %q", rprop.Verdict, sgd.Verdict)
	}
}

// A setup with more steps is compared after the steps that all had, and is not tested.
func TestBudgets(t *testing.T) {
	ranking := report.Rank(longer())
	p := ranking.Problems[0]
	if len(ranking.Problems) != 1 || p.Budget != 200 || p.Baseline != "sgd" {
		t.Fatalf("%d problems, budget %d, baseline %q", len(ranking.Problems), p.Budget, p.Baseline)
	}
	var short, long report.Setup
	for _, s := range p.Setups {
		switch s.Label {
		case "sgd":
			short = s
		case "sgd (2000 steps)":
			long = s
		}
	}
	if long.Budget != 2000 || short.Score.Median != long.Score.Median {
		t.Errorf("after 200 steps %v, in the longer run %v", short.Score, long.Score)
	}
	if !(long.Last.Median > 0.9) || long.Verdict != "" || !long.P.IsNaN() {
		t.Errorf("the longer run: %+v", long)
	}
	if long.Reached != 6 || short.Reached != 0 || !(long.Slower > 3) || math.IsInf(float64(long.Slower), 0) {
		t.Errorf("reached by %d and %d, %g times slower", short.Reached, long.Reached, float64(long.Slower))
	}
	if !strings.Contains(p.Findings.Outcome, "sgd (2000 steps) is about ") || strings.Contains(p.Findings.Outcome, "sgd does not") {
		t.Errorf("outcome: %s", p.Findings.Outcome)
	}
}

func TestLabels(t *testing.T) {
	s := synthetic{nets: nets[:1], rules: []rule{
		{"sgd", map[string]any{"rate": 0.1, "momentum": 0.9}, 0.02, false, 0},
		{"sgd", map[string]any{"rate": 0.3, "momentum": 0.9}, 0.02, false, 0},
		{"adam", map[string]any{"rate": 0.3}, 0.02, false, 0},
	}, seeds: 1, steps: 40}
	r := s.results()
	s.nets, s.rules = nets[1:2], []rule{{"adam", map[string]any{"rate": 0.5}, 0.02, false, 0}}
	r.Records = append(r.Records, s.results().Records...)
	var labels, details []string
	ranking := report.Rank(r)
	for _, p := range ranking.Problems {
		labels, details = append(labels, p.Label), append(details, "")
		for _, x := range p.Setups {
			labels, details = append(labels, x.Label), append(details, x.Detail)
		}
	}
	want := []string{"softplus, depth 10", "sgd(rate=0.1)", "sgd(rate=0.3)", "adam", "sigmoid, depth 5", "adam"}
	slices.Sort(labels)
	slices.Sort(want)
	if !slices.Equal(labels, want) {
		t.Errorf("labels %q, want %q", labels, want)
	}
	if !slices.Contains(details, "rate=0.5") || slices.ContainsFunc(details, func(d string) bool { return strings.Contains(d, "momentum") }) {
		t.Errorf("details %q must have what differs and nothing else", details)
	}
}

// The sentence about the gradient follows the profile.
func TestGradientSentence(t *testing.T) {
	for _, c := range []struct {
		profile []float64
		want    string
	}{
		{[]float64{-8, -6, -4, -2}, "falls by 6.0 decades from the output layer (norm 0.01) to layer 1 (1e-8), about 2 a layer; less than a thousandth arrives in layers 1 to 2."},
		{[]float64{-2, -1.9, -1.8, -1}, "falls by 1 decade from"},
		{[]float64{-1.2, -1.3, -1.1, -1}, "does not die: its norm is 0.1 in the output layer and 0.063 in layer 1."},
		{[]float64{-1, -4, -2, -1}, "does not die: its norm is 0.1 in the output layer and 0.1 in layer 1, but only 1e-4 in layer 2."},
		{[]float64{2, 1, 0, -1}, "grows by 3.0 decades on the way from the output layer (norm 0.1) to layer 1 (100)."},
		{[]float64{-9, -8.9, -2, -1.8}, "most of all, by 6.9 decades, from layer 3 to layer 2; less than a thousandth arrives in layers 1 to 2."},
		{[]float64{math.Inf(-1), math.Inf(-1), -30, -1}, "is exactly 0 in layers 1 to 2: the cause was not checked."},
		{[]float64{math.Inf(-1), math.Inf(-1)}, "is exactly 0 in all layers: the cause was not checked."},
		{[]float64{-1, math.Inf(-1), -1, -1}, "but exactly 0 in layer 2: the cause was not checked."},
	} {
		r := synthetic{nets: []net{{"tanh", len(c.profile) - 1, 0}}, rules: rules[:1], seeds: 1, steps: 20}.results()
		table := r.Records[0].Layers
		gradient, layer := table.Column(probe.PreActivationGradient.String()), table.Column(record.LayerColumn)
		for _, row := range table.Rows {
			row[gradient] = c.profile[int(row[layer])]
		}
		got := report.Rank(r).Problems[0].Findings.Gradient
		if !strings.HasPrefix(got, "At the start the gradient of the pre-activations ") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.profile, got, c.want)
		}
	}
}

// A cause is told where it was checked, in words of its own.
func TestZeroSentence(t *testing.T) {
	inf := math.Inf(-1)
	zero := func(z *record.ZeroGradient) []*record.ZeroGradient { return []*record.ZeroGradient{z, z} }
	for _, c := range []struct {
		zero []*record.ZeroGradient // of two runs
		want string
	}{
		{zero(&record.ZeroGradient{Layer: "layer02", Cause: record.Underflow, Gradient: -45}), "layers 1 to 2: it is too small for float32; in float64, in layer02, its norm is 1e-45."},
		{zero(&record.ZeroGradient{Layer: "layer02", Cause: record.FlatFunction}), "it is blocked in layer02, where f' is 0 at every pre-activation."},
		{zero(&record.ZeroGradient{Layer: "layer02", Cause: record.ZeroParameters, Parameters: []string{"output/weight"}}), "by construction, as output/weight starts at 0."},
		{zero(&record.ZeroGradient{Layer: "layer02", Cause: record.NotDetermined}), "the cause was not determined."},
		{[]*record.ZeroGradient{{Cause: record.Underflow, Gradient: -45}, {Cause: record.FlatFunction}}, "the runs have different causes."},
	} {
		r := synthetic{nets: []net{{"tanh", 3, 0}}, rules: rules[:1], seeds: 2, steps: 20}.results()
		for i, run := range r.Records {
			gradient, layer := run.Layers.Column(probe.PreActivationGradient.String()), run.Layers.Column(record.LayerColumn)
			for _, row := range run.Layers.Rows {
				row[gradient] = []float64{inf, inf, -30, -1}[int(row[layer])]
			}
			run.Config.DType, run.Summary.ZeroGradient = "float32", c.zero[i]
		}
		p := report.Rank(r).Problems[0]
		if got := p.Findings.Gradient; !strings.Contains(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
		if p.Gradient.Zero != c.zero[0] {
			t.Error("the JSON lacks the cause")
		}
	}
}

// The layers of a recurrent network are its time steps.
func TestTimeSteps(t *testing.T) {
	r := synthetic{nets: []net{{"tanh", 3, 0}}, rules: rules[:1], seeds: 1, steps: 20}.results()
	run := r.Records[0]
	run.Summary.LayerNames = []string{"layer01/t0001", "layer01/t0002", "layer01/t0003", "output"}
	gradient, layer := run.Layers.Column(probe.PreActivationGradient.String()), run.Layers.Column(record.LayerColumn)
	for _, row := range run.Layers.Rows {
		row[gradient] = []float64{-8, -6, -4, -2}[int(row[layer])]
	}
	got := report.Rank(r).Problems[0].Findings.Gradient
	if want := "from the output layer (norm 0.01) to time step 1 (1e-8), about 2 a time step; less than a thousandth arrives in time steps 1 to 2."; !strings.Contains(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What was flushed to zero is told, with float64 as the remedy.
func TestFlushed(t *testing.T) {
	r := synthetic{nets: []net{{"tanh", 3, 0}}, rules: rules[:1], seeds: 2, steps: 20}.results()
	if got := report.Rank(r).Problems[0].Findings.Flushed; got != "" {
		t.Errorf("nothing was flushed: %q", got)
	}
	r.Records[0].Summary.FlushedSteps = 10
	for _, run := range r.Records {
		run.Config.DType = "float32"
	}
	got := report.Rank(r).Problems[0].Findings.Flushed
	if want := "In 25% of the steps, in 1 run, numbers below the smallest normal float32 (1.2e-38) were taken for zero: dtype float64 keeps them."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var b bytes.Buffer
	if err := report.Rank(r).WriteText(&b, report.TextOptions{Width: 200}); err != nil || !strings.Contains(b.String(), got) {
		t.Errorf("the text has no %q (%v)", got, err)
	}
}

// A problem's label has the formula, or what is shaped.
func TestWhatItIsOf(t *testing.T) {
	results := func(choices ...catalogue.Choice) []string {
		r := &record.Results{Dir: "nowhere"}
		for _, c := range choices {
			run := synthetic{nets: []net{{"tanh", 3, 0}}, rules: rules[:1], seeds: 1, steps: 20}.results().Records[0]
			run.Config.Activation = c
			r.Records = append(r.Records, run)
		}
		var labels []string
		for _, p := range report.Rank(r).Problems {
			if len(p.Setups) == 1 {
				labels = append(labels, p.Label)
				continue
			}
			for _, s := range p.Setups { // compared by what they are made of
				labels = append(labels, s.Label)
			}
		}
		return labels
	}
	formula := func(text string) catalogue.Choice {
		return catalogue.Choice{Name: "formula", Settings: map[string]any{"of": text, "learn": "none"}}
	}
	dks := catalogue.Choice{Name: "dks", Settings: map[string]any{"of": catalogue.Choice{Name: "softplus"}, "depth": 50}}
	if got := fmt.Sprintf("%q", results(formula("tanh(z) + 0.1*z"))); got != `["digits, tanh(z) + 0.1*z, depth 3"]` {
		t.Errorf("a formula: %s", got)
	}
	if got := fmt.Sprintf("%q", results(formula("tanh(z) + z"), formula("sin(z)"), dks)); got != `["tanh(z) + z" "sin(z)" "dks(of=softplus)"]` {
		t.Errorf("two formulas and a shaped activation: %s", got)
	}
}

// A sentence on which setups move the first layer, also where that doesn't decide.
func TestMovementSentence(t *testing.T) {
	p := report.Rank(whole.results()).Problems
	if got := p[3].Findings.Movement; !strings.Contains(got, "by irprop-minus, smorms3, adam and rmsprop, less by sgd (") {
		t.Errorf("movement: %s", got)
	}
	if got := p[2].Findings.Movement; !strings.Contains(got, "by all of ") {
		t.Errorf("where the gradient does not die all move the first layer: %s", got)
	}
	for _, p := range p {
		if strings.Contains(p.Findings.Movement, "not enough") {
			t.Errorf("what is not shown is a finding: %s", p.Findings.Movement)
		}
	}
}

// The page is well-formed, refers to nothing outside, names each setup, and escapes.
func TestPage(t *testing.T) {
	for _, c := range cases {
		results := c.results()
		var b bytes.Buffer
		if err := report.WriteHTML(results, &b); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if *pages != "" {
			if err := os.WriteFile(filepath.Join(*pages, c.name+".html"), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if b.Len() > 2<<20 {
			t.Errorf("%s: the page has %d bytes", c.name, b.Len())
		}
		text, data := readPage(t, c.name, b.Bytes())
		var figures []struct {
			Layers int
			Setups []struct{ Label string }
			Runs   []struct {
				Setup int
				Steps []int
				Maps  []string
			}
		}
		if err := json.Unmarshal([]byte(data), &figures); err != nil {
			t.Fatalf("%s: data of the figures: %v", c.name, err)
		}
		ranking := report.Rank(results)
		for i, p := range ranking.Problems {
			if !strings.Contains(text, p.Label) {
				t.Errorf("%s: problem %q is missing", c.name, p.Label)
			}
			for j, s := range p.Setups {
				if !strings.Contains(text, s.Label) || figures[i].Setups[j].Label != s.Label {
					t.Errorf("%s: setup %q is missing", c.name, s.Label)
				}
			}
			for _, run := range figures[i].Runs {
				for _, m := range run.Maps {
					cells, err := base64.StdEncoding.DecodeString(m)
					if err != nil || len(cells) != 2*len(run.Steps)*figures[i].Layers {
						t.Errorf("%s: a map of %d bytes for %d steps and %d layers (%v)", c.name, len(cells), len(run.Steps), figures[i].Layers, err)
					}
				}
			}
		}
		for _, w := range ranking.Warnings {
			if !strings.Contains(text, w) {
				t.Errorf("%s: warning %q is missing", c.name, w)
			}
		}
	}
}

var (
	blocks  = regexp.MustCompile(`(?s)<(script|style)([^>]*)>(.*?)</(?:script|style)>`)
	outside = regexp.MustCompile(`url\(|@import|\bfetch\(|XMLHttpRequest|\bimport\(|new WebSocket`)
)

// readPage reads a page, which is well-formed XML but for its scripts and styles, and
// returns its text and the data of its figures.
func readPage(t *testing.T, name string, page []byte) (text, data string) {
	t.Helper()
	for _, block := range blocks.FindAllSubmatch(page, -1) {
		if bytes.Contains(block[2], []byte(`id="data"`)) {
			data = string(block[3])
		} else if found := outside.Find(block[3]); found != nil {
			t.Errorf("%s: a %s has %s", name, block[1], found)
		}
		if bytes.Contains(block[2], []byte("src")) {
			t.Errorf("%s: <%s%s>", name, block[1], block[2])
		}
	}
	page = blocks.ReplaceAll(page, nil)
	var b strings.Builder
	var links []string
	ids := map[string]bool{}
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.StartElement:
			if slices.Contains([]string{"link", "iframe", "object", "embed", "base"}, token.Name.Local) {
				t.Errorf("%s: <%s>", name, token.Name.Local)
			}
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "src":
					if token.Name.Local != "img" || !strings.HasPrefix(a.Value, "data:image/svg+xml;base64,") {
						t.Errorf("%s: <%s %s=%.40q>", name, token.Name.Local, a.Name.Local, a.Value)
					}
				case "srcset", "action", "formaction", "poster", "ping":
					t.Errorf("%s: <%s %s=%q>", name, token.Name.Local, a.Name.Local, a.Value)
				case "href":
					if !strings.HasPrefix(a.Value, "#") {
						t.Errorf("%s: a link to %s", name, a.Value)
					}
					links = append(links, strings.TrimPrefix(a.Value, "#"))
				case "id":
					if ids[a.Value] {
						t.Errorf("%s: two elements with the id %s", name, a.Value)
					}
					ids[a.Value] = true
				}
			}
		}
	}
	for _, l := range links {
		if !ids[l] {
			t.Errorf("%s: a link to #%s, which is not there", name, l)
		}
	}
	return b.String(), data
}

// The heat maps of large studies are left out but for the typical runs.
func TestLargeStudy(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 600 records")
	}
	var b bytes.Buffer
	if err := report.WriteHTML(synthetic{nets: nets, rules: rules, seeds: 25, steps: 4000}.results(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 2<<20 || !strings.Contains(b.String(), "those of each setup&#39;s median run") {
		t.Errorf("%d bytes, without the note that only median runs are shown", b.Len())
	}
}

func TestWrite(t *testing.T) {
	results := synthetic{nets: nets[:1], rules: rules[:1], seeds: 1, steps: 40}.results()
	results.Dir = t.TempDir()
	path := filepath.Join(results.Dir, report.FileName)
	if err := report.Write(results, path); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(results.Dir)
	if err != nil || len(files) != 1 || files[0].Name() != report.FileName {
		t.Errorf("%v, %v", files, err)
	}
	if err := report.Write(results, filepath.Join(results.Dir, "missing", report.FileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// A longer run with other settings has a label of its own without them, and isn't tested.
func TestLongerOtherwise(t *testing.T) {
	s := synthetic{nets: nets[:1], rules: rules[:2], seeds: 5, steps: 200}
	r := s.results()
	s.steps, s.rules = 2000, []rule{{"sgd", map[string]any{"rate": 0.03}, 0.02, false, 0}}
	r.Records = append(s.results().Records, r.Records...)
	p := report.Rank(r).Problems[0]
	var labels []string
	for _, x := range p.Setups {
		labels = append(labels, x.Label+" "+x.Detail+" "+x.Verdict)
	}
	slices.Sort(labels)
	want := []string{"rmsprop  better", "sgd (2000 steps) rate=0.03 ", "sgd rate=0.1 "}
	if !slices.Equal(labels, want) || p.Baseline != "sgd" {
		t.Errorf("labels, details and verdicts %q, want %q; baseline %s", labels, want, p.Baseline)
	}
}

// TestStress checks that the picture of the optimizers' unit tests gets into the page,
// if it is in the study's directory.
func TestStress(t *testing.T) {
	results := longer()
	results.Dir = t.TempDir()
	page := func() string {
		var b bytes.Buffer
		if err := report.WriteHTML(results, &b); err != nil {
			t.Fatal(err)
		}
		return html.UnescapeString(b.String())
	}
	if strings.Contains(page(), "Unit tests of the optimizers") {
		t.Error("a page without the picture has its section")
	}
	const picture = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	if err := os.WriteFile(filepath.Join(results.Dir, report.StressName), []byte(picture), 0o644); err != nil {
		t.Fatal(err)
	}
	if want := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(picture)); !strings.Contains(page(), want) {
		t.Error("the picture is not in the page")
	}
}
