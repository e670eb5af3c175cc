package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/internal/texttab"
)

// course tells, of the setups that pictures show first, when the gradient arrives at layer 1,
// when the forward signal lives, and when units saturate: medians over seeds.
func (p *Problem) course() string {
	var sentences []string
	gradient := p.courseOf("less than a thousandth of the gradient arrives at layer 1",
		func(c *record.Course) (dead, from record.Number) { return c.GradientDead, c.GradientArrives })
	forward := p.courseOf("examples are equal to a thousandth in the last hidden layer",
		func(c *record.Course) (dead, from record.Number) { return c.ForwardDead, c.ForwardArrives })
	for _, s := range []string{gradient, forward, p.saturates()} {
		if s != "" {
			sentences = append(sentences, s)
		}
	}
	return strings.Join(sentences, " ")
}

// courses returns the courses of a setup's runs.
func (p *Problem) courses(setup int) (list []*record.Course) {
	for _, r := range p.records[setup] {
		c := r.Summary.Course
		if c == nil { // an older record
			c = record.CourseOf(r.Layers, r.Summary.Steps)
		}
		if c != nil {
			list = append(list, c)
		}
	}
	return list
}

func (p *Problem) courseOf(what string, of func(*record.Course) (dead, from record.Number)) string {
	var always, parts []string
	for _, i := range p.leaders() {
		var dead, from []float64
		for _, c := range p.courses(i) {
			d, f := of(c)
			if d.IsNaN() {
				continue
			}
			dead = append(dead, float64(d))
			if v := float64(f); math.IsNaN(v) {
				from = append(from, math.Inf(1))
			} else {
				from = append(from, v)
			}
		}
		switch share := stats.Median(dead); {
		case len(dead) == 0 || share == 0:
		case share == 1:
			always = append(always, p.Setups[i].Label)
		case share >= 0.005:
			text := fmt.Sprintf("%s %.0f%%", p.Setups[i].Label, 100*share)
			if share > 0.995 { // not all, which 100% would say
				text = p.Setups[i].Label + " over 99%"
			}
			if f := stats.Median(from); !math.IsInf(f, 1) {
				text += fmt.Sprintf(" (until step %.0f)", f)
			}
			parts = append(parts, text)
		}
	}
	if len(always) > 0 {
		parts = append([]string{"all with " + texttab.List(always)}, parts...)
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Share of training in which %s: %s.", what, strings.Join(parts, "; "))
}

// saturates tells in which setups most of a layer's units saturate, and when.
func (p *Problem) saturates() string {
	var parts []string
	for _, i := range p.leaders() {
		courses := p.courses(i)
		var at, layer []float64
		for _, c := range courses {
			if !c.Saturates.IsNaN() {
				at, layer = append(at, float64(c.Saturates)), append(layer, float64(c.SaturatedLayer))
			}
		}
		if len(at) > 0 && 2*len(at) > len(courses) {
			parts = append(parts, fmt.Sprintf("%s (layer %.0f, step %.0f)", p.Setups[i].Label, stats.Quantile(layer, 0.5), stats.Median(at)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("More than half of a layer's units saturate first with %s.", texttab.List(parts))
}
