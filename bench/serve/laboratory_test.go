package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
)

// network is the first network of the page, changed.
func network(change ...string) url.Values {
	v := url.Values{}
	for _, f := range fields() {
		v.Set(f.Key, f.Default[0])
	}
	for i := 0; i < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return v
}

// TestFaults: what is wrong with a field is one line at the field.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"activation", "tanh(z", "tanh(z"},
		{"activation", "tahn", "tanh"},
		{"activation", "", "is empty"},
		{"activation", strings.Repeat("z+", 200) + "z", "is longer than 300"},
		{"activation", strings.Repeat("(", 290), ""},
		{"activation", "exp(exp(exp(exp(z)))) * 1e300", ""},
		{"depth", "0", "at least 1"},
		{"depth", "100000", "at most 200"},
		{"depth", "99999999999999999999", "want a whole number"},
		{"depth", "ten", "want a whole number"},
		{"width", "100000", "at most 256"},
		{"width", "64,32", "want a whole number"},
		{"initializer", "gaussian(weight-variance=-1)", "weight-variance"},
		{"normalization", "distance-scale", ""},
		{"normalization", "batch-norm(placement=aside)", "placement"},
		{"model", "lstm", ""},
		{"optimizer", "sgd(rate=fast)", "rate"},
		{"steps", "1000000", "at most 5000"},
		{"seed", "-1", "whole number"},
	} {
		_, err := look(network(c.key, c.value))
		f, ok := err.(*fault)
		if !ok || f.Field != c.key || !strings.Contains(f.Text, c.want) || strings.Contains(f.Text, "\n") || strings.HasPrefix(f.Text, "-") {
			t.Errorf("%s = %.30q: %v", c.key, c.value, err)
		} else {
			t.Logf("%s: %s", f.Field, f.Text)
		}
	}
	if _, err := look(network("depth", "100", "width", "256")); err == nil || err.(*fault).Field != "width" {
		t.Errorf("a network too large: %v", err)
	}
}

// look measures as the page's request does.
func look(v url.Values) (*signal, error) {
	c, err := configOf(v)
	if err != nil {
		return nil, err
	}
	p, err := profile.Measure(context.Background(), c, 0)
	if err != nil {
		return nil, blame(c, err)
	}
	return signalOf(p), nil
}

// TestSignal: what is told is what the profile measures, and the caption says so.
func TestSignal(t *testing.T) {
	s, err := look(network("depth", "12", "width", "32"))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Layers) != 13 || len(s.Forward) != 12 || len(s.BackwardTheory) != 13 || s.Backward[12] != 0 || s.BackwardTheory[12] != 0 {
		t.Fatalf("%+v", s)
	}
	c, _ := configOf(network("depth", "12", "width", "32"))
	p, err := profile.Measure(context.Background(), c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := -float64(s.Backward[0]), profile.Decades(p.Start); math.Abs(got-want) > 1e-12 {
		t.Errorf("the gradient loses %g decades, the profile says %g", got, want)
	}
	// Sigmoids lose about 0.6 of a decade in a layer: theory follows the measurement.
	if d := float64(s.Backward[0] - s.BackwardTheory[0]); !(math.Abs(d) < 1) || s.Dead != "both ways" {
		t.Errorf("theory is %g decades off; dead %q", d, s.Dead)
	}
	if !strings.HasPrefix(s.Caption, "Backward: 10⁻") || !strings.Contains(s.Caption, "rounding of float32") {
		t.Error(s.Caption)
	}
	if s, err = look(network("depth", "12", "width", "32", "model", "residual")); err != nil || s.Dead != "" || !strings.Contains(s.Caption, "the gradient arrives") {
		t.Errorf("with shortcuts: %+v, %v", s, err)
	}
	if s, err = look(network("depth", "4", "activation", "softmax")); err != nil || s.NoTheory == "" || len(s.ForwardTheory) != 0 {
		t.Errorf("what is not element-wise: %+v, %v", s, err)
	}
}

