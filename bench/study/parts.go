package study

import (
	"sync"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/models/keep"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	"gorgonia.org/gorgonia"
)

// parts are the catalogues that a study's choices are made from.
type parts struct {
	tasks          *catalogue.Catalogue[tasks.Task]
	models         *catalogue.Catalogue[models.Architecture]
	activations    *catalogue.Catalogue[activations.Activation]
	initializers   *catalogue.Catalogue[initializers.Initializer]
	normalizations *catalogue.Catalogue[normalization.Normalization]
	optimizers     *catalogue.Catalogue[gorgonia.Solver]
	keeps          *catalogue.Catalogue[keep.Keep]

	// fitted has normalisations that were fitted to a network, which takes time: a study
	// makes the model of a configuration more than once.
	fitted *sync.Map
}

// catalogues returns those that text can name everywhere.
func catalogues() *parts {
	return &parts{tasks.Catalogue, models.Catalogue, activations.Catalogue, initializers.Catalogue, normalization.Catalogue, optimizers.Catalogue, keep.Catalogue, new(sync.Map)}
}

// keep returns what a configuration keeps.
func (s *parts) keep(c Config) (keep.Keep, error) { return s.keeps.Make(keptBy(c)) }

// keptBy is the configuration's choice with its name, which is left out where it is none.
func keptBy(c Config) Choice {
	if c.Keep.Name == "" {
		return Choice{Name: defaultKeep}
	}
	return c.Keep
}

// catalogues returns those that the study was made with.
func (s *Spec) catalogues() *parts {
	if s.parts == nil {
		return catalogues()
	}
	return s.parts
}
