package keep

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// ProjectionConfig has the settings of [NewProjection].
type ProjectionConfig struct {
	Strength float64             `json:"strength" default:"0.5" range:"(0,1]" doc:"1 moves all the way to χ = 1"`
	Every    int                 `json:"every" default:"10" range:"[1,]" doc:"steps between scalings; the first follows the first step"`
	Schedule optimizers.Schedule `json:"schedule" default:"null" doc:"multiplies the strength; 1 if null"`
	Limit    float64             `json:"limit" default:"1.1" range:"(1,]" doc:"bound on the factor of a scaling, and on its inverse"`
	Examples int                 `json:"examples" default:"16" range:"[1,]" doc:"examples to measure χ on, at most"`
	catalogue.Given
}

// projection is critical-projection.
type projection struct {
	none
	strength
	config ProjectionConfig
	signal *Signal
}

// NewProjection returns critical-projection: at intervals of steps, with χ measured after
// the step,
//
//	W(l+1) <- W(l+1) c,   c = χ(l)^(-strength/2)  within 1/limit and limit
//
// for each layer l that χ is measured of. With strength 1 and no limit each χ would be 1, did the
// new weights not move the z of the layers above. Where χ is 0, as every unit is saturated beyond
// what the number type resolves, c is the limit.
//
// The solver is not told: its averages of gradients belong to the weights as they were. One that
// averages its steps, such as Schedule-Free, is refused. It has no state of its own.
func NewProjection(c ProjectionConfig) (Keep, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &projection{strength: strength{c.Strength, c.Every, c.Schedule}, config: c}, nil
}

// Attach adds the hook.
func (p *projection) Attach(l *train.Loop) error {
	const name = "critical-projection"
	if err := changes(name, l); err != nil {
		return err
	}
	var err error
	if p.signal, err = chiOf(name, l.Network, p.config.Examples); err != nil {
		return err
	}
	l.Hooks = append(l.Hooks, p.after(p.scale, nil))
	return nil
}

// chiOf returns what measures χ, or an error where it is that of no layer.
func chiOf(name string, n *models.Network, examples int) (*Signal, error) {
	s, err := NewSignal(n, examples)
	if err == nil && len(s.Layers) == 0 {
		err = errors.Errorf("%s: no hidden layer's output is multiplied directly by learned weights, so χ is undefined: "+
			"it works for dense layers one above the other, not for RBF and recurrent ones, nor with normalised weights or outputs", name)
	}
	return s, err
}

func (p *projection) scale(s *train.State) error {
	if err := p.signal.Measure(); err != nil {
		return err
	}
	eta := p.at(s.Step - 1)
	for i := range p.signal.Layers {
		l := &p.signal.Layers[i]
		c := math.Pow(l.Chi, -eta/2)
		if c != c { // the run has diverged, which the loop will tell
			continue
		}
		scale(l.Weight, min(max(c, 1/p.config.Limit), p.config.Limit))
	}
	return nil
}

func scale(t *tensor.Dense, c float64) {
	if t.Dtype() == tensor.Float32 {
		kernels.Scale(t.Float32s(), t.Float32s(), float32(c))
		return
	}
	kernels.Scale(t.Float64s(), t.Float64s(), c)
}
