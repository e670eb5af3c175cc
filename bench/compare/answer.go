package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/internal/texttab"
)

// answer is the sentence that the tests allow.
func (c *Comparison) answer() string {
	higher := "the highest"
	if !c.Higher() {
		higher = "the lowest"
	}
	if len(c.Things) == 1 {
		return fmt.Sprintf("Only %s was run: nothing to compare it with.", c.Things[0].Label)
	}
	if !slices.ContainsFunc(c.Things, func(t Thing) bool { return t.Diverged < t.Runs }) {
		return "All runs diverged: nothing can be told apart."
	}
	if c.allAtChance() {
		return fmt.Sprintf("Everything sits at chance, %s: nothing was learned, and nothing can be told apart.", c.chances())
	}
	best := c.Things[0]
	observed := fmt.Sprintf("%s has %s scores as observed (mean rank %.2g of %d)", best.Label, higher, float64(best.MeanRank), len(c.Things))
	if best.MeanRank.IsNaN() {
		observed = ""
	}
	if !c.CanShow() {
		s := fmt.Sprintf("With %s and %s no difference can be shown", c.size(), texttab.Count(len(c.Things)-1, "comparison"))
		if observed != "" {
			s += "; " + observed + ", which is not a finding"
		}
		return s + "."
	}
	var better, worse, open, guess, crossing []string
	largest := 0.
	for _, t := range c.Things {
		switch t.Verdict {
		case "better":
			better = append(better, t.Label)
		case "worse":
			worse = append(worse, t.Label)
		case "not shown":
			open = append(open, t.Label)
		case "at chance":
			guess = append(guess, t.Label)
		case "by facet":
			crossing = append(crossing, t.Label+" "+c.signs(&t))
		}
		if t.Verdict == "better" || t.Verdict == "worse" {
			largest = math.Max(largest, float64(t.P))
		}
	}
	test := fmt.Sprintf("%s test of the %s scores, %s, Holm over %s", c.Test, c.Part, c.size(), texttab.Count(len(c.Things)-1, "comparison"))
	still := ""
	if len(guess) > 0 {
		still = fmt.Sprintf(" %s and %s sit at chance.", strings.Join(guess, ", "), c.Baseline)
	}
	if len(crossing) > 0 {
		still = fmt.Sprintf(" By facet differ %s (the facets' tests combined by Fisher's method, Holm over %s, P ≤ %.2g).", strings.Join(crossing, "; "),
			texttab.Count(len(c.Things)-1, "comparison"), stats.CrossingAlpha) + still
	}
	if len(better)+len(worse) == 0 {
		over := ""
		if len(crossing) > 0 {
			over = " over the facets as a whole"
		}
		seen := ""
		if !math.IsInf(float64(c.Detectable), 1) {
			seen = fmt.Sprintf("; a shift of %.2g standard deviations would have been, four times in five", float64(c.Detectable))
		}
		return fmt.Sprintf("No difference from %s is shown%s (%s%s).", c.Baseline, over, test, seen) + still
	}
	var b strings.Builder
	switch {
	case len(better) > 0 && len(worse) > 0:
		fmt.Fprintf(&b, "%s %s better than %s, %s worse", texttab.List(better), end(better), c.Baseline, texttab.List(worse))
	case len(better) > 0:
		fmt.Fprintf(&b, "%s %s better than %s", texttab.List(better), end(better), c.Baseline)
	default:
		fmt.Fprintf(&b, "%s %s worse than %s", texttab.List(worse), end(worse), c.Baseline)
	}
	fmt.Fprintf(&b, " (%s: P %s)", test, atMost(largest))
	if len(open) > 0 {
		fmt.Fprintf(&b, "; no difference is shown for %s", texttab.List(open))
	}
	return b.String() + "." + still
}

// signs says in which facets a thing is shown to be better, and in which worse.
func (c *Comparison) signs(t *Thing) string {
	in := map[string][]int{}
	for f, cell := range t.Cells {
		in[cell.Verdict] = append(in[cell.Verdict], f)
	}
	var parts []string
	for _, v := range []string{"better", "worse"} {
		if len(in[v]) > 0 {
			parts = append(parts, v+" at "+c.named(in[v]))
		}
	}
	return strings.Join(parts, ", ")
}

// end is the verb of what ended with a score.
func end(words []string) string {
	if len(words) == 1 {
		return "ends"
	}
	return "end"
}

func atMost(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("≤ %.2g", p)
}

// size is how many seeds and facets there are.
func (c *Comparison) size() string {
	if len(c.Facets) == 1 {
		return texttab.Count(c.Seeds, "seed")
	}
	return fmt.Sprintf("%s in each of %s", texttab.Count(c.Seeds, "seed"), texttab.Count(len(c.Facets), "facet"))
}

func (c *Comparison) allAtChance() bool {
	for _, t := range c.Things {
		for _, cell := range t.Cells {
			if cell.Runs > 0 && !cell.AtChance {
				return false
			}
		}
	}
	return true
}

