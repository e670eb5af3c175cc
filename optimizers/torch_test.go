package optimizers

import (
	"encoding/json"
	"os"
	"testing"
)

// recorded is testdata/torch.json, which testdata/trajectories.py wrote.
type recorded struct {
	Torch     string
	Start     []float64
	Gradients [][]float64
	Cases     []struct {
		Call, Optimizer string
		Values          [][]float64
	}
}

func readRecorded(t testing.TB) (r recorded) {
	data, err := os.ReadFile("testdata/torch.json")
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The values of each weight, over 48 gradients of 12 decades, are PyTorch's.
func TestTorch(t *testing.T) {
	r := readRecorded(t)
	for _, c := range r.Cases {
		for _, typ := range types {
			t.Run(c.Optimizer+"/"+typ.dt.String(), func(t *testing.T) {
				o := mustMake(t, c.Optimizer)
				p := newParameter("layer00/weight", typ.dt, r.Start, 2, 4)
				largest := make([]float64, len(r.Start)) // what the rounding of w is relative to
				for step, g := range r.Gradients {
					set(p.grad, g)
					mustStep(t, o, p)
					for i, got := range get(p.value) {
						want := c.Values[step][i]
						largest[i] = max(largest[i], want, -want)
						if !near(got-want+largest[i], largest[i], typ.tol) {
							t.Fatalf("step %d, weight %d: %g, want %g of %s (PyTorch %s)", step, i, got, want, c.Call, r.Torch)
						}
					}
				}
			})
		}
	}
}
