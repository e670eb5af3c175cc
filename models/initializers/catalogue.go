package initializers

import "github.com/gradflow/gradflow/internal/catalogue"

// Catalogue has the initialisers that text can ask for by name.
var Catalogue = catalogue.New("initializer",
	row("lecun-normal", "N(0, gain²/fan-in)", LeCunNormal),
	row("lecun-uniform", "U(-a, a) of variance gain²/fan-in", LeCunUniform),
	row("glorot-normal", "N(0, 2gain²/(fan-in + fan-out))", GlorotNormal),
	row("glorot-uniform", "U(-a, a) of variance 2gain²/(fan-in + fan-out)", GlorotUniform),
	row("he-normal", "N(0, 2gain²/fan-in)", HeNormal),
	row("he-uniform", "U(-a, a) of variance 2gain²/fan-in", HeUniform),
	row("orthogonal", "a random orthogonal matrix times gain", Orthogonal),
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
