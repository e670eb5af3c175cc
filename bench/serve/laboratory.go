package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
)

// What the laboratory computes, at most.
const (
	maxText    = 300 // bytes of a field
	maxSeconds = 10  // of training
	maxWeights = 4_000_000
	batch      = 64
)

var (
	labDepth = study.Count{Key: study.Depth.Key, Least: 1, Most: 200}
	labWidth = study.Count{Key: study.Width.Key, Least: 1, Most: 256}
	labSteps = study.Count{Key: study.Steps.Key, Least: 10, Most: 5000}
)

// field is one of the settings of a network: an axis of studies.
type field struct {
	Key     string
	Label   string
	Help    string
	Default [2]string // of both networks
	Words   []string
	Number  bool
	usual   string // what it is replaced by, to find whether it is at fault
}

// fields are in the order of the page. The second network differs by its shortcut alone.
func fields() []field {
	list := []field{
		{Key: "activation", Label: "Nonlinearity f", Help: "a name, with settings or not, or a formula in z: tanh(z) + 0.1*z", Default: [2]string{"sigmoid", "sigmoid"}, usual: "tanh"},
		{Key: "depth", Label: "Depth", Help: fmt.Sprintf("hidden layers, up to %d", labDepth.Most), Default: [2]string{"30", "30"}, Number: true},
		{Key: "width", Label: "Width", Help: fmt.Sprintf("units of each, up to %d", labWidth.Most), Default: [2]string{"64", "64"}, Number: true},
		{Key: "initializer", Label: "First weights", Help: "such as critical, orthogonal, gaussian(weight-variance=1.5)", Default: [2]string{"glorot-normal", "glorot-normal"}, usual: "glorot-normal"},
		{Key: "normalization", Label: "Normalisation", Help: "and its working point: batch-norm(working-point=true), layer-norm(placement=after)", Default: [2]string{"none", "none"}, usual: "none"},
		{Key: "model", Label: "Shortcut", Help: "mlp has none; residual(order=inside), highway", Default: [2]string{"mlp", "residual"}, usual: "mlp"},
		{Key: "optimizer", Label: "Optimizer", Help: "of the training below: sgd(rate=0.1), smorms3, irprop-minus", Default: [2]string{"sgd(rate=0.1)", "sgd(rate=0.1)"}, usual: "sgd"},
	}
	for i, f := range list {
		if axis, ok := study.AxisOf(f.Key); ok && axis.Words != nil {
			list[i].Words = axis.Words()
		}
	}
	return list
}

// fault is what is wrong with a field, in one line.
type fault struct {
	Field string `json:"field"`
	Text  string `json:"error"`
}

func (f *fault) Error() string { return f.Field + ": " + f.Text }

// oneLine is an error as it stands at a field.
func oneLine(key string, err error) *fault {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = strings.TrimPrefix(text, "--")
	for _, prefix := range []string{key + ": ", key + " "} {
		text = strings.TrimPrefix(text, prefix)
	}
	const most = 300
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + " …"
	}
	return &fault{key, text}
}

