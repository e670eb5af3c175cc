package study_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/study"
)

// TestReadText checks that each axis reads text as a flag has it, sets what it says and
// nothing that another axis shows, and that what is wrong is told with the flag's name.
func TestReadText(t *testing.T) {
	texts := map[string]struct{ good, wrong string }{
		"task":          {"parity(bits=6)", "digitz"},
		"activation":    {"tanh(z) + 0.1*z", "tahn"},
		"depth":         {"7", "-1"},
		"width":         {"64,32,16", "2.5"},
		"model":         {"highway", "hihgway"},
		"initializer":   {"orthogonal(gain=1.5)", "orthogonal(gian=1)"},
		"normalization": {"batch-norm", "batchnorm"},
		"optimizer":     {"chain(before=[clip-norm(limit=1)],optimizer=sgd(rate=0.3))", "sgd(rate=-1)"},
		"keep":          {"homeostasis(deviation=0.5)", "homeostasi"},
		"dtype":         {"float64", "float16"},
		"flush-to-zero": {"false", "maybe"},
		"batch":         {"1e2", "0x10"},
		"steps":         {"20", "1000000000000"},
		"target":        {"0.75", "high"},
		"evaluate":      {"5", "0"},
		"probe":         {"0", "010"},
		"quantities":    {"effective-rank", "weight-gradient"},
	}
	all := func(c study.Config) map[string]any {
		values := map[string]any{}
		for _, a := range study.Axes {
			values[a.Key] = a.Value(c)
		}
		return values
	}
	for _, a := range study.Axes {
		text, known := texts[a.Key]
		if !known {
			t.Errorf("%s: add a row to this test", a.Key)
			continue
		}
		c := study.Defaults()
		before := all(c)
		if err := a.ReadText(&c, text.good); err != nil {
			t.Errorf("%s %q: %v", a.Key, text.good, err)
			continue
		}
		for key, v := range all(c) {
			changed := !reflect.DeepEqual(v, before[key])
			if alone := key == a.Key || a.Key == "task" && key == "target"; changed != alone {
				t.Errorf("--%s %s: changed %s: %v, from %v to %v", a.Key, text.good, key, changed, before[key], v)
			}
		}
		again := study.Defaults()
		if err := a.ReadText(&again, text.wrong); err == nil || !strings.HasPrefix(err.Error(), "--"+a.Key) {
			t.Errorf("--%s %s: the error is %v", a.Key, text.wrong, err)
		}
		if !reflect.DeepEqual(all(again), before) {
			t.Errorf("--%s %s: it is an error, and changes the configuration", a.Key, text.wrong)
		}
	}
}
