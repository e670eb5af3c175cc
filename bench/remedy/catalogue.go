package remedy

import (
	"maps"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
)

// Remedy changes a network in one respect.
type Remedy struct {
	Kind Kind
	// Change returns the values of axes that it gives the network, as a study file writes
	// them: {"normalization": "layer-norm"}. It is nil if the remedy does not apply.
	Change func(c record.Config) map[string]any
}

// Kind is what a remedy changes. Those of different kinds can be combined.
type Kind string

const (
	Start     Kind = "start"     // the first weights
	Shape     Kind = "shape"     // of the nonlinearity, with the start that goes with it
	Norm      Kind = "norm"      // and where it stands
	Shortcut  Kind = "shortcut"  // around layers
	Scale     Kind = "scale"     // learned factors
	Keep      Kind = "keep"      // what the training loop keeps of the signal
	Optimizer Kind = "optimizer" // of the plain network
)

// Catalogue has the remedies that are tried, in this order where there is not time for all.
var Catalogue = catalogue.New("remedy",
	row("residual", "blocks x + F(x)", Shortcut, dense(map[string]any{"model": "residual"})),
	row("pre-norm residual, 1/L", "x + F(norm x)/L, a full shortcut and branches that fit any depth", Shortcut,
		dense(map[string]any{"model": "residual(scale=inverse-depth)", "normalization": "layer-norm"})),
	row("layer norm after f", "of each example over the units", Norm, dense(map[string]any{"normalization": "layer-norm(placement=after)"})),
	row("DKS", "the nonlinearity shaped for the depth", Shape, shaped("dks", "lecun-normal")),
	row("batch norm", "of each unit over the batch, before f", Norm, dense(map[string]any{"normalization": "batch-norm"})),
	row("highway", "gated shortcuts", Shortcut, dense(map[string]any{"model": "highway"})),
	row("batch norm + working point", "gamma and beta start where f is nearly linear", Norm, dense(map[string]any{"normalization": "batch-norm(working-point=true)"})),
	row("critical start", "weights of the variance at which theory keeps the gradient", Start, dense(map[string]any{"initializer": "critical"})),
	row("kept critical", "weights rescaled in training so that each layer keeps the gradient", Keep, dense(map[string]any{"keep": "critical-projection"})),
	row("distances standardised", "RBF: squared distances to variance 1", Norm, rbf(map[string]any{"normalization": "distance-standardize"})),
	row("far centers", "RBF: distances standardised, units nearly linear, centers far from each other", Norm, farCenters),
	row("distances scaled", "RBF: squared distances over their mean", Norm, rbf(map[string]any{"normalization": "distance-scale"})),
	row("residual, scaled by depth", "blocks x + F(x)/√L with f inside", Shortcut, dense(map[string]any{"model": "residual(order=inside,scale=by-depth)"})),
	row("layer norm before f", "of each example over the units", Norm, dense(map[string]any{"normalization": "layer-norm"})),
	row("layer norm + working point", "of each example, gamma and beta start critical, with orthogonal weights", Norm, dense(map[string]any{"normalization": "layer-norm(working-point=true)", "initializer": "orthogonal"})),
	row("irprop-minus", "the sign of the gradient, with steps that adapt", Optimizer, dense(map[string]any{"optimizer": "irprop-minus"})),
	row("smorms3", "rates that adapt to each weight", Optimizer, dense(map[string]any{"optimizer": "smorms3"})),
	row("rmsprop", "the gradient over its root mean square", Optimizer, dense(map[string]any{"optimizer": "rmsprop"})),
	row("TAT", "the nonlinearity tailored for the depth", Shape, shaped("tat", "lecun-normal")),
	row("Gaussian-Poincaré", "a·f + b that keeps variance and gradient", Shape, shaped("gaussian-poincare", "orthogonal")),
	row("orthogonal start", "random orthogonal weights", Start, dense(map[string]any{"initializer": "orthogonal"})),
	row("looks-linear start", "mirrored pairs of units", Start, dense(map[string]any{"initializer": "looks-linear"})),
	row("χ start", "weights scaled on data to keep the gradient", Start, dense(map[string]any{"initializer": "chi"})),
	row("batch norm after f", "of each unit over the batch", Norm, dense(map[string]any{"normalization": "batch-norm(placement=after)"})),
	row("RMS norm after f", "mean square of each example", Norm, dense(map[string]any{"normalization": "rms-norm(placement=after)"})),
	row("LSUV start", "weights scaled on data to variance 1", Start, dense(map[string]any{"initializer": "lsuv"})),
	row("fixed-point start", "the identity and a little noise", Start, dense(map[string]any{"initializer": "fixed-point"})),
	row("homeostasis", "each unit's pre-activation drawn to mean 0 and variance 1", Keep, dense(map[string]any{"keep": "homeostasis"})),
	row("auxiliary losses", "readouts with the loss at inner layers", Keep, dense(map[string]any{"keep": "auxiliary-losses"})),
	row("direct feedback", "the error sent to each layer by a random matrix", Keep, dense(map[string]any{"keep": "direct-feedback"})),
	row("learned scale", "a·f(z), a learned by each layer", Scale, learned),
	row("K-FAC", "gradients preconditioned by a factored curvature", Optimizer, dense(map[string]any{"optimizer": "kfac"})),
	row("weight norm", "each unit's weights as length times direction", Norm, dense(map[string]any{"normalization": "weight-norm"})),
	row("vsgd-fd", "rates from the gradient's variance and curvature", Optimizer, dense(map[string]any{"optimizer": "vsgd-fd"})),
)

