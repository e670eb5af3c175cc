package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/internal/texttab"
)

// Findings are plain sentences computed from the records; "" where there is nothing to
// tell.
type Findings struct {
	Outcome    string `json:"outcome"`    // the medians observed: the highest, and who reaches the target when
	Gradient   string `json:"gradient"`   // where the gradient dies at the start
	Course     string `json:"course"`     // when the signal arrives in training, and when units saturate
	Movement   string `json:"movement"`   // which setups move the first layer all the same
	Comparison string `json:"comparison"` // which differences from the baseline are shown here alone
	Diverged   string `json:"diverged"`
	Flushed    string `json:"flushed"` // in how many steps denormal numbers were taken for zero
}

func (p *Problem) findings(several bool) Findings {
	return Findings{p.outcome(), p.Gradient.sentence(), p.course(), p.movementSentence(), p.comparison(several), p.divergedSentence(), p.flushed()}
}

// Lines returns those that say something.
func (f Findings) Lines() []string {
	return slices.DeleteFunc([]string{f.Outcome, f.Gradient, f.Course, f.Movement, f.Comparison, f.Diverged, f.Flushed}, func(s string) bool { return s == "" })
}

func (p *Problem) allDiverged() bool {
	return !slices.ContainsFunc(p.Setups, func(s Setup) bool { return s.Diverged < s.Runs })
}

// outcome tells who ends best and how long each takes to the target.
func (p *Problem) outcome() string {
	best := p.Setups[0]
	if p.allDiverged() {
		return "All runs diverged."
	}
	with := "a median validation " + p.Score
	if best.Runs == 1 {
		with = "a validation " + p.Score
	}
	with += " of " + p.score(best.Score.Median)
	if best.AtChance && len(p.Setups) == 1 {
		with += ", which is chance"
	}
	if p.differentBudgets() {
		with += fmt.Sprintf(", after %s", texttab.Count(p.Budget, "step"))
	}
	target := fmt.Sprintf("the target, %s %s", p.Score, number(p.Config.Target))

	if len(p.Setups) == 1 {
		switch steps := best.StepsToTarget.Median; {
		case best.Reached == 0:
			return fmt.Sprintf("%s ends with %s; it does not reach %s, within %s.", best.Label, with, target, texttab.Count(best.Budget, "step"))
		case isInf(steps):
			return fmt.Sprintf("%s ends with %s; %d of %s reach %s, within %s.", best.Label, with, best.Reached, texttab.Count(best.Runs, "run"), target, texttab.Count(best.Budget, "step"))
		default:
			return fmt.Sprintf("%s ends with %s; it reaches %s, %s.", best.Label, with, target, afterSteps(steps))
		}
	}

	var tied []string
	for _, s := range p.Setups {
		if s.Score.Median == best.Score.Median {
			tied = append(tied, s.Label)
		}
	}
	extreme := "highest"
	if !p.higher() {
		extreme = "lowest"
	}
	has := "have"
	if len(tied) == 1 {
		has = "has"
	}
	clauses := []string{fmt.Sprintf("Observed: %s %s the %s %s", some(tied, len(p.Setups)), has, extreme, strings.Replace(strings.TrimPrefix(with, "a "), " of ", ", ", 1))}
	if best.AtChance {
		clauses = []string{"All setups sit at chance: the highest is " + with}
	}
	var fastest, partly, missed []string
	var slower []Setup
	var steps Number
	least, most := math.MaxInt, 0 // budgets of those that missed
	for _, i := range p.leaders() {
		switch s := p.Setups[i]; {
		case p.extended(s): // the longer run tells more
		case s.Slower == 1:
			fastest, steps = append(fastest, s.Label), s.StepsToTarget.Median
		case !isInf(s.Slower):
			slower = append(slower, s)
		case s.Reached > 0:
			partly = append(partly, fmt.Sprintf("%s reaches it in %d of %s within %s", s.Label, s.Reached, texttab.Count(s.Runs, "run"), texttab.Count(s.Budget, "step")))
		default:
			missed = append(missed, s.Label)
			least, most = min(least, s.Budget), max(most, s.Budget)
		}
	}
	if most == 0 { // all that missed it were also given more steps
		for _, s := range p.Setups {
			least, most = min(least, s.Budget), max(most, s.Budget)
		}
	}
	budget := "within " + texttab.Count(most, "step")
	if least < most {
		budget = "within the steps given"
	}
	switch {
	case len(fastest) > 0:
		clauses = append(clauses, fmt.Sprintf("%s, is reached first by %s, %s", target, texttab.List(fastest), afterSteps(steps)))
	case len(partly) > 0:
		clauses = append(clauses, fmt.Sprintf("%s, is reached in some runs only", target))
	default:
		clauses = append(clauses, fmt.Sprintf("none reaches %s, %s", target, budget))
		missed = nil
	}
	slices.SortStableFunc(slower, func(a, b Setup) int { return cmp.Compare(a.Slower, b.Slower) })
	var paces []string
	for len(slower) > 0 {
		words := slowerWords(slower[0].Slower)
		var same []string
		for len(slower) > 0 && slowerWords(slower[0].Slower) == words {
			same, slower = append(same, slower[0].Label), slower[1:]
		}
		paces = append(paces, texttab.List(same)+" "+isAre(same)+" "+words)
	}
	if len(paces) > 0 {
		clauses = append(clauses, strings.Join(paces, ", "))
	}
	if len(partly) > 0 {
		clauses = append(clauses, texttab.List(partly))
	}
	if len(missed) > 0 {
		clauses = append(clauses, fmt.Sprintf("%s %s not reach it %s", texttab.List(missed), does(missed), budget))
	}
	return strings.Join(clauses, "; ") + "."
}

