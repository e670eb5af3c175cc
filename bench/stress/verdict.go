package stress

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/bench/stats"
)

// Verdict is what an optimizer's repetitions of one test come to.
type Verdict int

const (
	// NoReference: plain gradient descent does not get below the start at any rate.
	NoReference Verdict = iota
	Diverged            // fewer than half of the repetitions stayed finite
	Slow                // v ≤ 0.1: next to no progress
	Unstable            // some repetitions diverged
	Variable            // more than a quarter of the repetitions have v < 0.1
	Good                // none of the others
	Excellent           // v > 2: more than twice the reference
)

var verdictNames = [...]string{"no-reference", "diverged", "slow", "unstable", "variable", "good", "excellent"}

func (v Verdict) String() string { return verdictNames[v] }

// MarshalText implements encoding.TextMarshaler.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("stress: unknown verdict %q", text)
}

// deepest is as far as a fall counts.
const deepest = -1e10

// fallOf is the median fall of the repetitions that stayed finite, the others being
// NaN; NaN if those were fewer than half.
func fallOf(falls []float64) (median float64, finite int) {
	var list []float64
	for _, f := range falls {
		if !math.IsNaN(f) {
			list = append(list, f)
		}
	}
	if 2*len(list) < len(falls) || len(list) == 0 {
		return math.NaN(), len(list)
	}
	return stats.Median(list), len(list)
}

// judge compares falls, NaN for a repetition that diverged, with the reference's.
func judge(falls []float64, reference float64) (v float64, verdict Verdict) {
	if !(reference < 0) {
		return math.NaN(), NoReference
	}
	median, finite := fallOf(falls)
	v = median / reference
	poor := 0
	for _, f := range falls {
		if f/reference < 0.1 {
			poor++
		}
	}
	switch {
	case math.IsNaN(v):
		return v, Diverged
	case v <= 0.1:
		return v, Slow
	case finite < len(falls):
		return v, Unstable
	case 4*poor > len(falls):
		return v, Variable
	case v > 2:
		return v, Excellent
	}
	return v, Good
}
