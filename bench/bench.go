package bench

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models/train"
)

// Study runs a study as benchmarks: see [Run]. It is the name of a file, or the text of
// one, which has more than one line.
func Study(b *testing.B, fileOrText string) {
	b.Helper()
	var s *study.Spec
	var err error
	if strings.Contains(fileOrText, "\n") {
		s, err = study.Parse(context.Background(), "the benchmark's study", []byte(fileOrText))
	} else {
		s, err = study.Load(context.Background(), fileOrText)
	}
	if err != nil {
		b.Fatal(err)
	}
	Run(b, s)
}

// Run makes a sub-benchmark of each setup of a study, that is of its runs but for the
// seeds, named by the axes that differ: /activation=tanh/depth=30/optimizer=sgd. An
// operation is a whole run, with its evaluations. The first has the first seed of the
// study, the second the next, and so on, within a benchmark and with -count; past the last
// of the study's seeds come those that follow the largest.
//
// A study that tunes is tuned first, outside the time that is measured, once in a process;
// the names are without the settings chosen.
//
// The metrics, which are means over the runs of a benchmark, are those that the package
// documents. At the end the log has the comparison that the study asks for, of all its runs
// in the process.
func Run(b *testing.B, s *study.Spec) {
	b.Helper()
	plain, seeds := setupsOf(s)
	setups, err := chosen(b.Context(), s, plain)
	if err != nil {
		b.Fatal(err)
	}
	for i, name := range names(plain) {
		measure := func(b *testing.B) { runSetup(b, s, setups[i], seeds) }
		if name == "" {
			measure(b)
		} else {
			b.Run(name, measure)
		}
	}
	logComparison(b, s, plain, setups)
}

// done has the runs of each study in this process.
var done struct {
	sync.Mutex
	of map[string][]*record.Record
}

func keep(s *study.Spec, r *record.Record) {
	done.Lock()
	defer done.Unlock()
	if done.of == nil {
		done.of = map[string][]*record.Record{}
	}
	if key := string(s.Source); !slices.ContainsFunc(done.of[key], func(o *record.Record) bool { return o.Hash == r.Hash }) {
		done.of[key] = append(done.of[key], r)
	}
}

// logComparison logs what the runs so far, those of earlier repetitions too, have shown.
func logComparison(b *testing.B, s *study.Spec, plain, setups []study.Config) {
	b.Helper()
	done.Lock()
	records := slices.Clone(done.of[string(s.Source)])
	done.Unlock()
	if len(records) == 0 || len(setups) < 2 {
		return
	}
	o := compare.Options{By: s.Comparison.By, Baseline: s.Comparison.Baseline, Planned: setups}
	if len(s.Comparison.Variants) > 0 {
		variant := map[string]string{}
		for i, c := range setups {
			variant[c.Setup().Hash()] = s.Comparison.Variant[plain[i].Setup().Hash()]
		}
		o.Name = func(c record.Config) (string, bool) { name := variant[c.Setup().Hash()]; return name, name != "" }
	}
	c, err := compare.Runs(records, o)
	if err != nil { // -bench may have left the baseline out
		b.Log(err)
		return
	}
	var text bytes.Buffer
	if err := c.WriteText(&text, compare.TextOptions{}); err != nil {
		b.Log(err)
	}
	b.Logf("%s:\n%s", s.Name, text.String())
}

// chosen returns setups with the settings that the study chooses. Each study is tuned once in
// a process.
func chosen(ctx context.Context, s *study.Spec, setups []study.Config) ([]study.Config, error) {
	if s.Tune == nil {
		return setups, nil
	}
	tuned.Lock()
	defer tuned.Unlock()
	final, known := tuned.of[string(s.Source)]
	if !known || bytes.Contains(s.Source, []byte("\nparts:")) { // whose names may stand for others
		tuning, err := s.Choose(ctx)
		if err != nil {
			return nil, err
		}
		final = map[string]study.Config{}
		for _, c := range tuning.Final {
			plain, _ := tuning.Plain(c)
			final[plain.Setup().Hash()] = c.Setup()
		}
		if tuned.of == nil {
			tuned.of = map[string]map[string]study.Config{}
		}
		tuned.of[string(s.Source)] = final
	}
	with := make([]study.Config, len(setups))
	for i, c := range setups {
		with[i] = final[c.Hash()]
	}
	return with, nil
}

// tuned has the setups with the settings chosen, by the hashes of the plain ones, by study.
var tuned struct {
	sync.Mutex
	of map[string]map[string]study.Config
}

