package optimizers

import "github.com/gradflow/gradflow/catalogue"

// ScheduleFreeSGDConfig has the settings of [NewScheduleFreeSGD].
type ScheduleFreeSGDConfig struct {
	Rate        float64 `json:"rate" default:"1" range:"(0,]" doc:"step size; larger than that of SGD"`
	Beta        float64 `json:"beta" default:"0.9" range:"(0,1)" doc:"how close to the average the gradients are evaluated"`
	WeightDecay float64 `json:"weight-decay" default:"0" range:"[0,]" doc:"adds weight-decay w to the gradient"`
	WarmUp      int     `json:"warm-up" default:"0" range:"[0,]" doc:"steps over which the rate grows to its full size"`
	catalogue.Given
}

// NewScheduleFreeSGD returns schedule-free-sgd.
//
// Schedule-Free SGD needs no schedule that knows the last step: an average takes the place of
// the falling rate.
//
//	y = (1-beta) z + beta x                   the parameter: gradients are taken here
//	r = rate min(1, t/warm-up)
//	z <- z - r (g(y) + weight-decay y)
//	c = s²/(sum of all s² so far)             s: the largest r so far
//	x <- (1-c) x + c z                        the result: evaluate here
//
// at step t = 1, 2, ... of the parameter; x = z = y = the first value. Without a warm-up c is
// 1/t, and x the mean of all z.
//
// The network is trained at y but to be judged at x: the optimizer is an [Averager]. Running
// statistics, as those of batch normalisation, are of y. A chain may have links before it, but
// none after it.
//
// Source: Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky, "The road less scheduled"
// (2024), arXiv:2405.15682, and the authors' program schedulefree/sgd_schedulefree.py (commit
// 0083572), which was read for this; r = 0 and weight_lr_power = 2 there.
func NewScheduleFreeSGD(c ScheduleFreeSGDConfig) (*Optimizer, error) {
	if err := catalogue.Defaults(&c); err != nil {
		return nil, err
	}
	return New(scheduleFree{name: "schedule-free-sgd", rate: c.Rate, beta: c.Beta, decay: c.WeightDecay, warmUp: c.WarmUp}.rule())
}