// configOf reads a network from the values of a request.
func configOf(v url.Values) (record.Config, error) {
	c := study.Defaults()
	c.Batch, c.Steps, c.Seed = batch, 1000, 1
	task, _ := study.AxisOf("task")
	if err := task.ReadText(&c, "digits"); err != nil {
		return c, err
	}
	for _, f := range fields() {
		axis, ok := study.AxisOf(f.Key)
		if !ok {
			return c, errors.Errorf("there is no axis %s", f.Key)
		}
		text := strings.TrimSpace(v.Get(f.Key))
		switch {
		case text == "":
			return c, &fault{f.Key, "is empty"}
		case len(text) > maxText:
			return c, &fault{f.Key, fmt.Sprintf("is longer than %d characters", maxText)}
		}
		if f.Number {
			// Read as a number before anything else, so that no size is reserved.
			if _, err := strconv.Atoi(text); err != nil {
				return c, &fault{f.Key, fmt.Sprintf("want a whole number, not %.20q", text)}
			}
		}
		if err := axis.ReadText(&c, text); err != nil {
			return c, oneLine(f.Key, err)
		}
	}
	for _, number := range []struct {
		study.Count
		text string
		set  func(n int)
	}{
		{labDepth, strconv.Itoa(c.Depth), func(n int) { c.Depth = n }}, {labWidth, strconv.Itoa(c.Width), func(n int) { c.Width = n }},
		{labSteps, cmp.Or(v.Get("steps"), "1000"), func(n int) { c.Steps = n }},
	} {
		n, err := strconv.Atoi(number.text)
		if err != nil {
			return c, &fault{number.Key, fmt.Sprintf("want a whole number, not %.20q", number.text)}
		}
		if err := number.Check(n); err != nil {
			return c, oneLine(number.Key, err)
		}
		number.set(n)
	}
	if n := c.Depth * c.Width * c.Width; n > maxWeights {
		return c, &fault{"width", fmt.Sprintf("%d layers of %d have %.2g weights, more than the %.2g that the laboratory takes: use gradflow profile", c.Depth, c.Width, float64(n), float64(maxWeights))}
	}
	seed, err := strconv.ParseUint(cmp.Or(v.Get("seed"), "1"), 10, 64)
	if err != nil {
		return c, &fault{"seed", "want a whole number from 0"}
	}
	c.Seed = seed
	c.Evaluate, c.Probe = max(1, c.Steps/50), 12
	if err := study.CheckSize(c); err != nil {
		return c, blame(c, err)
	}
	return c, nil
}

// blame finds the field that an error of a network is of: the first that the network can be
// built without.
func blame(c record.Config, err error) error {
	var known *fault
	var size *study.SizeError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &size):
		return oneLine(size.Key, err)
	}
	if a, assembling := study.Assemble(c); assembling != nil {
		err = assembling
	} else if _, building := a.Network(); building != nil {
		err = building
	}
	text := strings.TrimPrefix(err.Error(), "run "+c.Hash()+": ")
	for _, key := range []string{"normalization", "model", "initializer", "activation"} {
		for _, f := range fields() {
			if f.Key != key {
				continue
			}
			changed := c
			axis, _ := study.AxisOf(key)
			if axis.ReadText(&changed, f.usual) != nil {
				continue
			}
			if a, err := study.Assemble(changed); err == nil {
				if _, err = a.Network(); err == nil {
					return oneLine(key, errors.New(text))
				}
			}
		}
	}
	return oneLine("activation", errors.New(text))
}

// theory answers with what mean-field theory says of a network's f and first weights.
func (s *Server) theory(w http.ResponseWriter, r *http.Request) {
	s.compute1(w, r, func(c record.Config) (any, error) { return s.fields.theoryOf(c) })
}

// signal answers with what is measured at initialisation.
func (s *Server) signal(w http.ResponseWriter, r *http.Request) {
	s.compute1(w, r, func(c record.Config) (any, error) {
		p, err := profile.Look(r.Context(), c)
		if err != nil {
			return nil, err
		}
		return signalOf(p), nil
	})
}

// predicted answers with the same, and what theory predicts of it.
func (s *Server) predicted(w http.ResponseWriter, r *http.Request) {
	s.compute1(w, r, func(c record.Config) (any, error) {
		p, err := profile.Measure(r.Context(), c, 0)
		if err != nil {
			return nil, err
		}
		return signalOf(p), nil
	})
}

// compute1 answers a request that is about one network.
func (s *Server) compute1(w http.ResponseWriter, r *http.Request, of func(record.Config) (any, error)) {
	release, err := s.compute(r.Context(), s.work)
	if err != nil {
		return
	}
	defer release()
	begin := time.Now()
	c, err := configOf(r.URL.Query())
	var v any
	if err == nil {
		if v, err = of(c); err != nil && r.Context().Err() == nil {
			err = blame(c, err)
		}
	}
	w.Header().Set("Server-Timing", fmt.Sprintf("compute;dur=%.1f", time.Since(begin).Seconds()*1000))
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, v)
}

