package activations

import "github.com/gradflow/gradflow/internal/catalogue"

// Catalogue has the activations that text can ask for by name.
var Catalogue = catalogue.New("activation",
	row("identity", "z: a deep linear network", Identity),
	row("tanh", "tanh z", Tanh),
	row("scaled-tanh", "1.7159 tanh(2z/3), LeCun's", ScaledTanh),
	row("sigmoid", "1/(1 + e^-z)", Sigmoid),
	row("softplus", "log(1 + e^z)", Softplus),
	row("gaussian", "e^(-z²), the radial basis function of one variable", Gaussian),
	row("relu", "max(z, 0), the baseline", ReLU),
	catalogue.Row("dks", "deep kernel shaping of another activation, for a network's depth", makeDKS),
	catalogue.Row("tat", "tailored transformation of another activation, for a network's depth", makeTAT),
	catalogue.Row("tailored-relu", "leaky rectifier with its slope tailored to a network's depth", makeTailoredReLU),
)

func row(name, doc string, make func() Activation) catalogue.Entry[Activation] {
	return catalogue.Row(name, doc, func(struct{}) (Activation, error) { return make(), nil })
}