// TestTheory: the pictures are those of package meanfield, and a program's own nonlinearity has
// them as well.
func TestTheory(t *testing.T) {
	var k fieldCache
	of := func(change ...string) *theory {
		t.Helper()
		c, err := configOf(network(change...))
		if err != nil {
			t.Fatal(err)
		}
		th, err := k.theoryOf(c)
		if err != nil {
			t.Fatal(err)
		}
		return th
	}
	th := of("activation", "tanh", "initializer", "gaussian(weight-variance=1,bias-variance=0.05)", "depth", "20", "width", "200")
	// χ₁ of tanh at σ_w² = 1, σ_b² = 0.05 is 0.759 (Schoenholz et al., 2017); the weights are a sample.
	if math.Abs(float64(th.Chi)-0.759) > 0.02 || th.Phase != "ordered" || math.Abs(th.Weight-1) > 0.02 || !strings.Contains(th.PhaseCaption, "vanishes") {
		t.Errorf("χ₁ = %g, %s, σ_w² = %g: %s", float64(th.Chi), th.Phase, th.Weight, th.PhaseCaption)
	}
	last := len(th.CMap.X) - 1
	if th.CMap.X[last] != 1 || math.Abs(float64(th.CMap.Y[last])-1) > 1e-9 || len(th.Diagram) != diagramHigh || len(th.Line) == 0 {
		t.Errorf("the maps: %v → %v, a line of %d points", th.CMap.X[last], th.CMap.Y[last], len(th.Line))
	}
	// The critical line of the diagram meets the critical point at this start's biases.
	best := math.Inf(1)
	for _, p := range th.Line {
		if math.Abs(p[1]-th.Bias) < 0.01 {
			best = math.Min(best, math.Abs(p[0]-float64(th.Critical)))
		}
	}
	if !(best < 0.05) {
		t.Errorf("the critical line is %g from the critical point %g", best, float64(th.Critical))
	}
	if th = of("activation", "softmax"); th.None == "" || len(th.F.X) != 0 {
		t.Errorf("of softmax: %+v", th)
	}
	activations.Catalogue.Add(catalogue.Row("test-isru", "z/√(1+z²)", func(struct{}) (activations.Activation, error) {
		return activations.Elementwise("test-isru", func(z float64) float64 { return z / math.Sqrt(1+z*z) },
			func(z float64) float64 { return math.Pow(1+z*z, -1.5) }), nil
	}))
	if th = of("activation", "test-isru"); th.None != "" || float64(th.F.Y[points-1]) != 0 || float64(th.Slope.Y[points-1]) != 1 {
		t.Errorf("of a nonlinearity of one's own: %+v", th)
	}
	c, err := configOf(network())
	if err != nil {
		t.Fatal(err)
	}
	if p, err := profile.Look(context.Background(), c); err != nil || len(signalOf(p).BackwardTheory) != 0 {
		t.Errorf("a look at the network: %v", err)
	}
	w := httptest.NewRecorder()
	s, _ := serving(t)
	s.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/laboratory?a.activation="+url.QueryEscape(hostile), nil))
	if text := w.Body.String(); !strings.Contains(text, `<option value="test-isru">`) || strings.Contains(text, "<script>alert") {
		t.Error("the page does not offer it, or does not escape a value")
	}
}

// TestTrain: what is streamed of a training is its record's, and the study file says the same.
func TestTrain(t *testing.T) {
	_, h := serving(t)
	v := network("activation", "tanh", "depth", "3", "width", "8", "steps", "50")
	answer, err := http.PostForm(h.URL+"/laboratory/train", v)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var scores, probes []trained
	var end trained
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l trained
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		switch {
		case l.Accuracy != nil:
			scores = append(scores, l)
		case l.Backward != nil:
			probes = append(probes, l)
		default:
			end = l
		}
	}
	c, err := configOf(v)
	if err != nil {
		t.Fatal(err)
	}
	want, err := study.Execute(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(scores) != len(want.Metrics) || *scores[50].Accuracy != want.Summary.Final.ValidationAccuracy || !strings.HasPrefix(end.End, "After 50 steps") {
		t.Errorf("%d scores, %+v", len(scores), end)
	}
	if len(probes) != len(want.Layers.Steps()) || len(probes[0].Layers) != 4 || probes[0].Backward[3] != 0 {
		t.Errorf("%d probes, the first %+v", len(probes), probes[0])
	}
}

// TestStudyFile: the study file and the commands are of what is on the screen.
func TestStudyFile(t *testing.T) {
	_, h := serving(t)
	q := url.Values{"steps": {"20"}}
	for key := range network() {
		q.Set("a."+key, network().Get(key))
		q.Set("b."+key, network("activation", "tanh(z) + 0.1*z", "model", "residual").Get(key))
	}
	_, text, _ := get(t, h.URL+"/laboratory/study?"+q.Encode())
	var got struct {
		Study, Run string
		Profiles   []string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	spec, err := study.Parse(context.Background(), "laboratory.yaml", []byte(got.Study))
	if err != nil {
		t.Fatalf("%v:\n%s", err, got.Study)
	}
	if len(spec.Configs) != 10 || spec.Comparison.Baseline != "A" {
		t.Errorf("%d runs, baseline %q", len(spec.Configs), spec.Comparison.Baseline)
	}
	if !strings.Contains(got.Profiles[1], "--activation 'tanh(z) + 0.1*z'") && !strings.Contains(got.Profiles[1], "formula") {
		t.Error(got.Profiles)
	}
	for _, p := range presets() {
		q, err := url.ParseQuery(string(p.Query))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range sides(q) {
			if _, err := configOf(v); err != nil {
				t.Errorf("%s: %v", p.Label, err)
			}
		}
	}
}

// BenchmarkTheory is what theory takes of a nonlinearity that was not looked at before.
func BenchmarkTheory(b *testing.B) {
	c, err := configOf(network())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var k fieldCache
		if _, err := k.theoryOf(c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignal is what the signal of 30 layers of 64 takes.
func BenchmarkSignal(b *testing.B) {
	for b.Loop() {
		c, err := configOf(network())
		if err != nil {
			b.Fatal(err)
		}
		p, err := profile.Look(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		signalOf(p)
	}
}
