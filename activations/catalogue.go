package activations

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Catalogue has the activations that text can ask for by name. Text that names none but
// has a z, such as tanh(2*z), is a formula.
var Catalogue = catalogue.New("activation",
	row("identity", "z: a deep linear network", Identity),
	row("tanh", "tanh z", Tanh),
	row("scaled-tanh", "1.7159 tanh(2z/3), LeCun's", ScaledTanh),
	row("sigmoid", "1/(1 + e^-z)", Sigmoid),
	row("hard-tanh", "z between -1 and 1, the nearer of these beyond", HardTanh),
	row("softsign", "z/(1 + |z|)", Softsign).Cite("glorot2010"),
	row("arctan", "arctan z", Arctan),
	row("erf", "the error function", Erf),
	row("sine", "sin z", Sine),
	row("softplus", "log(1 + e^z)", Softplus),
	row("gaussian", "e^(-z²), the radial basis function of one variable", Gaussian),
	row("relu", "max(z, 0), the baseline", ReLU),
	catalogue.Row("leaky-relu", "z above 0, slope·z below", makeLeakyReLU),
	catalogue.Row("elu", "z above 0, alpha·(e^z - 1) below", makeELU),
	row("selu", "1.0507 ELU(1.6733), self-normalising", SELU),
	row("gelu", "z·Φ(z), Φ the normal distribution function", GELU),
	row("gelu-tanh", "z/2·(1 + tanh(√(2/π)(z + 0.044715z³))), close to gelu", GELUTanh),
	row("silu", "z/(1 + e^-z), swish", SiLU),
	row("mish", "z·tanh(log(1 + e^z))", Mish),
	row("softmax", "e^z over the sum of the row's: units that compete; not element-wise", Softmax),
	catalogue.Row("maxout", "the largest of each group of pre-activations; not element-wise", makeMaxout),
	catalogue.Row("glu", "a·f(b) of the halves of the pre-activations, a gate; not element-wise", makeGLU),
	catalogue.Row("scaled", "a·f(z), a fixed or learned", makeScaled),
	catalogue.Row("formula", "an expression such as a*tanh(b*z) + c*z, its parameters fixed or learned", makeFormula),
	catalogue.Row("dks", "deep kernel shaping of another activation, for a network's depth", makeDKS).Cite("martens2021"),
	catalogue.Row("tat", "tailored transformation of another activation, for a network's depth", makeTAT).Cite("zhang2022"),
	catalogue.Row("tailored-relu", "leaky rectifier with its slope tailored to a network's depth", makeTailoredReLU).Cite("zhang2022"),
	catalogue.Row("gaussian-poincare", "a·f + b that keeps variance and gradient of orthogonal weights", makePoincare).Cite("lu2020"),
	catalogue.Row("shaped", "another activation made more linear with the network's width or depth", makeShaped).Cite("li2022"),
	catalogue.Row("tuned", "a·f(b·z) + c that meets two conditions, such as square=1, chi=1", makeTuned),
).Written(asFormula)

func row[A Activation](name, doc string, make func() A) catalogue.Entry[Activation] {
	return catalogue.Row(name, doc, func(struct{}) (Activation, error) { return make(), nil })
}

type leakySettings struct {
	Slope float64 `json:"slope" default:"0.01" doc:"the derivative below 0"`
}

func makeLeakyReLU(s leakySettings) (Activation, error) { return LeakyReLU(s.Slope), nil }

type eluSettings struct {
	Alpha float64 `json:"alpha" default:"1" range:"(0,]" doc:"the limit to the left is -alpha"`
}

func makeELU(s eluSettings) (Activation, error) { return ELU(s.Alpha), nil }

type scaledSettings struct {
	Of          Activation `json:"of" doc:"f"`
	A           float64    `json:"a" default:"1" doc:"the factor, where it starts if it is learned"`
	Learn       string     `json:"learn" default:"none" doc:"layer or unit: what has a learned a of its own; none: a is fixed"`
	Regulariser string     `json:"regulariser" default:"none" doc:"of a learned a: l2, log, or product for |a| times the norm of the next weights"`
	Coefficient float64    `json:"coefficient" default:"0" range:"[0,]" doc:"of the regulariser in the training loss"`
}

func makeScaled(s scaledSettings) (Activation, error) {
	learn, err := learnOf(s.Learn)
	if err != nil {
		return nil, err
	}
	penalty, err := penaltyOf(s.Regulariser, s.Coefficient)
	if err != nil {
		return nil, catalogue.Invalid("regulariser", "%v", err)
	}
	of, err := ScalarOf(s.Of)
	if err != nil {
		return nil, catalogue.Invalid("of", "%v", err)
	}
	a, err := Scaled(of, Parameter{Start: s.A, Learn: learn, Penalty: penalty})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// learnOf reads the setting learn.
func learnOf(text string) (Learn, error) {
	switch text {
	case "none":
		return Fixed, nil
	case string(PerLayer), string(PerUnit):
		return Learn(text), nil
	}
	return Fixed, catalogue.Invalid("learn", "%q: want layer, unit or none", text)
}

type formulaSettings struct {
	Of         string                      `json:"of" doc:"the expression in z"`
	Learn      string                      `json:"learn" default:"none" doc:"layer or unit: what has learned parameters of its own; none: they are fixed"`
	Parameters map[string]parameterSetting `json:"*" doc:"the parameters by name, as they start"`
}

type parameterSetting struct {
	Start       float64 `json:"start" doc:"value at the start"`
	Learn       string  `json:"learn" default:"as-formula" doc:"layer, unit or none"`
	Regulariser string  `json:"regulariser" default:"none" doc:"l2 or log"`
	Coefficient float64 `json:"coefficient" default:"0" range:"[0,]" doc:"of the regulariser"`
}

func makeFormula(s formulaSettings) (Activation, error) {
	if _, err := learnOf(s.Learn); err != nil {
		return nil, err
	}
	var params []Parameter
	for name, p := range s.Parameters {
		text := p.Learn
		if text == "as-formula" {
			text = s.Learn
		}
		learn, err := learnOf(text)
		if err != nil {
			return nil, catalogue.Invalid(name+".learn", "%q: want layer, unit or none", text)
		}
		penalty, err := penaltyOf(p.Regulariser, p.Coefficient)
		if err != nil {
			return nil, catalogue.Invalid(name+".regulariser", "%v", err)
		}
		params = append(params, Parameter{name, p.Start, learn, penalty})
	}
	slices.SortFunc(params, func(p, q Parameter) int { return strings.Compare(p.Name, q.Name) })
	f, err := Formula(s.Of, params...)
	var wrong *FormulaError
	if errors.As(err, &wrong) {
		return nil, catalogue.Invalid("of", "%s", strings.TrimPrefix(wrong.Error(), "formula "))
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// variableZ finds a z of its own, or one after a number.
var variableZ = regexp.MustCompile(`(^|[^A-Za-z0-9_.])[0-9.]*z([^A-Za-z0-9_]|$)`)

// asFormula takes text with a z of its own for a formula without parameters.
func asFormula(text string) (catalogue.Choice, bool) {
	if !variableZ.MatchString(text) {
		return catalogue.Choice{}, false
	}
	return catalogue.Choice{Name: "formula", Settings: map[string]any{"of": text}}, true
}
