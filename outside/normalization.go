package main

import (
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/normalization"
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

type runningScaleConfig struct {
	Eps float64 `json:"eps" default:"1e-5" range:"(0,)" doc:"added to the mean size"`
	catalogue.Given
}

// newRunningScale divides each unit by its mean absolute value over the batch, in evaluation
// over all batches: it has a statistic, which is no parameter.
func newRunningScale(c runningScaleConfig) (normalization.Normalization, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return runningScale{c.Eps}, nil
}

type runningScale struct{ eps float64 }

func (runningScale) Name() string             { return "running-scale" }
func (runningScale) Site() normalization.Site { return normalization.PreActivation }

func (n runningScale) Normalize(b normalization.Builder, layer string, x *gorgonia.Node) (*gorgonia.Node, error) {
	units := x.Shape()[1]
	running, err := b.Statistic(layer+"/size", 1, units)
	if err != nil {
		return nil, err
	}
	size := running
	if b.Training() {
		if size, err = gorgonia.Abs(x); err == nil {
			size, err = gorgonia.Mean(size, 0)
		}
		if err != nil {
			return nil, errors.Wrap(err, layer)
		}
		b.AfterStep(func() error { return average(running.Value(), size.Value()) }, size)
	}
	var eps any = n.eps
	if x.Dtype() == tensor.Float32 {
		eps = float32(n.eps)
	}
	y, err := gorgonia.Add(size, gorgonia.NewConstant(eps))
	if err == nil {
		y, err = gorgonia.Reshape(y, tensor.Shape{1, units})
	}
	if err == nil {
		y, err = gorgonia.BroadcastHadamardDiv(x, y, nil, []byte{0})
	}
	return y, errors.Wrap(err, layer)
}

// average moves the running mean a tenth of the way to that of a batch.
func average(running, batch gorgonia.Value) error {
	switch r := running.Data().(type) {
	case []float32:
		for i, v := range batch.Data().([]float32) {
			r[i] += (v - r[i]) / 10
		}
	case []float64:
		for i, v := range batch.Data().([]float64) {
			r[i] += (v - r[i]) / 10
		}
	default:
		return errors.Errorf("a statistic of %T", r)
	}
	return nil
}