// chances are the medians' range.
func (c *Comparison) chances() string {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, t := range c.Things {
		for _, cell := range t.Cells {
			if cell.Runs > 0 {
				lo, hi = math.Min(lo, float64(cell.Score.Median)), math.Max(hi, float64(cell.Score.Median))
			}
		}
	}
	if fmt.Sprintf("%.3f", lo) == fmt.Sprintf("%.3f", hi) {
		return fmt.Sprintf("%.3f", lo)
	}
	return fmt.Sprintf("%.3f to %.3f", lo, hi)
}

// named names some facets: by the values of one axis, if those make just them.
func (c *Comparison) named(facets []int) string {
	for _, a := range c.axes {
		var values []string
		covered := 0
		for f := range c.Facets {
			v := c.Facets[f].Values[a]
			if slices.Contains(values, v) {
				continue
			}
			whole, n := true, 0
			for g := range c.Facets {
				if c.Facets[g].Values[a] == v {
					n++
					whole = whole && slices.Contains(facets, g)
				}
			}
			if whole {
				values, covered = append(values, v), covered+n
			}
		}
		if covered == len(facets) {
			return texttab.List(values)
		}
	}
	if len(facets) > 4 {
		return fmt.Sprintf("%d of %d facets", len(facets), len(c.Facets))
	}
	var labels []string
	for _, f := range facets {
		labels = append(labels, c.Facets[f].Label)
	}
	if len(c.axes) > 1 && len(labels) > 1 { // labels have commas
		return strings.Join(labels, "; at ")
	}
	return texttab.List(labels)
}

// interactions say, of each thing that is shown to differ over the facets together, in
// which of them it is shown by itself, and in which it is not or is at chance.
func (c *Comparison) interactions() []string {
	if len(c.Facets) < 2 {
		return nil
	}
	var said []string
	of := map[string][]string{} // things that the same is said of
	for _, t := range c.Things {
		if t.Verdict != "better" && t.Verdict != "worse" && t.Verdict != "by facet" {
			continue
		}
		in := map[string][]int{}
		var chance []int
		for f, cell := range t.Cells {
			if cell.AtChance {
				chance = append(chance, f)
			}
			if cell.Verdict == "" || cell.Verdict == "at chance" {
				continue
			}
			in[cell.Verdict] = append(in[cell.Verdict], f)
		}
		var parts []string
		for _, v := range []string{"better", "worse"} {
			if len(in[v]) == len(c.Facets) {
				parts = append(parts, v+" in every facet")
			} else if len(in[v]) > 0 {
				parts = append(parts, v+" at "+c.named(in[v]))
			}
		}
		switch {
		case len(parts) == 0 && !c.single:
			parts = append(parts, fmt.Sprintf("%s over all facets; %s are too few to test single ones", t.Verdict, texttab.Count(c.Seeds, "seed")))
		case len(parts) == 0:
			parts = append(parts, t.Verdict+" over all facets; not shown in any single one")
		case len(in["not shown"]) > 0:
			parts = append(parts, "not shown at "+c.named(in["not shown"]))
		}
		var against []int // where the pairs say the opposite
		for f, cell := range t.Cells {
			if cell.Verdict == "" && (t.Verdict == "better" && cell.Lost > cell.Won || t.Verdict == "worse" && cell.Won > cell.Lost) {
				against = append(against, f)
			}
		}
		if len(against) > 0 {
			parts = append(parts, map[string]string{"better": "lost", "worse": "won"}[t.Verdict]+" most pairs at "+c.named(against))
		}
		if len(chance) == len(c.Facets) {
			parts = append(parts, "at chance everywhere")
		} else if len(chance) > 0 {
			parts = append(parts, "at chance at "+c.named(chance))
		}
		words := strings.Join(parts, "; ")
		if of[words] == nil {
			said = append(said, words)
		}
		of[words] = append(of[words], t.Label)
	}
	var lines []string
	for _, words := range said {
		lines = append(lines, texttab.List(of[words])+": "+words)
	}
	return lines
}

// StepsSentence says which differences in the steps to the target are shown; "" if none is.
func (c *Comparison) StepsSentence() string {
	in := map[string][]string{}
	largest := 0.
	for _, t := range c.Things {
		if t.StepsVerdict == "faster" || t.StepsVerdict == "slower" {
			in[t.StepsVerdict] = append(in[t.StepsVerdict], t.Label)
			largest = math.Max(largest, float64(t.StepsP))
		}
	}
	var parts []string
	for _, verdict := range []string{"faster", "slower"} {
		if len(in[verdict]) > 0 {
			parts = append(parts, texttab.List(in[verdict])+" "+verdict)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("Steps to the target, against %s: %s (the same test, P %s).", c.Baseline, strings.Join(parts, "; "), atMost(largest))
}
