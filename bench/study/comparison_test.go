package study_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
)

// remedies has two places to vary: what is compared, and what the axes are.
const remedies = `name: remedies
task: digits
COMPARE
budget: {steps: 3, batch: 16}
seeds: 2
grid:
  depth: [2, 3]
  width: 8
  activation: [tanh, sigmoid]
  initializer: glorot-normal
  optimizer: sgd
`

func remedy(compare string) (*study.Spec, error) {
	return study.Parse(context.Background(), "r.yaml", []byte(strings.Replace(remedies, "COMPARE", compare, 1)))
}

func TestVariants(t *testing.T) {
	s, err := remedy("variants:\n  plain:\n  residual: {model: highway}\n  critical: {initializer: critical}\nbaseline: plain\nwhere: depth = 2 or activation != tanh")
	if err != nil {
		t.Fatal(err)
	}
	c := s.Comparison
	if !reflect.DeepEqual(c.Variants, []string{"plain", "residual", "critical"}) || !reflect.DeepEqual(c.By, []string{"model", "initializer"}) || c.Baseline != "plain" {
		t.Errorf("%+v", c)
	}
	if len(s.Configs) != 3*3*2 {
		t.Errorf("%d runs", len(s.Configs))
	}
	for _, run := range s.Configs {
		want := "plain"
		if run.Model.Name == "highway" {
			want = "residual"
		} else if run.Initializer.Name == "critical" {
			want = "critical"
		}
		if got := c.Variant[run.Setup().Hash()]; got != want {
			t.Errorf("%s is a run of %q", want, got)
		}
		if run.Depth == 3 && run.Activation.Name == "tanh" {
			t.Errorf("where keeps %+v", run)
		}
	}
	made, err := study.New(context.Background(), study.Settings{
		Name: "remedies", Task: "digits", Steps: 3, Batch: 16, Seeds: 2, Baseline: "plain", Where: "depth = 2 or activation != tanh",
		Variants: []study.Variant{{Name: "plain"}, {Name: "residual", Axes: study.Grid{"model": "highway"}}, {Name: "critical", Axes: study.Grid{"initializer": "critical"}}},
		Grid:     study.Grid{"depth": []int{2, 3}, "width": 8, "activation": []string{"tanh", "sigmoid"}, "initializer": "glorot-normal", "optimizer": "sgd"},
	})
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, string(made.Source))
	if !reflect.DeepEqual(made.Configs, s.Configs) || !reflect.DeepEqual(made.Comparison, c) || !reflect.DeepEqual(again.Configs, s.Configs) || !reflect.DeepEqual(again.Comparison, c) {
		t.Errorf("made %+v, read back %+v:\n%s", made.Comparison, again.Comparison, made.Source)
	}
}

