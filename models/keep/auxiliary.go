package keep

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// AuxiliaryConfig has the settings of [NewAuxiliary].
type AuxiliaryConfig struct {
	Strength float64             `json:"strength" default:"0.3" range:"(0,]" doc:"factor of each readout's loss"`
	Every    int                 `json:"every" default:"5" range:"[1,]" doc:"layers from one readout to the next, counted from the input"`
	Schedule optimizers.Schedule `json:"schedule" default:"null" doc:"multiplies the strength, so that the losses can fade; 1 if null"`
	catalogue.Given
}

// auxiliary is auxiliary-losses.
type auxiliary struct {
	config AuxiliaryConfig
	share  float64 // what the schedule multiplies the strength by in this step
}

// NewAuxiliary returns auxiliary-losses, deep supervision: linear readouts at hidden layers l,
// each with the loss L of the network itself,
//
//	L(y) + λ s(t) Σ_l L(f(z(l))·R(l) + c(l))
//
// at every fifth hidden layer but the last one, or in the middle of a network of fewer. A layer's gradient then comes from a readout a
// few layers above, whatever becomes of the output's. With a schedule s that falls to 0 the
// network ends on its own loss. Readouts start from LeCun's normal weights; they are learned,
// and saved, with the network, and not evaluated: scores are the output's alone. The loss of
// steps includes the terms.
//
// It is for networks whose hidden layers answer for whole examples: not for sequences.
//
// Sources: C.-Y. Lee et al.: Deeply-supervised nets, arXiv 1409.5185, equation 3, without its
// threshold γ; C. Szegedy et al.: Going deeper with convolutions, arXiv 1409.4842, for the
// factor 0.3.
func NewAuxiliary(c AuxiliaryConfig) (Keep, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	a := &auxiliary{config: c, share: 1}
	if c.Schedule != nil {
		a.share = c.Schedule.Factor(0)
	}
	return a, nil
}

// Model adds the readouts.
func (a *auxiliary) Model(m models.Model) models.Model {
	return supervised{m, a.config, ops.FunctionOf("fade",
		func(loss float64) float64 { return a.share * loss },
		func(float64) float64 { return a.share })}
}

// Attach adds the hook that follows the schedule.
func (a *auxiliary) Attach(l *train.Loop) error {
	if a.config.Schedule != nil {
		l.Hooks = append(l.Hooks, train.Hook{When: train.Every(1), After: a.fade, Memory: a})
	}
	return nil
}

// fade sets the factor of the next step.
func (a *auxiliary) fade(s *train.State) error {
	a.share = a.config.Schedule.Factor(s.Step)
	return nil
}

// MarshalBinary saves the schedule's factor.
func (a *auxiliary) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(a.share)), nil
}

// UnmarshalBinary loads what MarshalBinary saved.
func (a *auxiliary) UnmarshalBinary(data []byte) error {
	if len(data) != 8 {
		return errors.Errorf("auxiliary-losses: a state of %d bytes, want 8", len(data))
	}
	a.share = math.Float64frombits(binary.LittleEndian.Uint64(data))
	return nil
}

// supervised is a model with the readouts' losses.
type supervised struct {
	models.Model
	config AuxiliaryConfig
	fade   *ops.Function
}

// Layout lays out the model, and adds the terms.
func (s supervised) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	y, err := s.Model.Layout(b, x)
	if err != nil || !b.Training() {
		return y, err
	}
	shape := b.Shape()
	if shape.Steps > 0 {
		return nil, errors.New("auxiliary-losses: the layers of a network for sequences answer for time steps, not for examples: it is for other tasks")
	}
	hidden := slices.DeleteFunc(b.Layers(), func(l models.Layer) bool { return l.Function == "" })
	objective, err := shape.Loss.Objective()
	if err != nil {
		return nil, errors.Wrap(err, "auxiliary-losses")
	}
	if len(hidden) < 2 {
		return nil, errors.New("auxiliary-losses: the network has no hidden layer but the last: it is for deeper ones")
	}
	every := min(s.config.Every, len(hidden)/2)
	for i, l := range hidden[:len(hidden)-1] {
		if (i+1)%every != 0 {
			continue
		}
		if err := s.add(b, objective, l); err != nil {
			return nil, errors.Wrapf(err, "auxiliary-losses: %s", l.Name)
		}
	}
	return y, nil
}

func (s supervised) add(b *models.Builder, objective models.Objective, l models.Layer) error {
	shape := b.Shape()
	name := l.Name + "/auxiliary"
	w, err := b.Parameter(name+"/weight", initializers.LeCunNormal(1), l.Activation.Shape()[1], shape.Outputs)
	if err != nil {
		return err
	}
	bias, err := b.Parameter(name+"/bias", nil, shape.Outputs)
	if err != nil {
		return err
	}
	answer, err := ops.Affine(l.Activation, w, bias)
	if err != nil {
		return err
	}
	loss, err := objective.Node(answer, b.Target(), shape)
	if err != nil {
		return err
	}
	term, err := ops.Pointwise(s.fade, loss)
	if err != nil {
		return err
	}
	b.Penalise(name, s.config.Strength, term)
	return nil
}