// refuse answers with what is wrong with a field: an answer to a question, and no failure of
// the request, which a browser would report.
func refuse(w http.ResponseWriter, err error) {
	var f *fault
	if !errors.As(err, &f) {
		f = oneLine("", err)
	}
	text, _ := json.Marshal(f) // two texts
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// signal is a network layer by layer, the output layer the last.
type signal struct {
	Layers []string `json:"layers"`
	// Backward is log10 of the share of the output layer's ‖∂L/∂z‖ that reaches a layer, Forward
	// log10(1-c) of the examples in the hidden layers; zero stands for exactly 0.
	Backward       []record.Number `json:"backward"`
	Forward        []record.Number `json:"forward"`
	BackwardTheory []record.Number `json:"backward_theory"`
	ForwardTheory  []record.Number `json:"forward_theory"`
	Saturated      []record.Number `json:"saturated"`
	NoTheory       string          `json:"no_theory,omitempty"`
	Dead           string          `json:"dead"` // both ways, forward, backward; "": it is alive
	Verdict        string          `json:"verdict"`
	Caption        string          `json:"caption"`
	Command        string          `json:"command"`
}

// zero stands for log10 of exactly 0, which JSON lacks.
const zero = -999

func logOf(v float64) record.Number {
	if math.IsInf(v, -1) {
		return zero
	}
	return record.Number(v)
}

// dead is how many powers of ten a signal loses that counts as dead, as in reports.
const dead = 3

func signalOf(p *profile.Profile) *signal {
	s := &signal{Verdict: p.Verdict(), NoTheory: p.NoPrediction, Command: profile.Command(p.Config),
		Backward: []record.Number{}, Forward: []record.Number{}, BackwardTheory: []record.Number{}, ForwardTheory: []record.Number{}}
	last := float64(p.Start[len(p.Start)-1].Gradient)
	predicted := 0.
	for i, l := range p.Start {
		s.Layers = append(s.Layers, l.Name)
		s.Backward = append(s.Backward, logOf(float64(l.Gradient)-last))
		if i < len(p.Start)-1 {
			s.Forward = append(s.Forward, logOf(float64(l.Decorrelation)))
			s.Saturated = append(s.Saturated, l.Saturated)
			if p.NoPrediction == "" {
				s.ForwardTheory = append(s.ForwardTheory, logOf(float64(l.PredictedDecorrelation)))
			}
		}
	}
	if p.NoPrediction == "" {
		s.BackwardTheory = make([]record.Number, len(p.Start))
		for i := len(p.Start) - 2; i >= 0; i-- {
			predicted += math.Log10(float64(p.Start[i].PredictedChi)) / 2
			s.BackwardTheory[i] = logOf(predicted)
		}
	}
	s.Dead = deadWays(s.Backward, s.Forward)
	s.Caption = captionOf(p, s)
	return s
}

func deadWays(backward, forward []record.Number) string {
	back, ahead := backward[0] < -dead, len(forward) > 0 && forward[len(forward)-1] < -dead
	switch {
	case back && ahead:
		return "both ways"
	case back:
		return "backward"
	case ahead:
		return "forward"
	}
	return ""
}

// captionOf says what the picture shows, in numbers that were measured.
func captionOf(p *profile.Profile, s *signal) string {
	n := len(p.Start) - 1
	first := s.Backward[0]
	var b strings.Builder
	switch {
	case first == zero:
		b.WriteString("Backward: nothing of the gradient reaches layer 1: it is exactly 0 there.")
	case first.IsNaN():
		b.WriteString("Backward: the gradient is not finite.")
	case first < -dead:
		fmt.Fprintf(&b, "Backward: %s of the output layer’s gradient reaches layer 1, so its weights hardly learn (about ×%s per layer).", power(first), factor(float64(first)/float64(n)))
	case first > dead:
		fmt.Fprintf(&b, "Backward: the gradient explodes, to %s times its size at the output by layer 1.", power(first))
	default:
		fmt.Fprintf(&b, "Backward: the gradient arrives: layer 1 gets %s of the output layer’s.", power(first))
	}
	if m := len(s.Forward); m > 0 {
		b.WriteString(" ")
		switch v := s.Forward[m-1]; {
		case v == zero:
			b.WriteString("Forward: in the last hidden layer all examples are equal to the last bit: nothing is left to tell them apart.")
		case float64(v) < probe.Floor(p.Config.DType):
			fmt.Fprintf(&b, "Forward: by the last hidden layer the examples differ by no more than the rounding of %s: nothing is left to tell them apart.", p.Config.DType)
		case v < -dead:
			fmt.Fprintf(&b, "Forward: by the last hidden layer two examples differ by only %s of their size (1 − c).", power(v))
		case !v.IsNaN():
			fmt.Fprintf(&b, "Forward: in the last hidden layer examples are still told apart, 1 − c = %s.", power(v))
		}
	}
	return b.String()
}

// power writes a power of ten.
func power(log record.Number) string {
	v := float64(log)
	if v > -2 && v < 3 {
		return strconv.FormatFloat(math.Pow(10, v), 'g', 2, 64)
	}
	return "10" + strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(int(math.Round(v))))
}

