package initializers

import "github.com/gradflow/gradflow/catalogue"

// Catalogue has the initialisers that text can ask for by name.
var Catalogue = catalogue.New("initializer",
	row("lecun-normal", "N(0, gain²/fan-in)", LeCunNormal),
	row("lecun-uniform", "U(-a, a) of variance gain²/fan-in", LeCunUniform),
	row("glorot-normal", "N(0, 2gain²/(fan-in + fan-out))", GlorotNormal).Cite("glorot2010"),
	row("glorot-uniform", "U(-a, a) of variance 2gain²/(fan-in + fan-out)", GlorotUniform).Cite("glorot2010"),
	row("he-normal", "N(0, 2gain²/fan-in)", HeNormal).Cite("he2015"),
	row("he-uniform", "U(-a, a) of variance 2gain²/fan-in", HeUniform).Cite("he2015"),
	catalogue.Row("gaussian", "N(0, σ_w²/fan-in), and biases from N(0, σ_b²)", Gaussian),
	catalogue.Row("orthogonal", "a random orthogonal matrix times gain", OrthogonalWith).Cite("saxe2013"),
	row("identity", "the identity times gain", Identity).Cite("le2015"),
	catalogue.Row("sparse", "N(0, gain²) for some inputs of each unit, 0 for the others", Sparse),
	catalogue.Row("gain", "N(0, g²/fan-in) with the nonlinearity's gain g = 1/√E[f²]", func(struct{}) (Initializer, error) { return Gain(), nil }),
	catalogue.Row("critical", "N(0, σ²/fan-in) with the critical σ² of mean-field theory", func(c CriticalConfig) (Initializer, error) { return Critical(c) }).Cite("schoenholz2017"),
	catalogue.Row("lsuv", "orthogonal, then scaled so that each layer's pre-activations have variance 1 on a batch", func(c LSUVConfig) (Initializer, error) { return LSUV(c) }).Cite("mishkin2015"),
	catalogue.Row("chi", "orthogonal, then scaled so that each layer keeps the squared gradient on a batch", func(c ChiConfig) (Initializer, error) { return Chi(c) }),
	catalogue.Row("looks-linear", "mirrored pairs of units, with which ReLU and softplus networks start linear", func(c LooksLinearConfig) (Initializer, error) { return LooksLinear(c) }).Cite("balduzzi2017"),
	catalogue.Row("fixed-point", "identity plus a little noise, N(0, noise²/fan-in): for narrow and deep tanh networks", FixedPoint).Cite("lee2025"),
)

type settings struct {
	Gain float64 `json:"gain" default:"1" doc:"factor of the weights"`
}

func row(name, doc string, make func(gain float64) Initializer) catalogue.Entry[Initializer] {
	return catalogue.Row(name, doc, func(s settings) (Initializer, error) {
		if !(s.Gain > 0) {
			return nil, catalogue.Invalid("gain", "%g: must be positive", s.Gain)
		}
		return make(s.Gain), nil
	})
}