// setupsOf returns the setups of a study and its seeds.
func setupsOf(s *study.Spec) (setups []study.Config, seeds []uint64) {
	seenSetup, seenSeed := map[string]bool{}, map[uint64]bool{}
	for _, c := range s.Configs {
		if !seenSeed[c.Seed] {
			seenSeed[c.Seed] = true
			seeds = append(seeds, c.Seed)
		}
		if key := c.Setup().Hash(); !seenSetup[key] {
			seenSetup[key] = true
			setups = append(setups, c.Setup())
		}
	}
	return setups, seeds
}

// Names returns the names of a study's sub-benchmarks, in their order.
func Names(s *study.Spec) []string {
	setups, _ := setupsOf(s)
	return names(setups)
}

// names returns those of the setups' sub-benchmarks; "" for what differs in nothing.
func names(setups []study.Config) []string {
	names := make([]string, len(setups))
	for _, a := range study.Axes {
		values := make([]string, len(setups))
		differ := false
		for i, c := range setups {
			values[i] = fmt.Sprint(a.Value(c))
			differ = differ || values[i] != values[0]
		}
		if !differ {
			continue
		}
		if a.Label == nil {
			choices := make([]catalogue.Choice, len(setups))
			for i, c := range setups {
				choices[i] = a.Value(c).(catalogue.Choice)
			}
			values = catalogue.Labels(choices)
		}
		for i, v := range values {
			if names[i] != "" {
				names[i] += "/"
			}
			names[i] += a.Key + "=" + word(v)
		}
	}
	return names
}

var processors = regexp.MustCompile(`-[0-9]+$`)

// word writes a value as a part of a benchmark's name, where a slash would begin the next
// part, and a number after a hyphen at the end would be one of processors.
func word(value string) string {
	value = strings.ReplaceAll(strings.ReplaceAll(value, " ", ""), "/", "÷")
	if processors.MatchString(value) {
		return "(" + value + ")"
	}
	return value
}

// repetitions counts the runs of each benchmark, for their seeds.
var repetitions struct {
	sync.Mutex
	of map[string]int
}

// nextSeed returns the seed of a benchmark's next run.
func nextSeed(name string, seeds []uint64) uint64 {
	repetitions.Lock()
	defer repetitions.Unlock()
	if repetitions.of == nil {
		repetitions.of = map[string]int{}
	}
	k := repetitions.of[name]
	repetitions.of[name]++
	if k < len(seeds) {
		return seeds[k]
	}
	return slices.Max(seeds) + uint64(k-len(seeds)+1)
}

// runSetup is the benchmark of one setup.
func runSetup(b *testing.B, s *study.Spec, c study.Config, seeds []uint64) {
	parts, err := s.Assemble(c)
	if err != nil {
		b.Fatal(err)
	}
	accuracy := parts.Task.Loss().HigherIsBetter()
	var test, runs, score, diverged, reached, steps, measured, decades float64
	for b.Loop() {
		c.Seed = nextSeed(b.Name(), seeds)
		r, err := s.Execute(b.Context(), c, nil)
		if err == nil && r == nil {
			err = context.Cause(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		keep(s, r)
		runs++
		if accuracy {
			score += float64(r.Summary.Final.ValidationAccuracy)
			test += float64(r.Summary.TestAccuracy)
		} else {
			score += float64(r.Summary.Final.ValidationLoss)
			test += float64(r.Summary.TestLoss)
		}
		if n := r.Summary.StepsToTarget; !n.IsNaN() {
			steps += float64(n)
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
	report := func(sum, of float64, unit string) {
		if x := sum / of; x-x == 0 { // NaN and infinities spoil a table
			b.ReportMetric(x, unit)
		}
	}
	if accuracy {
		report(score, runs, "val-acc")
		report(test, runs, "test-acc")
	} else {
		report(score, runs, "val-loss")
		report(test, runs, "test-loss")
	}
	report(diverged, runs, "diverged")
	report(reached, runs, "reached")
	if reached == runs {
		report(steps, runs, "steps-to-target")
	}
	if measured == runs {
		report(decades, runs, "grad-decades")
	}
}

// Main is for a package's TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }
//
// If benchmarks are asked for, it first prints the lines of the benchmark format that say
// what they ran on, and which way the metrics are better. It returns the exit status.
func Main(m *testing.M) int {
	if !flag.Parsed() {
		flag.Parse()
	}
	if f := flag.Lookup("test.bench"); f != nil && f.Value.String() != "" {
		fmt.Fprintf(os.Stdout, "kernel: %s\ngo: %s\n", record.Here().Kernel, runtime.Version())
		for _, unit := range []string{"val-acc better=higher", "val-loss better=lower", "test-acc better=higher", "test-loss better=lower", "reached better=higher",
			"steps-to-target better=lower", "grad-decades better=lower", "diverged better=lower"} {
			fmt.Println("Unit " + unit)
		}
	}
	return m.Run()
}