func factor(log float64) string { return strconv.FormatFloat(math.Pow(10, log), 'g', 2, 64) }

// laboratory is the page.
func (s *Server) laboratory(w http.ResponseWriter, r *http.Request) {
	type value struct {
		field
		Side, Value string
	}
	type side struct {
		Name   string
		Fields []value
	}
	var data struct {
		Sides   []side
		Lists   []field
		Steps   string
		Seed    string
		Most    int
		Presets []preset
	}
	q := r.URL.Query()
	for i, name := range []string{"a", "b"} {
		at := side{Name: name}
		for _, f := range fields() {
			at.Fields = append(at.Fields, value{f, name, cmp.Or(q.Get(name+"."+f.Key), f.Default[i])})
		}
		data.Sides = append(data.Sides, at)
	}
	data.Lists, data.Steps, data.Seed, data.Most, data.Presets = fields(), cmp.Or(q.Get("steps"), "1000"), cmp.Or(q.Get("seed"), "1"), labSteps.Most, presets()
	s.page(w, "laboratory.html", data)
}

// sides reads both networks of a request.
func sides(q url.Values) (list [2]url.Values) {
	for i, name := range []string{"a.", "b."} {
		list[i] = url.Values{}
		for key, v := range q {
			if of, ok := strings.CutPrefix(key, name); ok {
				list[i][of] = v
			} else if !strings.Contains(key, ".") {
				list[i][key] = v
			}
		}
	}
	return list
}

// studyFile answers with the study file and the commands that do what is on the screen.
func (s *Server) studyFile(w http.ResponseWriter, r *http.Request) {
	both := sides(r.URL.Query())
	var configs [2]record.Config
	for i, v := range both {
		var err error
		if configs[i], err = configOf(v); err != nil {
			refuse(w, err)
			return
		}
	}
	grid, variants := study.Grid{}, []study.Variant{{Name: "A", Axes: study.Grid{}}, {Name: "B", Axes: study.Grid{}}}
	differ := false
	for _, f := range fields() {
		axis, _ := study.AxisOf(f.Key)
		a, b := strings.TrimSpace(both[0].Get(f.Key)), strings.TrimSpace(both[1].Get(f.Key))
		grid[f.Key] = axis.OfText(a)
		if fmt.Sprint(axis.Value(configs[0])) != fmt.Sprint(axis.Value(configs[1])) {
			differ = true
			variants[0].Axes[f.Key], variants[1].Axes[f.Key] = axis.OfText(a), axis.OfText(b)
		}
	}
	settings := study.Settings{Name: "laboratory", About: "Two networks of the laboratory.", Task: "digits", Steps: configs[0].Steps, Batch: batch, Seeds: 5, Grid: grid}
	if differ {
		settings.Variants, settings.Baseline = variants, "A"
	}
	spec, err := study.New(r.Context(), settings)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, struct {
		Study    string    `json:"study"`
		Run      string    `json:"run"`
		Profiles [2]string `json:"profiles"`
	}{string(spec.Source), s.Command("gradflow run laboratory.yaml"), [2]string{s.Command(profile.Command(configs[0])), s.Command(profile.Command(configs[1]))}})
}

// trained is a line of what is streamed of a training.
type trained struct {
	Layers []string `json:"layers,omitempty"`
	// Step of what follows: the scores, or the layers before it.
	Step      int             `json:"step"`
	Accuracy  *record.Number  `json:"accuracy,omitempty"`
	Loss      *record.Number  `json:"loss,omitempty"`
	Backward  []record.Number `json:"backward,omitempty"`
	Forward   []record.Number `json:"forward,omitempty"`
	Update    []record.Number `json:"update,omitempty"`
	Saturated []record.Number `json:"saturated,omitempty"`
	End       string          `json:"end,omitempty"` // a sentence
	Error     *fault          `json:"error,omitempty"`
}

