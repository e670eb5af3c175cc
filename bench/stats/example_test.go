package stats_test

import (
	"fmt"
	"math"

	"github.com/gradflow/gradflow/bench/stats"
)

// Steps to the target of two optimizers on the same five seeds. SGD missed it twice within
// its budget.
func Example() {
	sgd := []float64{380, 350, math.Inf(1), 390, math.Inf(1)}
	rmsprop := []float64{120, 130, 110, 150, 120}

	v := stats.MedianInterval(sgd)
	fmt.Printf("sgd: median %g in [%g, %g]\n", stats.Median(sgd), v.Lo, v.Hi)
	fmt.Println(v.Warning)

	// Of five optimizers each is compared with sgd.
	d := stats.NewDesign(len(sgd), 5)
	fmt.Printf("%s: P = %.4f, at least %.4f after Holm's correction\n", d.Test, d.Compare(rmsprop, sgd).P, d.SmallestHolm)
	// Output:
	// sgd: median 390 in [350, +Inf]
	// 5 values: their range covers the median with probability 93.75%; 95% needs 6 values
	// Mann-Whitney: P = 0.0079, at least 0.0397 after Holm's correction
}
