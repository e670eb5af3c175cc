package study_test

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
)

func isru() activations.Activation {
	return activations.Elementwise("isru", func(z float64) float64 { return z / math.Sqrt(1+z*z) },
		func(z float64) float64 { return math.Pow(1+z*z, -1.5) })
}

// TestNew: a study in Go is the one that its text says.
func TestNew(t *testing.T) {
	made, err := study.New(context.Background(), study.Settings{
		Name: "small", Task: "digits", Steps: 12, Batch: 16, Evaluate: 4, Seeds: []int{1, 7},
		Grid: study.Grid{
			"depth": []int{1, 3}, "width": 8, "activation": "tanh", "initializer": "glorot-normal",
			"optimizer": []any{map[string]any{"name": "sgd", "rate": []float64{0.1, 0.5}}, catalogue.Choice{Name: "smorms3"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := parse(t, small); !reflect.DeepEqual(made.Configs, want.Configs) {
		t.Errorf("made %d runs, want the %d of the file:\n%+v\n%+v", len(made.Configs), len(want.Configs), made.Configs, want.Configs)
	}
	if again := parse(t, string(made.Source)); !reflect.DeepEqual(again.Configs, made.Configs) {
		t.Errorf("its text says other runs:\n%s", made.Source)
	}
}

// TestNewCases: cases, what is given as 0, and text that is no name.
func TestNewCases(t *testing.T) {
	made, err := study.New(context.Background(), study.Settings{
		Name: "cases", About: "1e-3 \"quoted\" <&>\nand two lines", Task: "digits", Steps: 10, Batch: 8, Seeds: 1, Probe: new(0), Target: new(0.5),
		Grid:  study.Grid{"width": 8, "initializer": "glorot-normal", "optimizer": "sgd(rate=1e-07)"},
		Cases: []study.Grid{{"depth": 2, "activation": []string{"tanh", "max(z, 0)"}}, {"depth": 0, "activation": "sigmoid", "dtype": "float64"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, string(made.Source))
	if len(made.Configs) != 3 || !reflect.DeepEqual(again.Configs, made.Configs) || again.About != made.About {
		t.Errorf("made %+v, its text says %+v:\n%s", made, again, made.Source)
	}
	if c := made.Configs[0]; c.Probe != 0 || c.Target != 0.5 || made.Configs[2].Depth != 0 {
		t.Errorf("what is given as 0 is not 0: %+v", made.Configs)
	}
}

// TestNewParts runs a study of Go values and reads it back.
func TestNewParts(t *testing.T) {
	digits, err := tasks.Catalogue.Make(catalogue.Choice{Name: "digits"})
	if err != nil {
		t.Fatal(err)
	}
	solvers := 0
	mine := study.NewPart("mine", func() (gorgonia.Solver, error) {
		solvers++
		return optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.1})
	})
	s, err := study.New(context.Background(), study.Settings{
		Name: "parts", Task: study.NewPart("my-digits", digits), Steps: 6, Batch: 16, Seeds: 2,
		Grid: study.Grid{"depth": 2, "width": 8, "activation": []any{isru(), "tanh"}, "initializer": "glorot-normal", "optimizer": []any{mine, "sgd(rate=0.1)"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	before, dir := solvers, t.TempDir()
	if o := run(t, s, dir, 1); o.Finished != 8 {
		t.Fatalf("%+v", o)
	}
	if solvers-before != 4 {
		t.Errorf("%d solvers for the 4 runs of one", solvers-before)
	}
	r, err := study.Open(context.Background(), dir)
	if err != nil || len(r.Warnings) > 0 || r.Spec == nil {
		t.Fatalf("%v, %q", err, r.Warnings)
	}
	if !reflect.DeepEqual(r.Spec.Configs, s.Configs) {
		t.Errorf("the directory's study has other runs:\n%s", s.Source)
	}
	for i := 0; i < len(r.Records); i += 4 { // mine is sgd by another name
		for seed := range 2 {
			a, b := r.Records[i+seed], r.Records[i+2+seed]
			if a.Config.Optimizer.Name != "mine" || a.Summary.Status != train.Done || a.Summary.TestLoss != b.Summary.TestLoss {
				t.Errorf("%+v and %+v: want the same as the optimizer is the same", a.Summary, b.Summary)
			}
		}
	}
	if _, err := study.Parse(context.Background(), "study.yaml", s.Source); err == nil || !strings.Contains(err.Error(), "study.yaml:3:1: parts are Go values") {
		t.Errorf("run from its text: %v\n%s", err, s.Source)
	}
	if _, err := study.Execute(context.Background(), s.Configs[0], nil); err == nil {
		t.Error("a part is in the public catalogues")
	}
	if _, err := s.Assemble(s.Configs[0]); err != nil {
		t.Error(err)
	}
}

// TestNewMistakes: the errors are those of files, with the key in the place of the line.
func TestNewMistakes(t *testing.T) {
	good := func() study.Settings {
		return study.Settings{Name: "wrong", Task: "digits", Steps: 3, Batch: 16, Seeds: 1,
			Grid: study.Grid{"depth": 2, "width": 8, "activation": "tanh", "initializer": "glorot-normal", "optimizer": "sgd"}}
	}
	if _, err := study.New(context.Background(), good()); err != nil {
		t.Fatal(err)
	}
	solver, err := optimizers.NewSGD(optimizers.SGDConfig{Rate: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*study.Settings)
		want   string
	}{
		{func(s *study.Settings) { s.Name = "Wrong" }, `study Wrong: name: name "Wrong": want lower-case`},
		{func(s *study.Settings) { s.Steps = 0 }, "study wrong: budget.steps: steps must be at least 1, not 0"},
		{func(s *study.Settings) { s.Seeds = 1 << 31 }, "study wrong: seeds: seeds must be at most 10000, not 2147483648"},
		{func(s *study.Settings) { s.Seeds = "many" }, `study wrong: seeds: seeds must be a whole number, not "many"`},
		{func(s *study.Settings) { s.Grid["depth"] = []any{1, 2.5} }, "study wrong: grid.depth[1]: depth must be a whole number, not 2.5"},
		{func(s *study.Settings) { s.Grid["depht"] = 1 }, `study wrong: grid.depht: unknown key "depht" in the grid; did you mean depth?`},
		{func(s *study.Settings) { s.Grid["activation"] = "tahn" }, `study wrong: grid.activation: unknown activation "tahn"; did you mean tanh`},
		{func(s *study.Settings) { s.Grid["optimizer"] = map[string]any{"name": "sgd", "rate": math.NaN()} }, "study wrong: grid.optimizer.rate: NaN is not a finite number"},
		{func(s *study.Settings) { s.Grid["optimizer"] = solver }, "study wrong: grid.optimizer: a *optimizers"},
		{func(s *study.Settings) { s.Grid["optimizer"] = study.NewPart("mine", solver) }, "study wrong: grid.optimizer: the optimizer mine has a state"},
		{func(s *study.Settings) { s.Grid["activation"] = study.NewPart("mine", solver) }, "study wrong: grid.activation: mine is a *optimizers"},
		{func(s *study.Settings) { s.Grid["activation"] = study.NewPart("tanh", isru()) }, "study wrong: grid.activation: two rows are called activation"},
		{func(s *study.Settings) { s.Grid["activation"] = study.NewPart("My Own", isru()) }, `study wrong: grid.activation: "My Own"`},
		{func(s *study.Settings) {
			s.Grid["activation"] = []any{study.NewPart("mine", isru()), study.NewPart("mine", isru())}
		}, "study wrong: grid.activation[1]: two different parts are called mine"},
		{func(s *study.Settings) { s.Grid["activation"] = struct{}{} }, "study wrong: grid.activation: a struct {} is neither text nor a part of the kind activation"},
		{func(s *study.Settings) { s.Grid = nil }, "study wrong: grid: no activation is given"},
	} {
		s := good()
		c.change(&s)
		if _, err := study.New(context.Background(), s); err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s…", err, c.want)
		}
	}
}

// TestQuantities: what costs is measured where a study asks for it by name, and only there.
func TestQuantities(t *testing.T) {
	settings := study.Settings{Name: "ranks", Task: "two-spirals", Steps: 2, Batch: 8, Seeds: 1, Quantities: []string{"effective-rank"},
		Grid: study.Grid{"activation": "tanh", "depth": 2, "width": 4, "initializer": "lecun-normal", "optimizer": "sgd"}}
	s, err := study.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Execute(t.Context(), s.Configs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Layers.Quantity(probe.EffectiveRank); len(m) == 0 || !(m[0][0] >= 1 && m[0][0] <= 8) {
		t.Errorf("effective rank %v", m)
	}
	again, err := study.Parse(t.Context(), "again.yaml", s.Source)
	if err != nil || again.Configs[0].Hash() != s.Configs[0].Hash() {
		t.Errorf("the study's text is of another study: %v\n%s", err, s.Source)
	}
	plain := settings
	plain.Quantities = nil
	p, err := study.New(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	r, err = p.Execute(t.Context(), p.Configs[0], nil)
	if err != nil || r.Layers.Quantity(probe.EffectiveRank) != nil {
		t.Errorf("the effective rank is measured without being asked for: %v", err)
	}
	settings.Quantities = []string{"chi"}
	if _, err := study.New(t.Context(), settings); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "effective-rank") {
		t.Errorf("a quantity that is always measured: %v", err)
	}
}
