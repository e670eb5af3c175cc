package train

import (
	"fmt"
	"math"
	"strings"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/optimizers"
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

// firstBad runs the same batch once more and returns the name of the first layer, from
// the input, whose pre-activations or activations are not all finite, "" if all are.
func (l *Loop) firstBad() (string, error) {
	layers := l.Network.Layers
	bad := make([]bool, len(layers))
	for i, layer := range layers {
		for _, n := range []*G.Node{layer.PreActivation, layer.Activation} {
			if err := l.Machine.Observe(n, func(v G.Value) { bad[i] = bad[i] || !finite(v) }); err != nil {
				return "", errors.Wrap(err, "train")
			}
			defer l.Machine.Observe(n, nil)
		}
	}
	if err := l.arithmetic(l.Machine.RunObserved); err != nil {
		return "", errors.Wrap(err, "train")
	}
	for i, b := range bad {
		if b {
			return layers[i].Name, nil
		}
	}
	return "", nil
}

// layerOf returns the name of the layer of the first parameter whose gradient is not
// finite, as the error says, "" if it does not or the parameter is no layer's.
func (l *Loop) layerOf(err error) string {
	var bad *optimizers.NonFiniteError
	if !errors.As(err, &bad) {
		return ""
	}
	for _, layer := range l.Network.Layers {
		own := strings.HasPrefix(bad.Parameter, layer.Name+"/")
		for _, p := range []*G.Node{layer.Weight, layer.Bias} { // which layers can share
			own = own || p != nil && p.Name() == bad.Parameter
		}
		if own {
			return layer.Name
		}
	}
	return ""
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
