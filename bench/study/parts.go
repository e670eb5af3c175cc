package study

import (
	"sync"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
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

	// fitted has normalisations that were fitted to a network, which takes time: a study
	// makes the model of a configuration more than once.
	fitted *sync.Map
}

// catalogues returns those that text can name everywhere.
func catalogues() *parts {
	return &parts{tasks.Catalogue, models.Catalogue, activations.Catalogue, initializers.Catalogue, normalization.Catalogue, optimizers.Catalogue, new(sync.Map)}
}

// catalogues returns those that the study was made with.
func (s *Spec) catalogues() *parts {
	if s.parts == nil {
		return catalogues()
	}
	return s.parts
}
