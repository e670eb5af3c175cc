package sweep

import (
	"cmp"
	"math"
	"slices"

	"github.com/gradflow/gradflow/bench/report"
)

// Number is a number that is null in JSON if it is infinite or not known.
type Number = report.Number

// Sweep is what a study tells about learning rates.
type Sweep struct {
	Study string `json:"study"`
	// Margin is the share of the best score that counts as near it: an accuracy of at
	// least 1-Margin times the best, a loss of at most 1+Margin times the best.
	Margin   float64   `json:"margin"`
	Problems []Problem `json:"problems"`
}

// Problem is what the optimizers were trained on.
type Problem struct {
	Label  string  `json:"label"`
	Steps  int     `json:"steps"`
	Score  string  `json:"score"`  // "accuracy" or "loss", after the steps, on the validation set
	Curves []Curve `json:"curves"` // in the order of the study
}

// Curve is one optimizer: its score over its rate.
type Curve struct {
	Optimizer string  `json:"optimizer"` // without its rate and its defaults
	Points    []Point `json:"points"`    // by rate, ascending; one if it has none
	Best      Point   `json:"best"`      // with the best median; of equals the one in their middle
	// The neighbouring rates around the best whose medians are within the margin, and
	// how many decades they span. Open says that the lowest or highest of the sweep is
	// among them: the span may be larger.
	From    Number `json:"from"`
	To      Number `json:"to"`
	Decades Number `json:"decades"`
	Open    bool   `json:"open"`
}

// Point is an optimizer at one rate.
type Point struct {
	Rate     Number `json:"rate"` // null if the optimizer has none
	Median   Number `json:"median"`
	Lo       Number `json:"lo"` // interval of the median
	Hi       Number `json:"hi"`
	Runs     int    `json:"runs"`
	Diverged int    `json:"diverged"` // runs, whose score is 0 or, of a loss, infinite
}

// HasRate reports whether the optimizer has a rate.
func (c *Curve) HasRate() bool { return !c.Points[0].Rate.IsNaN() }

// New makes the curves of a study's ranking.
func New(r *report.Ranking, margin float64) *Sweep {
	s := &Sweep{Study: r.Study, Margin: margin, Problems: []Problem{}}
	for i := range r.Problems {
		p := &r.Problems[i]
		q := Problem{Label: p.Label, Steps: p.Budget, Score: p.Score}
		setups := slices.Clone(p.Setups)
		slices.SortStableFunc(setups, func(a, b report.Setup) int { return cmp.Compare(a.Detail, b.Detail) })
		for _, setup := range setups {
			rate, name := withoutRate(setup.Optimizer)
			k := slices.IndexFunc(q.Curves, func(c Curve) bool { return c.Optimizer == name })
			if k < 0 {
				k = len(q.Curves)
				q.Curves = append(q.Curves, Curve{Optimizer: name})
			}
			q.Curves[k].Points = append(q.Curves[k].Points, Point{
				Rate: Number(rate), Median: setup.Score.Median, Lo: setup.Score.Lo, Hi: setup.Score.Hi,
				Runs: setup.Runs, Diverged: setup.Diverged,
			})
		}
		for k := range q.Curves {
			q.Curves[k].finish(q.higher(), margin)
		}
		slices.SortStableFunc(q.Curves, func(a, b Curve) int {
			return cmp.Or(-cmp.Compare(q.worth(a.Best), q.worth(b.Best)), cmp.Compare(a.Optimizer, b.Optimizer))
		})
		s.Problems = append(s.Problems, q)
	}
	return s
}

func (p *Problem) higher() bool { return p.Score == "accuracy" }

// worth is the median, or of a loss its negative: more is better.
func (p *Problem) worth(q Point) float64 { return worth(float64(q.Median), p.higher()) }

func worth(median float64, higher bool) float64 {
	switch {
	case math.IsNaN(median):
		return math.Inf(-1)
	case higher:
		return median
	}
	return -median
}

// finish sorts the points and finds the best and its neighbours.
func (c *Curve) finish(higher bool, margin float64) {
	slices.SortFunc(c.Points, func(a, b Point) int { return cmp.Compare(a.Rate, b.Rate) })
	value := func(i int) float64 { return worth(float64(c.Points[i].Median), higher) }
	first := 0
	for i := range c.Points {
		if value(i) > value(first) {
			first = i
		}
	}
	last := first
	for last+1 < len(c.Points) && value(last+1) == value(first) {
		last++
	}
	best := (first + last) / 2
	c.Best = c.Points[best]
	c.From, c.To, c.Decades = c.Best.Rate, c.Best.Rate, 0
	if !c.HasRate() || math.IsInf(value(best), 0) {
		c.Decades = Number(math.NaN())
		return
	}
	bound := value(best) - margin*math.Abs(value(best))
	from, to := best, best
	for from > 0 && value(from-1) >= bound {
		from--
	}
	for to+1 < len(c.Points) && value(to+1) >= bound {
		to++
	}
	c.From, c.To = c.Points[from].Rate, c.Points[to].Rate
	c.Decades = Number(math.Log10(float64(c.To / c.From)))
	c.Open = from == 0 || to == len(c.Points)-1
}
