package cmd

import (
	"math"
	"strings"
	"testing"

	"github.com/gradflow/gradflow/bench/profile"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/internal/texttab"
)

// TestProfileFits lays a profile with long names out in narrow terminals.
func TestProfileFits(t *testing.T) {
	nan := record.Number(math.NaN())
	p := &profile.Profile{Steps: 1, Theory: &profile.Theory{WeightVariance: 1, Q: 1, Chi1: 0.5, Xi: 3, Phase: "ordered", Critical: 2}}
	p.Config.Activation = record.Choice{Name: "dks", Settings: map[string]any{"of": record.Choice{Name: "softplus"}, "depth": 50}}
	p.Config.Depth, p.Config.Width, p.Config.DType = 60, 128, "float32"
	for i := range 60 {
		l := profile.Layer{Name: "layer01/t" + strings.Repeat("0", 3) + string(rune('0'+i%10)), Gradient: record.Number(-60 + i), Saturated: nan,
			PreActivationMean: -1.2345e-5, PreActivationStd: 123456, Chi: 1.2345e-7, PredictedChi: 3e-7}
		if i == 3 {
			l.Gradient = record.Number(math.Inf(-1))
		}
		p.Start = append(p.Start, l)
	}
	p.Trained = p.Start
	trials := []profile.Trial{{Remedy: "activation: dks(of=softplus,depth=50), initializer: lecun-normal(gain=1)", Decades: record.Number(math.Inf(1))},
		{Remedy: "normalization: layer-norm", Problem: "nothing could be measured: the loss is infinite"}}
	for _, width := range []int{100, 80, 60, 40} {
		lines := profileLines(p, trials, width, false)
		for i, line := range lines {
			if n := texttab.Width(line); n > width {
				t.Errorf("in %d columns line %d has %d: %s", width, i+1, n, line)
			}
		}
		text := strings.Join(lines, " ")
		for _, want := range []string{"exactly 0", "all: nothing arrives", "1 step ", "the cause was not checked"} {
			if width == 100 && !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("in %d columns there is no %q:\n%s", width, want, strings.Join(lines, "\n"))
			}
		}
		if width == 80 && !strings.Contains(text, "█") {
			t.Error("no bars in 80 columns")
		}
	}
}
