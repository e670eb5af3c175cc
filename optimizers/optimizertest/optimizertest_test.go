package optimizertest_test

import (
	"testing"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/gradflow/gradflow/optimizers/optimizertest"
	"gorgonia.org/gorgonia"
)

// settings are what entries of the catalogue need for the distances and
// curvatures of the suite; the others are tested with their defaults.
var settings = map[string][]string{
	"sgd":     {"(rate=0.001)", "(rate=0.001,momentum=0.5)", "(rate=0.0005,momentum=0.5,nesterov=true)"},
	"rmsprop": {"", "(eps-inside=true)", "(centered=true,momentum=0.5)", "(eps=1e-30)"},
	"adam":    {"", "(eps=1e-40)"},
	"smorms3": {"", "(eps=1e-60)"},
	// Rosenbrock's variables are so coupled that the Newton steps of single
	// weights overshoot its valley: start more slowly.
	"vsgd-l":              {"(slow=5)"},
	"vsgd-b":              {"(slow=5)"},
	"schedule-free-sgd":   {"(rate=0.0005)", "(rate=0.001,beta=0.8,warm-up=10)"},
	"schedule-free-adamw": {"(rate=0.01)", "(warm-up=20,weight-decay=1e-6)"},
	"kfac":                {"(rate=0.01,damping=10,clip=0,others-rate=0.001,momentum=0.5)", "(rate=0.01,damping=10,clip=0.01,others-rate=0.001,momentum=0.5,factors=2,inverses=4)"},
	"partition": {
		"(rules=[{pattern=*/weight,optimizer=vsgd-fd},{pattern=*/*,optimizer=adam}])",
		"(rules=[{pattern=*/weight,optimizer=schedule-free-adamw(rate=0.01)},{pattern=*/*,optimizer=adam}])",
	},
	"chain": {
		"(optimizer=irprop-plus)",
		"(before=[clip-value(limit=100),clip-norm(limit=100),clip-global-norm(limit=100),weight-decay(rate=1e-6)],optimizer=smorms3)",
		"(before=[noise(variance=1e-8,seed=7)],optimizer=adam(rate=0.01),after=[schedule(schedule=warm-up(steps=5,then=inverse-time(decay=0.0001)))])",
		"(before=[clip-adaptive(limit=10)],optimizer=vsgd-fd,after=[weight-decay(rate=1e-6),scale-by-depth(base=0.99)])",
		"(optimizer=partition(rules=[{pattern=*/weight,optimizer=adam},{pattern=*/*,optimizer=rmsprop-hinton}]),after=[scale(rules=[{pattern=*/bias,factor=0.5}])])",
		"(optimizer=adamw(rate=0.01),after=[cautious])",
		"(before=[scale-by-gradient(power=0.5)],optimizer=sgd(rate=0.0005))",
		"(before=[scale-by-chi(power=0.2)],optimizer=sgd(rate=0.0001))",
		"(before=[clip-global-norm(limit=100)],optimizer=schedule-free-adamw(rate=0.01))",
		"(before=[scale-by-norm(power=0.5)],optimizer=sgd(rate=0.0005))",
		"(before=[clip-norm],optimizer=chain(optimizer=lion(rate=0.001),after=[schedule(schedule=cosine(steps=9000))]))",
	},
}

func TestCatalogue(t *testing.T) {
	for _, name := range optimizers.Catalogue.Names() {
		variants := settings[name]
		if variants == nil {
			variants = []string{""}
		}
		for _, s := range variants {
			choice, err := catalogue.Parse(name + s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := optimizers.Catalogue.Make(choice); err != nil {
				t.Fatal(err)
			}
			optimizertest.Run(t, name+s, func() gorgonia.Solver {
				s, err := optimizers.Catalogue.Make(choice)
				if err != nil {
					panic(err)
				}
				return s
			})
		}
	}
}