// afterSteps is "after 120 steps", or "at the start", where step 0 reached the target.
func afterSteps(n Number) string {
	switch n {
	case 0:
		return "at the start"
	case 1:
		return "after 1 step"
	}
	return "after " + number(float64(n)) + " steps"
}

func end(words []string) string {
	if len(words) == 1 {
		return "ends"
	}
	return "end"
}

func does(words []string) string {
	if len(words) == 1 {
		return "does"
	}
	return "do"
}

// sentence tells where the gradient dies.
func (g *Gradient) sentence() string {
	n := len(g.Profile)
	if n < 2 {
		return ""
	}
	subject := "At the start the gradient of the pre-activations "
	if g.of != "" {
		subject = "At the start, with " + g.of + ", the gradient of the pre-activations "
	}
	first, last := g.Profile[0], g.Profile[n-1]
	if math.IsInf(float64(first), -1) {
		zeros := 0
		for zeros < n && math.IsInf(float64(g.Profile[zeros]), -1) {
			zeros++
		}
		why := g.Zero.Sentence(g.dtype)
		if g.different {
			why = "the runs have different causes"
		}
		return fmt.Sprintf("%sis exactly 0 %s: %s.", subject, g.upTo(zeros), why)
	}
	each := func(mean float64) string {
		if unit := g.unit(); unit != "" && n > 2 {
			return fmt.Sprintf(", about %.2g a %s", mean, unit)
		}
		return ""
	}
	d := float64(g.Decades)
	switch {
	case math.IsNaN(d) || math.IsInf(d, 0):
		return ""
	case d <= -1:
		return fmt.Sprintf("%sgrows by %s on the way from the output layer (norm %s) to %s (%s).",
			subject, decadeWords(-d), power(last), g.layer(0), power(first))
	case d < 1:
		s := fmt.Sprintf("%sdoes not die: its norm is %s in the output layer and %s in %s", subject, power(last), power(first), g.layer(0))
		switch low := slices.Min(g.Profile); {
		case math.IsInf(float64(low), -1):
			s += fmt.Sprintf(", but exactly 0 in %s: %s", g.layer(slices.Index(g.Profile, low)), g.Zero.Sentence(g.dtype))
		case first-low >= 1 && last-low >= 1:
			s += fmt.Sprintf(", but only %s in %s", power(low), g.layer(slices.Index(g.Profile, low)))
		}
		return s + "."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%sfalls by %s from the output layer (norm %s) to %s (%s)", subject, decadeWords(d), power(last), g.layer(0), power(first))
	steepest, at := 0.0, 0
	for i := 1; i < n; i++ {
		if fall := float64(g.Profile[i] - g.Profile[i-1]); fall > steepest {
			steepest, at = fall, i
		}
	}
	if mean := d / float64(n-1); n > 2 && steepest >= 1 && steepest > 2*mean {
		fmt.Fprintf(&b, ", most of all, by %s, from %s to %s", decadeWords(steepest), g.layer(at), g.layer(at-1))
	} else {
		b.WriteString(each(mean))
	}
	if g.Faded > 0 {
		fmt.Fprintf(&b, "; less than a thousandth arrives %s", g.upTo(g.Faded))
	}
	return b.String() + "."
}

// flushed tells in how many steps denormal numbers were taken for zero, and what to do.
func (p *Problem) flushed() string {
	var flushed, steps, runs float64
	for _, list := range p.records {
		for _, r := range list {
			if n := float64(r.Summary.FlushedSteps); n > 0 {
				flushed, runs = flushed+n, runs+1
			}
			steps += float64(r.Summary.Steps)
		}
	}
	if flushed == 0 {
		return ""
	}
	share := 100 * flushed / steps
	return fmt.Sprintf("In %.2g%% of the steps, in %s, numbers below the smallest normal %s (1.2e-38) were taken for zero: dtype float64 keeps them.",
		share, texttab.Count(int(runs), "run"), p.Config.DType)
}

// movementSentence tells which setups move the first layer as much, relative to its
// weights, as the last one, and whether that decides.
func (p *Problem) movementSentence() string {
	if len(p.Gradient.Profile) < 2 {
		return ""
	}
	var moving, resting, stuck []string
	var restsButReaches []string
	known := 0
	for _, i := range p.leaders() {
		s := p.Setups[i]
		if p.extends(s) { // another of its name is told of
			continue
		}
		m := float64(s.Movement)
		switch {
		case math.IsNaN(m):
			if math.IsInf(float64(s.Update), -1) {
				stuck = append(stuck, s.Label)
				known++
			}
			continue
		case m > -1:
			moving = append(moving, s.Label)
		case math.IsInf(m, -1):
			resting = append(resting, s.Label+" (not at all)")
		default:
			resting = append(resting, fmt.Sprintf("%s (%s less)", s.Label, decadeWords(-m)))
		}
		if m <= -1 && s.Reached*2 > s.Runs {
			restsButReaches = append(restsButReaches, s.Label)
		}
		known++
	}
	if known == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Relative to its weights, layer 1 is moved ")
	switch {
	case len(moving) == known && known == 1:
		fmt.Fprintf(&b, "at least a tenth as much as the output layer.")
		return b.String()
	case len(moving) == known:
		fmt.Fprintf(&b, "at least a tenth as much as the output layer by all of %s.", texttab.List(moving))
		return b.String()
	case len(moving) == 0 && len(resting) > 0:
		fmt.Fprintf(&b, "less than a tenth as much as the output layer by %s", texttab.List(resting))
	case len(moving) > 0 && len(resting) > 0:
		fmt.Fprintf(&b, "at least a tenth as much as the output layer by %s, less by %s", texttab.List(moving), texttab.List(resting))
	case len(moving) > 0:
		fmt.Fprintf(&b, "at least a tenth as much as the output layer by %s", texttab.List(moving))
	}
	if len(stuck) > 0 {
		if len(moving)+len(resting) > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "in most steps not at all, like the output layer, by %s", texttab.List(stuck))
	}
	b.WriteString(".")
	if len(restsButReaches) > 0 {
		fmt.Fprintf(&b, " %s the target all the same.", reach(restsButReaches))
	}
	return b.String()
}

