package profile

import (
	"context"
	"math"
	"slices"

	"github.com/gradflow/gradflow/bench/probe"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
	"github.com/pkg/errors"
)

// Profile is a network seen layer by layer.
type Profile struct {
	Config record.Config `json:"config"`
	Start  []Layer       `json:"start"`
	// Trained is the network before the last of the steps; empty without steps, or if the
	// run diverged before.
	Trained []Layer      `json:"trained,omitempty"`
	Steps   int          `json:"steps"` // done
	Status  train.Status `json:"status,omitempty"`
	Reason  string       `json:"reason,omitempty"`
	// ZeroGradient says why the gradient is exactly 0 in a layer at initialisation; nil if it is in
	// none.
	ZeroGradient *record.ZeroGradient `json:"zero_gradient,omitempty"`
	// Theory is that of the fixed point of a plain network; nil if there is none for it.
	Theory *Theory `json:"theory,omitempty"`
	// NoPrediction says why theory predicts nothing of the layers; "": it does.
	NoPrediction string `json:"no_prediction,omitempty"`
	// Sampled says that the predictions are Monte Carlo averages, with an error of about a
	// percent in each layer.
	Sampled bool `json:"sampled,omitempty"`
	// Jacobian is that of single examples, from the first hidden layer to the last; nil: not
	// measured.
	Jacobian *Jacobian `json:"jacobian,omitempty"`
}

// Layer is one layer, from the input on; the output layer is the last.
type Layer struct {
	Name                   string        `json:"layer"`
	PreActivationMean      record.Number `json:"pre_activation_mean"`
	PreActivationStd       record.Number `json:"pre_activation_std"`
	Saturated              record.Number `json:"saturated"` // share of the units
	Gradient               record.Number `json:"log10_gradient"`
	WeightGradient         record.Number `json:"log10_weight_gradient"`
	Update                 record.Number `json:"log10_update_ratio"` // of the step that follows; null if none does
	ZeroGradient           record.Number `json:"zero_gradient"`      // share of exact zeros
	Chi                    record.Number `json:"chi_measured"`       // from the layer above to this one
	PredictedChi           record.Number `json:"chi_predicted"`
	PredictedPreActivation record.Number `json:"pre_activation_std_predicted"`
	// Decorrelation is log10(1-c) of two examples' pre-activations, GradientDecorrelation of
	// their gradients: see probe.Decorrelation.
	Decorrelation          record.Number `json:"decorrelation_log10"`
	PredictedDecorrelation record.Number `json:"decorrelation_predicted_log10"`
	GradientDecorrelation  record.Number `json:"gradient_decorrelation_log10"`
	// Others are the quantities that a program has added to probe.Catalogue, by name.
	Others map[string]record.Number `json:"quantities,omitempty"`
}

// Theory is what mean field theory says of the network's start.
type Theory struct {
	WeightVariance record.Number `json:"weight_variance"` // σ_w², the median of the hidden layers'
	BiasVariance   record.Number `json:"bias_variance"`   // σ_b², the same
	Q              record.Number `json:"q_star"`
	Chi1           record.Number `json:"chi1"`
	Xi             record.Number `json:"xi_gradient"`
	Phase          string        `json:"phase"`
	Critical       record.Number `json:"critical_weight_variance"` // with these biases; null if there is none
	NoCritical     string        `json:"no_critical,omitempty"`    // why
}

// Measure builds the network of a configuration, runs a batch, and trains it for
// steps updates, 0 for none. Of the configuration, Steps, Evaluate and Probe are not
// used.
func Measure(ctx context.Context, c record.Config, steps int) (*Profile, error) {
	p, err := measure(ctx, c, steps)
	if err != nil {
		return nil, err
	}
	return p, p.predict()
}

// Look is [Measure] without steps and without theory, which takes longer than the measurement.
func Look(ctx context.Context, c record.Config) (*Profile, error) {
	p, err := measure(ctx, c, 0)
	if err == nil {
		p.NoPrediction = "it was not asked for"
	}
	return p, err
}