// A study's comparison changes no run.
func TestCompareKey(t *testing.T) {
	plain, err := remedy("")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{"compare: activation": {"activation"}, "compare: [depth, activation]\nbaseline: \"tanh, depth 3\"": nil, "compare: [activation, depth]\nbaseline: tanh, depth 3": {"activation", "depth"}} {
		s, err := remedy(text)
		if want == nil {
			if err == nil || !strings.Contains(err.Error(), `r.yaml:4:11: there is no depth, activation "tanh, depth 3" to be the baseline; there are depth 2, tanh`) {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(s.Comparison.By, want) || !reflect.DeepEqual(s.Configs, plain.Configs) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}

func TestComparisonErrors(t *testing.T) {
	for text, want := range map[string]string{
		"compare: activatoin": "3:10: activatoin is no axis to compare; did you mean activation?",
		"compare: [depth, 3]": "3:18: 3 is no axis to compare",
		"compare: []":         "3:10: compare is empty",
		"compare: depth\nvariants: {a: {}, b: {depth: 9}}": "3:1: a study with variants compares those",
		"baseline: relu":                                               `3:11: there is no activation "relu" to be the baseline; there are tanh, sigmoid`,
		"variants: {a: {}}":                                            "3:11: variants are two or more names",
		"variants: {a: {}, b: {}}":                                     "3:19: the variants a and b make the same runs: neither replaces anything",
		"variants: {a: {}, b: {model: mlp}}":                           "3:19: the variants a and b make the same runs: model mlp",
		"variants: {a: {}, b: {depth: 3}}":                             "the variant a has several values of depth",
		"variants: {a: {}, b: {initializer: [he-normal, he-uniform]}}": "3:19: the variant b has several values of initializer",
		"variants: {a: {}, b: {colour: red}}":                          `3:23: unknown key "colour" in the variant b`,
		"variants: {a: {}, b: {model: resnet}}":                        "3:30: unknown model \"resnet\"",
		"variants: {a: {}, b: {model: highway}}\nbaseline: c":          `4:11: there is no variant "c"; it has a, b`,
		"where: depth = 4":                                             "3:8: no run has depth 4; there are 2, 3",
		"where: depth < 2":                                             `3:8: "depth < 2" leaves no run`,
		"where: activation = relu":                                     "3:8: no run has activation relu; there are tanh, sigmoid",
		"where: activation < tanh":                                     "3:8: < compares numbers",
		"where: colour = red":                                          `3:8: unknown axis "colour"`,
		"where: depth":                                                 `3:8: "depth" is not a comparison such as`,
		"where: depth.rate = 1":                                        "3:8: depth has no settings",
		"where: [depth = 3]":                                           "3:8: where must be text",
		"where: dtype < 3":                                             "3:8: dtype is not numeric",
	} {
		_, err := remedy(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "r.yaml:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n%v, want %s", text, err, want)
		}
	}
}

func TestCondition(t *testing.T) {
	s := parse(t, strings.NewReplacer("optimizer: sgd", "optimizer: [{name: sgd, rate: [0.1, 0.5]}, adam]", "depth: [2, 3]", "depth: [0, 2, 3]", "COMPARE\n", "").Replace(remedies))
	for text, want := range map[string]int{
		"depth = 2": 6, "depth = 2, 3": 12, "depth != 2": 12, "depth <= 2": 12, "depth > 2": 6, "depth>=2 and depth<3": 6,
		"optimizer = sgd": 12, "optimizer = sgd(rate=0.1)": 6, "optimizer != sgd(rate=0.1)": 12, "optimizer.rate >= 0.1": 12, "optimizer.rate = 0.5": 6,
		"optimizer = sgd(rate=0.1), adam and depth = 0": 4, "depth = 0 or activation = tanh and optimizer = adam": 6 + 2, "dtype = float32": 18, "flush-to-zero = false": -1,
	} {
		c, err := study.ParseCondition(text)
		if err != nil {
			t.Error(err)
			continue
		}
		kept := 0
		for _, run := range s.Configs {
			if run.Seed == 1 && c.Holds(run) {
				kept++
			}
		}
		if err := c.Check(s.Configs); want < 0 {
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		} else if err != nil {
			t.Error(err)
		}
		if kept != want {
			t.Errorf("%s keeps %d, want %d", text, kept, want)
		}
	}
	if c := (*study.Condition)(nil); !c.Holds(s.Configs[0]) || c.Check(nil) != nil {
		t.Error("no condition leaves something out")
	}
}

// TestSharedAxis: a variant that uses the grid's value has one for each, which are facets; a
// variant that replaces it is refused, as it makes one run for several facets.
func TestSharedAxis(t *testing.T) {
	text := `name: shared
task: digits
budget: {steps: 3, batch: 16}
seeds: 2
variants:
  plain: {}
  shaped: {activation: {name: dks, of: $activation}, initializer: lecun-normal}
  norm: {normalization: layer-norm}
baseline: plain
grid: {depth: 4, width: 8, activation: [sigmoid, softplus], initializer: glorot-normal, optimizer: adam}
`
	s, err := study.Parse(t.Context(), "shared.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Configs) != 3*2*2 {
		t.Fatalf("%d runs", len(s.Configs))
	}
	c := s.Comparison
	if !slices.Equal(c.Shared, []string{"activation"}) {
		t.Errorf("shared %v", c.Shared)
	}
	shaped := 0
	for _, run := range s.Configs {
		origin := c.Origin[run.Setup().Hash()]
		if run.Activation.Name != "dks" {
			if origin.Hash() != run.Setup().Hash() && c.Variant[run.Setup().Hash()] == "plain" {
				t.Errorf("plain: %v comes from %v", run, origin)
			}
			continue
		}
		shaped++
		of, _ := run.Activation.Settings["of"].(catalogue.Choice)
		if of.Name != origin.Activation.Name || origin.Activation.Name == "dks" {
			t.Errorf("dks of %v comes from %v", of, origin.Activation)
		}
	}
	if shaped != 4 {
		t.Errorf("%d runs of dks", shaped)
	}
	for replaced, want := range map[string]string{
		"{activation: tanh, initializer: lecun-normal}": "replaces the activation that other variants use as $activation",
		"{normalization: $normalization}":               "there is none",
	} {
		bad := strings.Replace(text, "norm: {normalization: layer-norm}", "norm: "+replaced, 1)
		if _, err := study.Parse(t.Context(), "shared.yaml", []byte(bad)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", replaced, err, want)
		}
	}
}
