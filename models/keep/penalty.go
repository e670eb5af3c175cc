package keep

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/train"
	"github.com/gradflow/gradflow/ops"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// PenaltyConfig has the settings of [NewPenalty].
type PenaltyConfig struct {
	Strength float64             `json:"strength" default:"0.1" range:"(0,]" doc:"λ, the factor of the sum"`
	Every    int                 `json:"every" default:"20" range:"[1,]" doc:"steps between measurements of f'; the first follows the first step"`
	Schedule optimizers.Schedule `json:"schedule" default:"null" doc:"multiplies the strength; 1 if null"`
	Examples int                 `json:"examples" default:"16" range:"[1,]" doc:"examples to measure f' on, at most"`
	catalogue.Given
}

// penalty is critical-penalty.
type penalty struct {
	strength
	config PenaltyConfig
	signal *Signal
	roots  []*tensor.Dense // for each layer √(s/n), which ‖W‖ is multiplied by
	share  float64         // what the schedule multiplies the strength by
}

// NewPenalty returns critical-penalty: a term of the loss,
//
//	λ Σ (ln χ(l))²,   χ(l) = (‖W(l+1)‖²/n(l+1)) s(l),   s(l) = mean f'(z(l))²
//
// over the layers that χ is measured of. Its gradient goes through the weights W(l+1) alone: s is
// measured at intervals of steps, and constant in between; before the first measurement
// there is no term. It draws ln ‖W(l+1)‖² down its slope, which is 2 λ ln χ. The loss of steps
// includes the term, that of evaluations does not.
//
// A schedule is taken at the measurements. s is saved with the parameters, as running
// statistics are.
func NewPenalty(c PenaltyConfig) (Keep, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return &penalty{strength: strength{1, c.Every, c.Schedule}, config: c, share: 1}, nil
}

// penalised is a model with the term in its loss.
type penalised struct {
	models.Model
	strength float64
	term     *ops.Function
}

// Model adds the term.
func (p *penalty) Model(m models.Model) models.Model {
	return penalised{m, p.config.Strength, ops.FunctionOf("log-squared",
		func(r float64) float64 { return p.share * logSquared(r) },
		func(r float64) float64 { return p.share * logSlope(r) })}
}

// rootOf names the statistic √(s/n) of a layer.
func rootOf(layer string) string { return layer + "/keep" }

// Layout lays out the model, and adds the terms.
func (p penalised) Layout(b *models.Builder, x *G.Node) (*G.Node, error) {
	y, err := p.Model.Layout(b, x)
	if err != nil || !b.Training() {
		return y, err
	}
	hidden := slices.DeleteFunc(b.Layers(), func(l models.Layer) bool { return l.Function == "" })
	for _, l := range hidden {
		for _, w := range b.Readers(l.Activation) {
			if !slices.ContainsFunc(hidden, func(above models.Layer) bool { return above.Weight == w }) {
				continue
			}
			if err := p.add(b, l.Name, w); err != nil {
				return nil, errors.Wrap(err, "critical-penalty")
			}
			break
		}
	}
	return y, nil
}

// add adds the term of a layer and the weights above it.
func (p penalised) add(b *models.Builder, layer string, w *G.Node) error {
	root, err := b.Statistic(rootOf(layer), 0, 1)
	if err != nil {
		return err
	}
	r, err := ops.RowScaledNorm(root, w) // √χ
	if err != nil {
		return err
	}
	term, err := ops.Pointwise(p.term, r)
	if err != nil {
		return err
	}
	b.Penalise("critical-penalty of "+layer, p.strength, term)
	return nil
}

// logSquared is (ln χ)² of r = √χ; 0 where nothing has been measured, and where r is so small
// that the slope would leave the range of float32.
func logSquared(r float64) float64 {
	if r < least {
		return 0
	}
	l := 2 * math.Log(r)
	return l * l
}

func logSlope(r float64) float64 {
	if r < least {
		return 0
	}
	return 8 * math.Log(r) / r
}

const least = 1e-15

// Attach adds the hook that measures.
func (p *penalty) Attach(l *train.Loop) error {
	var err error
	if p.signal, err = chiOf("critical-penalty", l.Network, p.config.Examples); err != nil {
		return err
	}
	for _, layer := range p.signal.Layers {
		root := l.Network.Parameters.Tensor(rootOf(layer.Name))
		if root == nil {
			return errors.New("critical-penalty: the network's loss lacks the term: build what Keep.Model returns")
		}
		p.roots = append(p.roots, root)
	}
	l.Hooks = append(l.Hooks, p.after(p.measure, p))
	return nil
}

func (p *penalty) measure(s *train.State) error {
	if err := p.signal.Measure(); err != nil {
		return err
	}
	p.share = p.at(s.Step - 1)
	for i, l := range p.signal.Layers {
		root := math.Sqrt(l.Slope / float64(l.Weight.Shape()[1]))
		if t := p.roots[i]; t.Dtype() == tensor.Float32 {
			t.Float32s()[0] = float32(root)
		} else {
			t.Float64s()[0] = root
		}
	}
	return nil
}

// MarshalBinary saves the schedule's factor.
func (p *penalty) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(p.share)), nil
}

// UnmarshalBinary loads what MarshalBinary saved.
func (p *penalty) UnmarshalBinary(data []byte) error {
	if len(data) != 8 {
		return errors.Errorf("critical-penalty: a state of %d bytes, want 8", len(data))
	}
	p.share = math.Float64frombits(binary.LittleEndian.Uint64(data))
	return nil
}
