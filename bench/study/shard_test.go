package study

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
)

const sharded = `name: sharded
task: digits
budget: {steps: 6, batch: 8}
probe: 1
seeds: 3
grid: {depth: [1, 2], width: [3, 5], activation: [tanh, sigmoid], initializer: glorot-normal, optimizer: sgd}
`

const shardedTuned = `name: sharded-tuned
task: digits
budget: {steps: 12, batch: 8}
probe: 1
seeds: 2
grid: {depth: 1, width: 4, activation: [tanh, sigmoid], initializer: glorot-normal, optimizer: sgd}
tune: {optimizer.rate: {log-uniform: [0.01, 1], tries: 4}, halving: true}
`

func parsed(t *testing.T, text string) *Spec {
	t.Helper()
	s, err := Parse(t.Context(), "study.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// results are the files of all records of a directory that a run's result decides.
func results(t *testing.T, dir string) string {
	var b bytes.Buffer
	err := filepath.WalkDir(filepath.Join(dir, "runs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "timing.json" || d.Name() == "summary.json" {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %x\n", rel, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestShards checks that a study gives the same records in one piece and in shards, also if
// each shard is interrupted and begun again, and that merging again changes nothing.
func TestShards(t *testing.T) {
	for _, text := range []string{sharded, shardedTuned} {
		s := parsed(t, text)
		t.Run(s.Name, func(t *testing.T) {
			whole := t.TempDir()
			if _, err := Run(t.Context(), s, whole, Options{}); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 3} {
				dir := t.TempDir()
				for round := range s.Rounds() {
					for i := 1; i <= n; i++ {
						if round == 0 {
							ctx, cancel := context.WithCancel(t.Context())
							_, err := Run(ctx, s, dir, Options{Shard: &Shard{i, n}, Workers: 1, Progress: stopAfter{cancel}})
							if err != nil {
								t.Fatal(err)
							}
						}
						if _, err := Run(t.Context(), s, dir, Options{Shard: &Shard{i, n}, Workers: 1}); err != nil {
							t.Fatal(err)
						}
					}
				}
				m, err := Merge(t.Context(), dir, nil, false)
				if err != nil || len(m.Missing) > 0 || m.Waiting || len(m.Damaged) > 0 {
					t.Fatalf("%d shards: %+v, %v", n, m, err)
				}
				if results(t, dir) != results(t, whole) {
					t.Errorf("the records of %d shards differ from those of the whole study", n)
				}
				again, err := Merge(t.Context(), dir, nil, false)
				if err != nil || again.Copied != 0 || again.Present < m.Copied {
					t.Errorf("merged again: %+v, %v", again, err)
				}
				if o, err := Run(t.Context(), s, dir, Options{}); err != nil || o.Finished != 0 {
					t.Errorf("the merged study had %d runs left, %v", o.Finished, err)
				}
			}
		})
	}
}

// stopAfter cancels when the first run has ended.
type stopAfter struct{ cancel func() }

func (stopAfter) Begin(Total)                              {}
func (stopAfter) Updated(int)                              {}
func (s stopAfter) Finished(Config, *record.Record, error) { s.cancel() }

// TestDeal checks that each run has one shard, that no shard has much more to do than another,
// and that it follows from the study alone.
func TestDeal(t *testing.T) {
	s := parsed(t, sharded)
	for _, n := range []int{1, 2, 5, 24} {
		dealt, again := s.deal(n), parsed(t, sharded).deal(n)
		load := make([]float64, n)
		longest := 0.
		for _, c := range s.Configs {
			shard := dealt[c.Hash()]
			if shard < 1 || shard > n || again[c.Hash()] != shard {
				t.Fatalf("of %d shards, %d", n, shard)
			}
			load[shard-1] += work(c)
			longest = max(longest, work(c))
		}
		for i := range load {
			for j := range load {
				if load[i] > load[j]+longest {
					t.Errorf("of %d shards, one has %g to do, another %g", n, load[i], load[j])
				}
			}
		}
	}
}

// TestSplit checks that the first of several processes decides on the number of shards.
func TestSplit(t *testing.T) {
	s, dir := parsed(t, sharded), t.TempDir()
	if _, err := s.Split(dir, 0); err == nil || !strings.Contains(err.Error(), "gradflow plan") {
		t.Errorf("an unknown number of shards: %v", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[int]bool{}
	for n := 2; n < 10; n++ {
		wg.Go(func() {
			if got, err := s.Split(dir, n); err == nil {
				mu.Lock()
				won[got] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d numbers of shards won", len(won))
	}
	for n := range won {
		if got, err := s.Split(dir, 0); err != nil || got != n {
			t.Errorf("the number is %d, %v; want %d", got, err, n)
		}
		if _, err := s.Split(dir, n+1); err == nil {
			t.Error("another number is accepted")
		}
		if _, err := parsed(t, strings.Replace(sharded, "seeds: 3", "seeds: 4", 1)).Split(dir, n); err == nil {
			t.Error("a study that has changed is accepted")
		}
	}
	if err := os.WriteFile(filepath.Join(dir, shardsFile), []byte(`{"shards": -1}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Split(dir, 2); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestShardText(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {1, 1}, "3/8": {3, 8}} {
		if s, err := ParseShard(text); err != nil || s != want || s.String() != text {
			t.Errorf("%q is %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "3", "0/8", "9/8", "-1/8", "1/0", "1/99999", "a/b", "1/8/2", "99999999999/99999999999"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
	for _, c := range []struct {
		name, value string
		want        int
	}{{"SLURM_ARRAY_TASK_ID", "3", 3}, {"JOB_COMPLETION_INDEX", "0", 1}, {"PARALLEL_SEQ", "8", 8}, {"SLURM_ARRAY_TASK_ID", "0", 0}, {"SLURM_ARRAY_TASK_ID", "x", 0}, {"HOME", "/", 0}} {
		index, engine, err := ShardHere(func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		})
		if index != c.want || (err != nil) != (c.want == 0 && c.name != "HOME") || (engine == "") != (c.name == "HOME") {
			t.Errorf("%s=%s: %d, %q, %v", c.name, c.value, index, engine, err)
		}
	}
}

// TestMergeRefuses checks what is not merged.
func TestMergeRefuses(t *testing.T) {
	s := parsed(t, sharded)
	first, second := t.TempDir(), t.TempDir()
	if _, err := Run(t.Context(), s, first, Options{}); err != nil {
		t.Fatal(err)
	}
	hashes, _ := record.Runs(first)
	r, err := record.Read(record.RunDirectory(first, hashes[0]))
	if err != nil {
		t.Fatal(err)
	}
	// with puts a changed record into a directory of the same study.
	with := func(change func(*record.Record)) {
		d, err := record.Create(second, s.Source, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		other := *r
		change(&other)
		if err := d.Write(&other); err != nil {
			t.Fatal(err)
		}
	}
	with(func(r *record.Record) { r.Summary.Environment.Kernel = "abacus" })
	into := t.TempDir()
	if _, err := Merge(t.Context(), into, []string{first, second}, false); err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("other kernels: %v", err)
	}
	if hashes, _ := record.Runs(into); len(hashes) > 0 {
		t.Error("something was merged all the same")
	}
	if m, err := Merge(t.Context(), into, []string{first, second}, true); err != nil || m.Copied != len(hashes) || m.Present != 1 || len(m.Different) != 1 {
		t.Errorf("mixed: %+v, %v", m, err)
	}
	with(func(r *record.Record) { r.Summary.TestAccuracy += 0.01 })
	if _, err := Merge(t.Context(), t.TempDir(), []string{first, second}, false); err == nil || !strings.Contains(err.Error(), "another result") {
		t.Errorf("another result: %v", err)
	}
	if err := os.WriteFile(filepath.Join(second, "study.yaml"), []byte(shardedTuned), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(t.Context(), t.TempDir(), []string{first, second}, false); err == nil || !strings.Contains(err.Error(), "different studies") {
		t.Errorf("another study: %v", err)
	}
	// What is damaged is left out, and then missing.
	if err := os.WriteFile(filepath.Join(record.RunDirectory(first, hashes[1]), "metrics.jsonl"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := Merge(t.Context(), t.TempDir(), []string{first}, false)
	if err != nil || len(m.Damaged) != 1 || len(m.Missing) != 1 || m.Missing[0].Hash() != hashes[1] {
		t.Errorf("a damaged record: %+v, %v", m, err)
	}
}

// TestFailures checks that what failed is written down, and gone when it has been done.
func TestFailures(t *testing.T) {
	s, dir := parsed(t, sharded), t.TempDir()
	d, err := record.Create(dir, s.Source, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteFailures([]record.Failure{{Run: "a", Error: "out of luck"}}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if list := record.Failures(dir); len(list) != 1 || list[0].Error != "out of luck" {
		t.Errorf("the failures are %v", list)
	}
	if m, err := Merge(t.Context(), t.TempDir(), []string{dir}, false); err != nil || len(m.Failures) != 1 || len(m.Missing) != len(s.Configs) {
		t.Errorf("merged: %+v, %v", m, err)
	}
	if _, err := Run(t.Context(), s, dir, Options{}); err != nil || record.Failures(dir) != nil {
		t.Errorf("after a run without failures: %v, %v", record.Failures(dir), err)
	}
}

// TestEstimate checks the estimate's sums; how long things take, no test asserts.
func TestEstimate(t *testing.T) {
	s := parsed(t, sharded)
	for _, limit := range []int{0, 1e9} {
		e, err := s.Estimate(t.Context(), s.Configs, 0)
		if limit > 0 {
			e, err = s.Estimate(t.Context(), s.Configs, 1e9*3600)
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.
		for i, seconds := range e.Seconds {
			if seconds <= 0 {
				t.Errorf("run %d takes %g s", i, seconds)
			}
			sum += seconds
		}
		if sum != e.Total && (sum-e.Total)/sum > 1e-12 || e.Shapes != 8 || e.Memory <= 0 {
			t.Errorf("%+v, of a sum of %g", e, sum)
		}
		if want := map[int]int{0: 1, 1e9: 8}[limit]; e.Measured != want {
			t.Errorf("%d kinds were measured, want %d", e.Measured, want)
		}
	}
}
