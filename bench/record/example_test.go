package record_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/models/train"
)

// A record is written into a study's directory, and read back.
func Example() {
	root, err := os.MkdirTemp("", "record")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	d, err := record.Create(filepath.Join(root, "mine"), []byte("name: mine"), nil)
	if err != nil {
		panic(err)
	}
	c := record.Config{Depth: 3, Width: 8, DType: "float64", Batch: 16, Steps: 10, Seed: 1}
	line := record.Metric{Step: 10, TrainLoss: 0.2, ValidationLoss: 0.3, ValidationAccuracy: 0.9}
	r := &record.Record{Hash: c.Hash(), Config: c, Metrics: []record.Metric{line},
		Summary: record.Summary{Status: train.Done, Final: line, StepsToTarget: record.Number(math.NaN())}}
	if err := d.Write(r); err != nil {
		panic(err)
	}
	if err := d.Close(); err != nil {
		panic(err)
	}
	read, err := record.Read(filepath.Join(root, "mine", "runs", r.Hash))
	if err != nil {
		panic(err)
	}
	fmt.Println(read.Config.Depth, "layers,", read.Summary.Status, "with an accuracy of", read.Summary.Final.ValidationAccuracy)
	// Output: 3 layers, done with an accuracy of 0.9
}
