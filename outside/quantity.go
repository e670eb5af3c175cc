package main

import (
	"math"

	"github.com/gradflow/gradflow/bench/probe"
)

func newPeakGradient(struct{}) (probe.Measure, error) {
	return probe.Measure{
		Unit: "log10", Head: "peak", Map: true, Of: []probe.Source{probe.PreActivationGradients},
		Value: func(v *probe.Values) float64 {
			largest := 0.
			for i := range v.Len() {
				largest = max(largest, math.Abs(v.At(i)))
			}
			return math.Log10(largest)
		},
	}, nil
}
