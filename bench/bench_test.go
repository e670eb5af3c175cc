package bench_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/models/train"
)

// TestMain writes the configuration lines of the benchmark format.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.bench"); f != nil && f.Value.String() != "" {
		here := record.Here()
		fmt.Printf("kernel: %s\ngo: %s\n", here.Kernel, runtime.Version())
		fmt.Println("Unit val-acc better=higher")
		fmt.Println("Unit steps-to-target better=lower")
		fmt.Println("Unit grad-decades better=lower")
		fmt.Println("Unit diverged better=lower")
	}
	os.Exit(m.Run())
}

// repetitions counts the runs of each benchmark, for their seeds.
var repetitions = map[string]uint64{}

// benchmark trains the configuration, with another seed each time, and reports the
// means of what came out.
func benchmark(b *testing.B, c study.Config) {
	var accuracy, steps, decades, diverged float64
	var runs, reached, measured float64
	for b.Loop() {
		repetitions[b.Name()]++
		c.Seed = repetitions[b.Name()]
		r, err := study.Execute(context.Background(), c, nil)
		if err != nil {
			b.Fatal(err)
		}
		runs++
		accuracy += float64(r.Summary.Final.ValidationAccuracy)
		if s := r.Summary.StepsToTarget; !s.IsNaN() {
			steps += float64(s)
			reached++
		}
		if d := r.Summary.DecadesFirst; !d.IsNaN() {
			decades += float64(d)
			measured++
		}
		if r.Summary.Status == train.Diverged {
			diverged++
		}
	}
	b.ReportMetric(accuracy/runs, "val-acc")
	b.ReportMetric(diverged/runs, "diverged")
	if reached == runs {
		b.ReportMetric(steps/runs, "steps-to-target")
	}
	if measured == runs {
		b.ReportMetric(decades/runs, "grad-decades")
	}
}

// grid makes the configurations of a study given as text.
func grid(tb testing.TB, text string) []study.Config {
	tb.Helper()
	s, err := study.Parse(context.Background(), "the benchmark's study", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return s.Configs
}
