package study

import (
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// Network builds the network of a run for evaluation, on a batch of the run's size, with
// first weights from its seed but without starts from data: to be looked at.
func Network(c Config) (*models.Network, error) {
	task, err := tasks.Catalogue.Make(c.Task)
	if err != nil {
		return nil, err
	}
	m, err := newModel(c)
	if err != nil {
		return nil, err
	}
	dtype := tensor.Float32
	if c.DType == "float64" {
		dtype = tensor.Float64
	}
	p, err := models.NewParameters(dtype, c.Seed)
	if err != nil {
		return nil, err
	}
	n, err := models.Build(m, shapeOf(task, c.Batch), p, false)
	return n, errors.Wrap(err, "network")
}
