package train

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// exploded tells why a loss means that the run has diverged, "" if it does not.
func exploded(loss, first float64) string {
	switch {
	case math.IsNaN(loss) || math.IsInf(loss, 0):
		return fmt.Sprintf("the loss is %g", loss)
	case loss > ExplodedFactor*max(1, first):
		return fmt.Sprintf("the loss rose from %.4g to %.4g", first, loss)
	}
	return ""
}

// diverged ends a run, and runs the same batch once more to find the layer.
func (l *Loop) diverged(step int, loss float64, reason string) (Result, error) {
	layer, err := l.firstBad()
	return Result{Status: Diverged, Steps: step, Loss: loss, Reason: reason, Layer: layer}, err
}

// firstBad returns the name of the first layer, from the input, whose
// pre-activations or activations are not all finite; if all are, of the first in whose
// gradients or parameters something is not.
func (l *Loop) firstBad() (string, error) {
	layers := l.Network.Layers
	values := make([]bool, len(layers))
	gradients := make([]bool, len(layers))
	observe := func(n *G.Node, bad *bool) error {
		return l.Machine.Observe(n, func(v G.Value) { *bad = *bad || !finite(v) })
	}
	for i, layer := range layers {
		seen := []*G.Node{layer.PreActivation}
		if layer.Activation != layer.PreActivation {
			seen = append(seen, layer.Activation)
		}
		for _, n := range seen {
			if err := observe(n, &values[i]); err != nil {
				return "", errors.Wrap(err, "train")
			}
			defer l.Machine.Observe(n, nil)
		}
		if d := layer.PreActivation.Deriv(); d != nil {
			if err := observe(d, &gradients[i]); err != nil {
				return "", errors.Wrap(err, "train")
			}
			defer l.Machine.Observe(d, nil)
		}
	}
	if err := l.Machine.RunObserved(); err != nil {
		return "", errors.Wrap(err, "train")
	}
	for i, layer := range layers {
		for _, p := range []*G.Node{layer.Weight, layer.Bias} {
			if p == nil {
				continue
			}
			d, err := p.Grad()
			if err != nil {
				return "", errors.Wrap(err, "train")
			}
			gradients[i] = gradients[i] || !finite(p.Value()) || !finite(d)
		}
	}
	for _, bad := range [][]bool{values, gradients} {
		for i, b := range bad {
			if b {
				return layers[i].Name, nil
			}
		}
	}
	return "", nil
}

func finite(v G.Value) bool {
	switch v := v.(type) {
	case *tensor.Dense:
		if v.Dtype() == tensor.Float32 {
			return allFinite(v.Float32s())
		}
		return allFinite(v.Float64s())
	default:
		x := scalar(v)
		return x-x == 0
	}
}

func allFinite[F kernels.Float](x []F) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
