package keep

import (
	"bytes"
	"encoding/gob"
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// HomeostasisConfig has the settings of [NewHomeostasis].
type HomeostasisConfig struct {
	Strength  float64             `json:"strength" default:"0.1" range:"(0,1]" doc:"1 moves all the way to the target"`
	Every     int                 `json:"every" default:"10" range:"[1,]" doc:"steps between changes; the first follows the first step"`
	Schedule  optimizers.Schedule `json:"schedule" default:"null" doc:"multiplies the strength; 1 if null"`
	Mean      float64             `json:"mean" default:"0" doc:"target of each unit's mean pre-activation"`
	Deviation float64             `json:"deviation" default:"1" range:"(0,]" doc:"target of its standard deviation over examples"`
	Limit     float64             `json:"limit" default:"1.1" range:"(1,]" doc:"bound on the factor of a change, and on its inverse"`
	Rho       float64             `json:"rho" default:"0.9" range:"[0,1)" doc:"decay of the running means of the measurements"`
	Examples  int                 `json:"examples" default:"32" range:"[2,]" doc:"examples to measure the units on, at most"`
	catalogue.Given
}

// homeostasis is the keep, and the memory of its hook.
type homeostasis struct {
	none
	strength
	config HomeostasisConfig
	signal *Signal
	state  homeostasisState

	factors []float64 // of one layer's columns
}

// homeostasisState is what is remembered: running means of each unit's z and z², by layer.
type homeostasisState struct {
	Measured       int
	Means, Moments [][]float64
}

// NewHomeostasis returns homeostasis: at intervals of steps, each unit of a hidden layer with
// the mean m and the standard deviation s of its pre-activation z = x·w + b has its gain and its
// bias changed,
//
//	c = (deviation/s)^strength  within 1/limit and limit
//	w <- c w
//	b <- c b + strength (mean - c m)
//
// so that the deviation goes the share strength of the way, on a logarithmic scale, to its target,
// and the mean the same share from c m. m and s² + m² are running means over the measurements,
// which follow the change; the first are the first measured. A unit whose s is 0 keeps its weights.
// Without a bias only the gain changes.
//
// It works for hidden layers whose z no normalisation changes, and whose activation has one column
// for each unit of x·W + b: not for RBF, recurrent and pre-activation residual networks. The solver
// is not told of the changes, and one that averages its steps is refused. The running means are
// saved with the run.
func NewHomeostasis(c HomeostasisConfig) (Keep, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &homeostasis{strength: strength{c.Strength, c.Every, c.Schedule}, config: c}, nil
}

// Attach adds the hook.
func (h *homeostasis) Attach(l *train.Loop) error {
	const name = "homeostasis"
	if err := changes(name, l); err != nil {
		return err
	}
	var err error
	if h.signal, err = NewSignal(l.Network, h.config.Examples); err != nil {
		return err
	}
	if len(h.signal.Units) == 0 {
		return errors.Errorf("%s: no hidden layer is f(x·W + b) without a normalisation before f: "+
			"it works for dense layers, not for RBF, recurrent and pre-activation residual ones", name)
	}
	for _, u := range h.signal.Units {
		h.state.Means = append(h.state.Means, make([]float64, len(u.Mean)))
		h.state.Moments = append(h.state.Moments, make([]float64, len(u.Mean)))
	}
	l.Hooks = append(l.Hooks, h.after(h.change, h))
	return nil
}

func (h *homeostasis) change(s *train.State) error {
	if err := h.signal.Measure(); err != nil {
		return err
	}
	share := 1 - h.config.Rho
	if h.state.Measured == 0 {
		share = 1
	}
	h.state.Measured++
	strength := h.at(s.Step - 1)
	for i := range h.signal.Units {
		u, means, moments := &h.signal.Units[i], h.state.Means[i], h.state.Moments[i]
		h.factors = h.factors[:0]
		for j, m := range u.Mean {
			h.factors = append(h.factors, 1)
			means[j] += share * (m - means[j])
			moments[j] += share * (u.Deviation[j]*u.Deviation[j] + m*m - moments[j])
			deviation, c := math.Sqrt(max(0, moments[j]-means[j]*means[j])), 1.
			if deviation > 0 {
				c = min(max(math.Pow(h.config.Deviation/deviation, strength), 1/h.config.Limit), h.config.Limit)
			}
			if c-c != 0 || means[j]-means[j] != 0 { // the run has diverged, which the loop will tell
				continue
			}
			h.factors[j] = c
			shift := 0.
			if u.Bias != nil {
				shift = strength * (h.config.Mean - c*means[j])
				addToBias(u.Bias, j, c, shift)
			}
			// What the measurements would have been after the change.
			variance := max(0, moments[j]-means[j]*means[j]) * c * c
			means[j] = c*means[j] + shift
			moments[j] = variance + means[j]*means[j]
		}
		scaleColumns(u.Weight, h.factors)
	}
	return nil
}

// scaleColumns multiplies each column of W by its factor.
func scaleColumns(w *tensor.Dense, factors []float64) {
	if w.Dtype() == tensor.Float32 {
		multiply(w.Float32s(), factors)
		return
	}
	multiply(w.Float64s(), factors)
}

func multiply[F float32 | float64](x []F, factors []float64) {
	for at := 0; at < len(x); at += len(factors) {
		row := x[at : at+len(factors)]
		for j, c := range factors {
			row[j] *= F(c)
		}
	}
}

// addToBias sets b to c b + shift.
func addToBias(b *tensor.Dense, j int, c, shift float64) {
	if b.Dtype() == tensor.Float32 {
		b.Float32s()[j] = float32(c*float64(b.Float32s()[j]) + shift)
		return
	}
	b.Float64s()[j] = c*b.Float64s()[j] + shift
}

// MarshalBinary saves the running means.
func (h *homeostasis) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(h.state)
	return b.Bytes(), errors.Wrap(err, "homeostasis")
}

// UnmarshalBinary loads what MarshalBinary saved.
func (h *homeostasis) UnmarshalBinary(data []byte) error {
	var state homeostasisState
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&state); err != nil {
		return errors.Wrap(err, "homeostasis")
	}
	if len(state.Means) != len(h.state.Means) || len(state.Moments) != len(h.state.Means) {
		return errors.Errorf("homeostasis: the state of %d layers, where there are %d", len(state.Means), len(h.state.Means))
	}
	for i, m := range h.state.Means {
		if len(state.Means[i]) != len(m) || len(state.Moments[i]) != len(m) {
			return errors.Errorf("homeostasis: the state of %d units in layer %d, where there are %d", len(state.Means[i]), i+1, len(m))
		}
	}
	h.state = state
	return nil
}
