package tasktest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	G "gorgonia.org/gorgonia"
)

// absolute is the mean of |y - t|, of which the median is the best constant answer.
type absolute struct{}

func (absolute) Node(y, t *G.Node, _ models.Shape) (*G.Node, error) {
	return G.Mean(G.Must(G.Abs(G.Must(G.Sub(y, t)))))
}

func (absolute) Of(y, t []float64, _ models.Shape) (sum float64) {
	for i := range y {
		sum += math.Abs(y[i]-t[i]) / float64(len(y))
	}
	return sum
}

// TestOwnLoss: a task with a loss from outside has the chance level of that loss. The targets
// are of an exponential distribution, of which the median is log 2, and so is the mean
// distance from it; the mean is 1, with a mean distance of 2/e.
func TestOwnLoss(t *testing.T) {
	if err := models.Losses.Add(catalogue.Row("absolute", "mean of |y - t|", func(struct{}) (models.Objective, error) { return absolute{}, nil })); err != nil {
		t.Fatal(err)
	}
	task := func(guess float64) tasks.Task {
		task, err := tasks.Endless("waiting", tasks.Generator{Inputs: 1, Outputs: 2, Loss: "absolute", Draw: func(r *rand.Rand, x, t []float64) {
			x[0], t[0], t[1] = r.NormFloat64(), r.ExpFloat64(), -r.ExpFloat64()
		}}, guess, 0.01, 1, 4000)
		if err != nil {
			t.Fatal(err)
		}
		return task
	}
	Run(t, task(math.Ln2))
	if problem := chance(task(2 / math.E)); problem == nil {
		t.Error("the chance level of the mean answer was accepted")
	}
}
