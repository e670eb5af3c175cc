package report_test

import (
	"log"
	"os"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
)

// Two optimizers on one network, five seeds each. Records are read with study.Open; here
// they are made up.
func Example() {
	results := &record.Results{Dir: "gradflow-out/tiny", Spec: &record.Plan{Name: "tiny"}}
	for _, o := range []struct {
		name  string
		score float64
		steps record.Number
	}{{"sgd", 0.82, 300}, {"smorms3", 0.9, 100}} {
		for seed := range 5 {
			c := record.Config{Task: catalogue.Choice{Name: "digits"}, Depth: 10, Activation: catalogue.Choice{Name: "softplus"},
				Optimizer: catalogue.Choice{Name: o.name}, Steps: 400, Target: 0.8, Seed: uint64(seed)}
			results.Records = append(results.Records, &record.Record{Config: c, Summary: record.Summary{
				Status: train.Done, Steps: 400, StepsToTarget: o.steps, DecadesFirst: 3, DecadesLast: 1,
				TestAccuracy: record.Number(o.score), Chance: 0.1, Judged: 360,
				Final: record.Metric{Step: 400, ValidationAccuracy: record.Number(o.score + 0.01*float64(seed))}}})
		}
	}
	if err := report.Rank(results).WriteText(os.Stdout, report.TextOptions{Width: 90}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// tiny: 1 facet, 10 runs
	//
	// smorms3 ends better than sgd (Mann-Whitney test of the test scores, 5 seeds, Holm over 1
	// comparison: P ≤ 0.0079).
	//
	// optimizer  test accuracy  interval        steps to target  difference  against sgd
	// smorms3          0.900 +  0.900 to 0.900        100 (5/5)       +0.08  better, P = 0.0079
	// sgd                0.820  0.820 to 0.820        300 (5/5)              baseline
	//
	// Median test accuracy over 5 seeds.
	// Steps to the target, against sgd: smorms3 faster (the same test, P ≤ 0.0079).
	// warning: intervals are of 5 values: their range covers the median with probability 93.75%;
	//          95% needs 6 values
	//
	// digits, softplus, depth 10
	//   Observed: smorms3 has the highest median validation accuracy, 0.920; the target,
	//   accuracy 0.8, is reached first by smorms3, after 100 steps; sgd is about 3 times slower.
	//
	//                              steps to
	//   #  optimizer  accuracy          0.8  speed                   decades  against sgd
	//   1  smorms3       0.920          100  fastest               3.0 → 1.0  better, P = 0.0079
	//   2  sgd           0.840          300  about 3 times slower  3.0 → 1.0  baseline
}
