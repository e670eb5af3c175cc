package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// Schedule gives the factor of each step; steps count from 0.
type Schedule interface {
	Factor(step int) float64
}

// ScheduleFunc is a function as a Schedule.
type ScheduleFunc func(step int) float64

// Factor calls f.
func (f ScheduleFunc) Factor(step int) float64 { return f(step) }

// Schedules lists the schedules that a study or a flag can name.
var Schedules = catalogue.New("schedule",
	catalogue.Row("constant", "a constant factor", NewConstant),
	catalogue.Row("step", "multiplies by factor every few steps", NewStepwise),
	catalogue.Row("cosine", "half a cosine from 1 to final", NewCosine),
	catalogue.Row("inverse-time", "1/(1 + decay t)", NewInverseTime),
	catalogue.Row("warm-up", "linear from 1/steps to 1, then another schedule", NewWarmUp),
)

// ConstantConfig has the settings of [NewConstant].
type ConstantConfig struct {
	Factor float64 `json:"factor" default:"1" range:"(0,]" doc:"the factor of every step"`
	catalogue.Given
}

// NewConstant returns the schedule that always has the same factor.
func NewConstant(c ConstantConfig) (Schedule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return ScheduleFunc(func(int) float64 { return c.Factor }), nil
}

// StepwiseConfig has the settings of [NewStepwise].
type StepwiseConfig struct {
	Every  int     `json:"every" range:"[1,]" doc:"steps from one change to the next"`
	Factor float64 `json:"factor" default:"0.1" range:"(0,]" doc:"factor of each change"`
	catalogue.Given
}

// NewStepwise returns factor^⌊t/every⌋.
func NewStepwise(c StepwiseConfig) (Schedule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return ScheduleFunc(func(t int) float64 { return math.Pow(c.Factor, float64(t/c.Every)) }), nil
}

// CosineConfig has the settings of [NewCosine].
type CosineConfig struct {
	Steps int     `json:"steps" range:"[1,]" doc:"steps until the factor is final"`
	Final float64 `json:"final" default:"0" range:"[0,1]" doc:"factor after the last step"`
	catalogue.Given
}

// NewCosine returns final + (1-final) (1 + cos(π t/steps))/2, and final after
// steps. Source: Loshchilov and Hutter (2017), arXiv:1608.03983.
func NewCosine(c CosineConfig) (Schedule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return ScheduleFunc(func(t int) float64 {
		return c.Final + (1-c.Final)*(1+math.Cos(math.Pi*float64(min(t, c.Steps))/float64(c.Steps)))/2
	}), nil
}

// InverseTimeConfig has the settings of [NewInverseTime].
type InverseTimeConfig struct {
	Decay float64 `json:"decay" range:"(0,]" doc:"the factor is halved at step 1/decay"`
	catalogue.Given
}

// NewInverseTime returns 1/(1 + decay t).
func NewInverseTime(c InverseTimeConfig) (Schedule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return ScheduleFunc(func(t int) float64 { return 1 / (1 + c.Decay*float64(t)) }), nil
}

// WarmUpConfig has the settings of [NewWarmUp].
type WarmUpConfig struct {
	Steps int      `json:"steps" range:"[1,]" doc:"steps until the factor is 1"`
	Then  Schedule `json:"then" default:"null" doc:"follows the warm-up, its steps counted from 0; a factor of 1 if null"`
	catalogue.Given
}

// NewWarmUp returns (t+1)/steps for the first steps and another schedule after.
func NewWarmUp(c WarmUpConfig) (Schedule, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return ScheduleFunc(func(t int) float64 {
		switch {
		case t < c.Steps:
			return float64(t+1) / float64(c.Steps)
		case c.Then == nil:
			return 1
		}
		return c.Then.Factor(t - c.Steps)
	}), nil
}