func row(name, doc string, kind Kind, change func(record.Config) map[string]any) catalogue.Entry[Remedy] {
	return catalogue.Row(wordOf(name), doc, func(struct{}) (Remedy, error) { return Remedy{kind, change}, nil })
}

// dense makes a change of networks that are not RBF ones, unless it changes nothing, or what
// the network has of its own accord: a network that is residual already gets no shortcut.
func dense(change map[string]any) func(record.Config) map[string]any {
	return func(c record.Config) map[string]any {
		_, model := change["model"]
		_, norm := change["normalization"]
		_, keep := change["keep"]
		switch {
		case c.Model.Name == "rbf":
			if _, ok := change["optimizer"]; ok {
				return change
			}
			return nil
		case model && c.Model.Name != "mlp", norm && c.Normalization.Name != "none",
			keep && c.Keep.Name != "" && c.Keep.Name != "none":
			return nil
		}
		return change
	}
}

func rbf(change map[string]any) func(record.Config) map[string]any {
	return func(c record.Config) map[string]any {
		if c.Model.Name != "rbf" || c.Normalization.Name != "none" {
			return nil
		}
		return change
	}
}

// farCenters gives an RBF network standardised distances, units that are nearly linear, and
// centers far from each other, as the study rbf-deep has them; its other settings stay.
func farCenters(c record.Config) map[string]any {
	change := rbf(map[string]any{"normalization": "distance-standardize"})(c)
	if change != nil {
		model := catalogue.Choice{Name: c.Model.Name, Settings: maps.Clone(c.Model.Settings)}
		if model.Settings == nil {
			model.Settings = map[string]any{}
		}
		model.Settings["kappa"], model.Settings["center-variance"] = 0.4, 10.
		change["model"] = model
	}
	return change
}

// shaped wraps the network's own nonlinearity.
func shaped(method, initializer string) func(record.Config) map[string]any {
	return func(c record.Config) map[string]any {
		if c.Model.Name != "mlp" || c.Activation.Name == method {
			return nil
		}
		return map[string]any{
			"activation":  catalogue.Choice{Name: method, Settings: map[string]any{"of": c.Activation}},
			"initializer": initializer,
		}
	}
}

func learned(c record.Config) map[string]any {
	if c.Model.Name == "rbf" || c.Activation.Name == "scaled" {
		return nil
	}
	return map[string]any{"activation": catalogue.Choice{Name: "scaled", Settings: map[string]any{"of": c.Activation, "learn": "layer"}}}
}