func measure(ctx context.Context, c record.Config, steps int) (*Profile, error) {
	if steps < 0 {
		return nil, errors.Errorf("%d steps: must be at least 0", steps)
	}
	var r *record.Record
	var err error
	if steps == 0 {
		r, err = study.Look(ctx, c)
	} else {
		// The probes see a step before it is made: one more is made.
		c.Steps, c.Evaluate, c.Probe = steps+1, steps+1, 1
		r, err = study.Execute(ctx, c, nil)
	}
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, ctx.Err()
	}
	p := &Profile{Config: c, Steps: min(steps, r.Summary.Steps), ZeroGradient: r.Summary.ZeroGradient}
	if steps > 0 {
		p.Status, p.Reason = r.Summary.Status, r.Summary.Reason
		if r.Summary.Layer != "" {
			p.Reason += ", first in " + r.Summary.Layer
		}
	}
	if r.Layers == nil {
		return nil, errors.Errorf("nothing could be measured: %s", r.Summary.Reason)
	}
	probed := r.Layers.Steps()
	p.Start = layers(r, 0)
	if steps > 0 && probed[len(probed)-1] == steps {
		p.Trained = layers(r, len(probed)-1)
	}
	return p, nil
}

// layers reads the layers of one probed step.
func layers(r *record.Record, sample int) []Layer {
	quantity := func(q probe.Quantity) []float64 { return r.Layers.Quantity(q)[sample] }
	nan := record.Number(math.NaN())
	list := make([]Layer, len(r.Summary.LayerNames))
	for i := range list {
		at := func(q probe.Quantity) record.Number { return record.Number(quantity(q)[i]) }
		l := Layer{Name: r.Summary.LayerNames[i],
			PreActivationMean: at(probe.PreActivationMean), PreActivationStd: at(probe.PreActivationDeviation),
			Saturated: at(probe.Saturated), Gradient: at(probe.PreActivationGradient),
			WeightGradient: at(probe.WeightGradient), Update: at(probe.Update), ZeroGradient: at(probe.ZeroGradient),
			Chi: record.Number(math.Pow(10, float64(at(probe.Chi)))), PredictedChi: nan, PredictedPreActivation: nan,
			Decorrelation: at(probe.Decorrelation), PredictedDecorrelation: nan, GradientDecorrelation: at(probe.GradientDecorrelation)}
		for _, name := range r.Layers.Columns {
			if slices.Contains(probe.Names, name) || name == record.StepColumn || name == record.LayerColumn {
				continue
			}
			if l.Others == nil {
				l.Others = map[string]record.Number{}
			}
			l.Others[name] = at(probe.Quantity(name))
		}
		list[i] = l
	}
	return list
}

// OwnQuantity is a quantity that a program has added to probe.Catalogue, with a column in
// the table of layers.
type OwnQuantity struct{ Name, Head, Unit string }

// OwnQuantities returns those that have a column, in the order of the catalogue.
func OwnQuantities() (list []OwnQuantity) {
	for _, name := range probe.Catalogue.Names() {
		if slices.Contains(probe.Names, name) {
			continue
		}
		if m, err := probe.Catalogue.Make(catalogue.Choice{Name: name}); err == nil && m.Head != "" {
			list = append(list, OwnQuantity{name, m.Head, m.Unit})
		}
	}
	return list
}

// Decades returns how many powers of ten the norm of the gradient of the
// pre-activations loses from the output layer to the first: +Inf where it arrives as 0.
func Decades(layers []Layer) float64 {
	return float64(layers[len(layers)-1].Gradient - layers[0].Gradient)
}

// Decorrelation returns log10(1-c) of the examples in the last hidden layer: see
// probe.Decorrelation.
func Decorrelation(layers []Layer) record.Number {
	return layers[max(0, len(layers)-2)].Decorrelation
}
