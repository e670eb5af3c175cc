package compare_test

import (
	"fmt"
	"math"
	"strings"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
)

// Runs of two optimizers with ten seeds each. (Those of a study come from study.Open.)
func Example() {
	named := func(name string) catalogue.Choice { return catalogue.Choice{Name: name} }
	var records []*record.Record
	for seed := range uint64(10) {
		for optimizer, accuracy := range map[string]float64{"sgd": 0.6, "smorms3": 0.8} {
			accuracy += 0.01 * math.Sin(float64(3*seed)) // the seeds differ
			records = append(records, &record.Record{
				Config: record.Config{
					Task: named("digits"), Model: named("mlp"), Depth: 20, Width: 64, Activation: named("sigmoid"),
					Initializer: named("glorot-normal"), Normalization: named("none"), Optimizer: named(optimizer),
					DType: "float32", Batch: 64, Steps: 400, Target: 0.9, Seed: seed + 1,
				},
				Summary: record.Summary{Status: train.Done, TestAccuracy: record.Number(accuracy), Chance: 0.1, Judged: 360,
					StepsToTarget: record.Number(math.NaN()),
					Final:         record.Metric{Step: 400, ValidationAccuracy: record.Number(accuracy)}},
			})
		}
	}
	c, err := compare.Runs(records, compare.Options{By: []string{"optimizer"}, Baseline: "sgd"})
	if err != nil {
		panic(err)
	}
	// c.Answer is the sentence that the tests allow.
	best := c.Things[0].Label
	fmt.Println(best, "first:", strings.HasPrefix(c.Answer, best+" "))
	// Output: smorms3 first: true
}