// train trains a network for some seconds and streams what becomes of it, a line of JSON at a
// time.
func (s *Server) train(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the request is not a form, or too long", http.StatusBadRequest)
		return
	}
	c, err := configOf(r.PostForm)
	if err != nil {
		refuse(w, err)
		return
	}
	release, err := s.compute(r.Context(), s.long)
	if err != nil {
		return
	}
	defer release()
	ctx, cancel := context.WithTimeout(r.Context(), maxSeconds*time.Second)
	defer cancel()
	go func() {
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	send := func(v trained) {
		if text, err := json.Marshal(v); err == nil {
			if _, err := w.Write(append(text, '\n')); err != nil || control.Flush() != nil {
				cancel()
			}
		}
	}
	var last record.Metric
	named := false
	result, err := study.ExecuteWatched(ctx, c, study.Watch{
		Scored: func(m record.Metric) {
			last = m
			send(trained{Step: m.Step, Accuracy: &m.ValidationAccuracy, Loss: &m.ValidationLoss})
		},
		Probed: func(layers []string, p *probe.Sample) {
			v := trained{Step: p.Step}
			if !named {
				named, v.Layers = true, layers
			}
			n := len(p.Layers)
			for l := range n {
				v.Backward = append(v.Backward, logOf(p.At(l, probe.PreActivationGradient)-p.At(n-1, probe.PreActivationGradient)))
				v.Update = append(v.Update, logOf(p.At(l, probe.Update)))
				v.Forward = append(v.Forward, logOf(p.At(l, probe.Decorrelation)))
				v.Saturated = append(v.Saturated, record.Number(p.At(l, probe.Saturated)))
			}
			send(v)
		},
	})
	end := trained{Step: last.Step}
	switch {
	case err != nil:
		errors.As(blame(c, err), &end.Error)
	case result == nil && r.Context().Err() != nil:
		return
	case result == nil:
		end.End = fmt.Sprintf("Stopped after %d seconds, at step %d of %d: validation accuracy %.3g.", maxSeconds, last.Step, c.Steps, float64(last.ValidationAccuracy))
	case result.Summary.Status == "diverged":
		end.Step, end.End = result.Summary.Steps, fmt.Sprintf("Diverged after %d steps: %s.", result.Summary.Steps, result.Summary.Reason)
	default:
		end.End = fmt.Sprintf("After %d steps: validation accuracy %.3g, where guessing reaches %.2g.", c.Steps, float64(last.ValidationAccuracy), result.Summary.Chance)
	}
	send(end)
}

// preset is a setting of both networks that shows something.
type preset struct {
	Label string
	Query template.URL // encoded
}

// presets are what a student can begin with.
func presets() (list []preset) {
	add := func(label string, change map[string]string) {
		q := url.Values{}
		for i, side := range []string{"a.", "b."} {
			for _, f := range fields() {
				value := f.Default[i]
				if f.Key == "model" {
					value = "mlp"
				}
				if v, ok := change["a."+f.Key]; ok && i == 0 {
					value = v
				}
				if v, ok := change["b."+f.Key]; ok && i == 1 {
					value = v
				}
				q.Set(side+f.Key, value)
			}
		}
		list = append(list, preset{label, template.URL(q.Encode())})
	}
	add("a shortcut", map[string]string{"b.model": "residual"})
	add("critical weights", map[string]string{"a.activation": "tanh", "b.activation": "tanh", "a.initializer": "gaussian(weight-variance=0.5)", "b.initializer": "critical(bias-variance=0.01)"})
	add("a working point", map[string]string{"a.activation": "gaussian", "b.activation": "gaussian", "a.normalization": "batch-norm", "b.normalization": "batch-norm(working-point=true)"})
	add("another f: shaped for the depth", map[string]string{"b.activation": "dks(of=sigmoid)", "b.initializer": "lecun-normal"})
	add("an optimizer that takes signs", map[string]string{"b.optimizer": "irprop-minus"})
	return list
}
