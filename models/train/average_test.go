package train_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func solver(t *testing.T, text string) G.Solver {
	t.Helper()
	choice, err := catalogue.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := optimizers.Catalogue.Make(choice)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAtAverage looks at the result of Schedule-Free in each step of a run: it is what the
// optimizer says, and the run goes the way of one that nobody looks at.
func TestAtAverage(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		for _, text := range []string{
			"schedule-free-sgd(rate=0.5)",
			"schedule-free-adamw(rate=0.05)",
			"chain(before=[clip-norm(limit=0.1)],optimizer=schedule-free-sgd(rate=0.5))",
			"partition(rules=[{pattern=*/weight,optimizer=schedule-free-adamw},{pattern=*/*,optimizer=sgd}])",
			"adam",
		} {
			alone := loop(t, network(t, dtype, 2), solver(t, text), 30)
			run(t, alone)

			watched := loop(t, network(t, dtype, 2), solver(t, text), 30)
			moved := false
			watched.Hooks = append(watched.Hooks, train.Hook{After: func(*train.State) error {
				before := numbers(watched.Network)
				err := watched.AtAverage(func() error {
					for _, n := range watched.Network.Learnables {
						got, want := floats(n.Value().(*tensor.Dense)), n.Value().(*tensor.Dense).Clone().(*tensor.Dense)
						ok, err := watched.Solver.(optimizers.Averager).Average(n.Name(), want)
						if err != nil {
							return err
						}
						if ok && !slices.Equal(got, floats(want)) {
							t.Errorf("%s, %v: %s is evaluated at %v, its average is %v", text, dtype, n.Name(), got, want)
						}
					}
					moved = moved || !slices.Equal(before, numbers(watched.Network))
					return errors.New("of f")
				})
				if err == nil || err.Error() != "of f" {
					t.Errorf("%s: error %v", text, err)
				}
				if !slices.Equal(before, numbers(watched.Network)) {
					t.Errorf("%s, %v: the parameters are not put back", text, dtype)
				}
				return nil
			}})
			run(t, watched)
			if moved != (text != "adam") {
				t.Errorf("%s, %v: evaluated elsewhere: %v", text, dtype, moved)
			}
			if !slices.Equal(numbers(alone.Network), numbers(watched.Network)) {
				t.Errorf("%s, %v: evaluating changes the run", text, dtype)
			}
		}
	}
}

// TestScheduleFreeResult has a rate that is too large for the last step to be good, and the
// average is.
func TestScheduleFreeResult(t *testing.T) {
	l := loop(t, network(t, tensor.Float64, 1), solver(t, "schedule-free-sgd(rate=8)"), 400)
	run(t, l)
	x, target := make([]float64, 500*inputs), make([]float64, 1000)
	if err := newStream(9).Next64(x, target); err != nil {
		t.Fatal(err)
	}
	e, err := train.NewEvaluator(l.Network, x, target)
	if err != nil {
		t.Fatal(err)
	}
	there, err := e.Score()
	if err != nil {
		t.Fatal(err)
	}
	average, err := l.Score(e)
	if err != nil {
		t.Fatal(err)
	}
	if !(average.Loss < there.Loss) || math.IsNaN(average.Loss) || average.Accuracy < 0.97 {
		t.Errorf("at the average %+v, where it trains %+v", average, there)
	}
}

// TestKFACLearns compares K-FAC with gradient descent of the same rate and momentum after as
// many steps.
func TestKFACLearns(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		loss := map[string]float64{}
		for _, text := range []string{"kfac(rate=0.1,damping=0.01)", "sgd(rate=0.1,momentum=0.9)"} {
			l := loop(t, network(t, dtype, 6), solver(t, text), 60)
			loss[text[:3]] = run(t, l).Loss
		}
		if !(loss["kfa"] < loss["sgd"]/2) {
			t.Errorf("%v: losses %v", dtype, loss)
		}
	}
}
