package cmd

import (
	"testing"

	"github.com/gradflow/gradflow/internal/texttab"
)

// TestListFits lays all catalogues with their settings out in narrow terminals.
func TestListFits(t *testing.T) {
	for _, width := range []int{80, 60, 40} {
		for _, settings := range []bool{false, true} {
			for _, line := range sectionLines(sections(), settings, width) {
				if n := texttab.Width(line); n > width {
					t.Errorf("in %d columns a line has %d: %s", width, n, line)
				}
			}
		}
	}
}
