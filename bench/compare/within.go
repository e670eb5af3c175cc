package compare

import (
	"maps"
	"math"
	"slices"

	"github.com/pkg/errors"
)

// Within returns the comparison of the facets that keep holds of, tested by themselves. Things
// without runs there are left out. It needs no records, so that a comparison read from JSON has
// it too: that knows nothing of single runs' steps, and its parts do not compare them.
func (c *Comparison) Within(keep func(Facet) bool) (*Comparison, error) {
	part := &Comparison{By: c.By, What: c.What, Score: c.Score, Part: c.Part, Chosen: c.Chosen, Interactions: []string{}, Warnings: []string{}, Cliques: [][]int{}, axes: c.axes}
	if part.axes == nil && len(c.Facets) > 0 {
		part.axes = slices.Sorted(maps.Keys(c.Facets[0].Values))
	}
	for _, t := range c.Things {
		thing := Thing{Label: t.Label, Tried: t.Tried, P: Number(math.NaN()), StepsP: Number(math.NaN()), CrossingP: Number(math.NaN())}
		for f := range c.Facets {
			if !keep(c.Facets[f]) {
				continue
			}
			cell := t.Cells[f]
			cell.chance, cell.higher, cell.P, cell.Verdict = c.Facets[f].Chance, c.Higher(), Number(math.NaN()), ""
			thing.Cells = append(thing.Cells, cell)
			thing.Runs += cell.Runs
			thing.Diverged += cell.Diverged
			part.Seeds = max(part.Seeds, cell.Runs)
		}
		if thing.Runs > 0 {
			part.Things = append(part.Things, thing)
		}
	}
	if len(part.Things) == 0 {
		return nil, errors.New("compare: no facet is left to compare")
	}
	for _, f := range c.Facets {
		if keep(f) {
			part.Facets = append(part.Facets, f)
		}
	}
	if err := part.base(c.Baseline); err != nil {
		return nil, err
	}
	part.conclude()
	return part, nil
}
