package optimizers

import (
	"math"

	"github.com/gradflow/gradflow/catalogue"
)

// ScheduleFreeAdamWConfig has the settings of [NewScheduleFreeAdamW].
type ScheduleFreeAdamWConfig struct {
	Rate        float64 `json:"rate" default:"0.0025" range:"(0,]" doc:"step size; larger than that of Adam"`
	Beta1       float64 `json:"beta1" default:"0.9" range:"(0,1)" doc:"how close to the average the gradients are evaluated"`
	Beta2       float64 `json:"beta2" default:"0.999" range:"[0,1)" doc:"decay of the mean of g²"`
	Eps         float64 `json:"eps" default:"1e-8" range:"(0,]" doc:"added to the root of the mean of g²"`
	WeightDecay float64 `json:"weight-decay" default:"0" range:"[0,]" doc:"each step subtracts rate·weight-decay·w"`
	WarmUp      int     `json:"warm-up" default:"0" range:"[0,]" doc:"steps over which the rate grows to its full size"`
	catalogue.Given
}

// NewScheduleFreeAdamW returns schedule-free-adamw.
//
// Schedule-Free AdamW is [NewScheduleFreeSGD] with Adam's second moment; its averaging takes
// the place of Adam's first.
//
//	y = (1-beta1) z + beta1 x                 the parameter: gradients are taken here
//	v <- beta2 v + (1-beta2) g(y)²
//	r = rate min(1, t/warm-up) √(1-beta2^t)
//	z <- z - r (g(y)/(√v + eps) + weight-decay y)
//	c = s²/(sum of all s² so far)             s: the largest r so far
//	x <- (1-c) x + c z                        the result: evaluate here
//
// at step t = 1, 2, ... of the parameter; x = z = y = the first value, v = 0. The bias of v is
// corrected in r, so that it counts in the weights of the average, as in the authors' program;
// later versions of that correct v itself.
//
// The network is trained at y but to be judged at x: the optimizer is an [Averager], with the
// limits that schedule-free-sgd has.
//
// Source: Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky, "The road less scheduled"
// (2024), arXiv:2405.15682, and the authors' program schedulefree/adamw_schedulefree.py (commit
// 0083572), which was read for this; r = 0 and weight_lr_power = 2 there.
func NewScheduleFreeAdamW(c ScheduleFreeAdamWConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(scheduleFree{
		name: "schedule-free-adamw", rate: c.Rate, beta: c.Beta1, decay: c.WeightDecay, warmUp: c.WarmUp,
		vectors:   1,
		direction: adaptively(c.Beta2, c.Eps),
		rateOf:    func(t float64) float64 { return math.Sqrt(1 - math.Pow(c.Beta2, t)) },
	}.rule())
}