func isAre(words []string) string {
	if len(words) == 1 {
		return "is"
	}
	return "are"
}

func reach(words []string) string {
	if len(words) == 1 {
		return words[0] + " reaches"
	}
	return texttab.List(words) + " reach"
}

// comparison tells which differences from the baseline are shown on this problem alone,
// where it is one of several.
func (p *Problem) comparison(several bool) string {
	if !several {
		return "" // the study's answer says it
	}
	var better, worse []string
	var largest Number
	for _, s := range p.Setups {
		switch s.Verdict {
		case "better":
			better, largest = append(better, s.Label), max(largest, s.P)
		case "worse":
			worse, largest = append(worse, s.Label), max(largest, s.P)
		}
	}
	var parts []string
	if len(better) > 0 {
		parts = append(parts, some(better, len(p.Setups))+" "+end(better)+" better than "+p.Baseline)
	}
	if len(worse) > 0 {
		parts = append(parts, some(worse, len(p.Setups))+" "+end(worse)+" worse than "+p.Baseline)
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Shown here alone: %s (P ≤ %.2g).", strings.Join(parts, "; "), math.Ceil(float64(largest)*1000)/1000)
}

// some lists words unless they are too many to read.
func some(words []string, of int) string {
	if len(words) > 8 {
		return fmt.Sprintf("%d of %d setups", len(words), of)
	}
	return texttab.List(words)
}

func (p *Problem) divergedSentence() string {
	var parts []string
	total, runs := 0, 0
	for _, s := range p.Setups {
		runs += s.Runs
		if s.Diverged > 0 {
			total += s.Diverged
			parts = append(parts, fmt.Sprintf("%s %d of %d", s.Label, s.Diverged, s.Runs))
		}
	}
	switch {
	case total == 0 || p.allDiverged():
		return ""
	case len(parts) > 8:
		return fmt.Sprintf("%d of %s diverged, in %s.", total, texttab.Count(runs, "run"), texttab.Count(len(parts), "setup"))
	}
	return fmt.Sprintf("Diverged: %s.", texttab.List(parts))
}
