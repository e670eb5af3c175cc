package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
)

// Benchmarks writes runs in the format of Go's benchmarks (golang.org/design/14313-benchmark-format),
// which benchstat reads. The name of a benchmark has the axes on which the runs differ, as those
// of `go test -bench` have; the runs of all seeds have one name, and so are its sample:
//
//	BenchmarkStudy/depth=20/optimizer=sgd 400 0.95 test-accuracy 1200000 ns/op
//
// The number of iterations is that of the updates, ns/op the wall time of an update.
// What a run lacks is left out.
func Benchmarks(w io.Writer, runs []*record.Record) error {
	out := bufio.NewWriter(w)
	configs := make([]record.Config, len(runs))
	for i, r := range runs {
		configs[i] = r.Config
	}
	var differing []study.Axis
	for _, a := range study.Axes {
		if a.Differs(configs) {
			differing = append(differing, a)
		}
	}
	var environment record.Environment
	for _, r := range runs {
		if e := r.Summary.Environment; e != environment {
			environment = e
			fmt.Fprintf(out, "pkg: github.com/gradflow/gradflow/bench\ngoos: %s\ngoarch: %s\ncpu: %s\nkernel: %s\ngradflow: %s\n",
				before(e.Platform, "/"), after(e.Platform, "/"), e.CPU, e.Kernel, e.Gradflow)
		}
		name := "BenchmarkStudy"
		for _, a := range differing {
			value := ""
			if a.Label == nil {
				value = a.Named(r.Config)
				if c, ok := a.Value(r.Config).(record.Choice); ok {
					value = c.String()
				}
			} else {
				value = fmt.Sprint(a.Value(r.Config))
			}
			name += "/" + a.Key + "=" + word(value)
		}
		fmt.Fprintf(out, "%s %d", name, max(1, r.Summary.Steps))
		if s := r.Timing.Seconds; s > 0 && r.Summary.Steps > 0 {
			fmt.Fprintf(out, " %.0f ns/op", 1e9*s/float64(r.Summary.Steps))
		}
		for _, m := range []struct {
			unit  string
			value record.Number
		}{
			{"test-accuracy", r.Summary.TestAccuracy},
			{"test-loss", r.Summary.TestLoss},
			{"validation-accuracy", r.Summary.Final.ValidationAccuracy},
			{"validation-loss", r.Summary.Final.ValidationLoss},
			{"steps-to-target", r.Summary.StepsToTarget},
			{"decades", r.Summary.DecadesFirst},
		} {
			if v := known(float64(m.value)); v != nil {
				fmt.Fprintf(out, " %v %s", v, m.unit)
			}
		}
		diverged := 0
		if r.Summary.Status != "done" {
			diverged = 1
		}
		fmt.Fprintf(out, " %d diverged\n", diverged)
	}
	return errors.WithStack(out.Flush())
}

func before(s, sep string) string { a, _, _ := strings.Cut(s, sep); return a }
func after(s, sep string) string  { _, b, _ := strings.Cut(s, sep); return b }

// word makes one word of a value: names of benchmarks have no spaces, and a slash begins
// another part.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return '_'
		case r == '/':
			return '÷'
		}
		return r
	}, s)
}
