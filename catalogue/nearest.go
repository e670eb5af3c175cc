package catalogue

import (
	"slices"
	"strings"
)

// Nearest returns the at most three names that are closest to name, closest
// first: those within an edit distance of a third of its length (at least
// two), and those that contain it.
func Nearest(name string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	name = strings.ToLower(name)
	limit := max(2, len(name)/3)
	var found []near
	for _, n := range names {
		d := distance(name, strings.ToLower(n))
		if d > limit && len(name) >= 3 && strings.Contains(n, name) {
			d = limit
		}
		if d <= limit && d < len(n) {
			found = append(found, near{n, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	out := make([]string, 0, 3)
	for _, f := range found[:min(3, len(found))] {
		out = append(out, f.name)
	}
	return out
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours count one each.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, above, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			substitute := above[j-1]
			if s[i-1] != t[j-1] {
				substitute++
			}
			row[j] = min(substitute, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(t)]
}
