package study_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
)

// stops is progress that calls off a study after this many reports of updates, and keeps what is in the
// directory of checkpoints then, as a kill would leave it.
type stops struct {
	mu    sync.Mutex
	after int
	stop  func()
	dir   string
	left  map[string][]byte
}

func (s *stops) Begin(study.Total)                             {}
func (s *stops) Finished(record.Config, *record.Record, error) {}

func (s *stops) Updated(int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.after--; s.after > 0 || s.left != nil {
		return
	}
	s.left = map[string][]byte{}
	files, _ := filepath.Glob(filepath.Join(s.dir, "checkpoints", "*"))
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil {
			s.left[f] = text
		}
	}
	s.stop()
}

// TestCheckpoints runs a study undisturbed, and again with interruptions after a few
// updates each, some of which find the checkpoints as a kill leaves them, or damaged: the
// records are the same, and no checkpoint is left.
func TestCheckpoints(t *testing.T) {
	const text = `
name: long
task: digits
budget: {steps: 40, batch: 16, evaluate: 4%s}
seeds: 1
grid:
  model: [mlp, highway]
  depth: 3
  width: 8
  activation: ["scaled(of=tanh,a=1.5,learn=unit)"]
  normalization: [none, batch-norm]
  initializer: glorot-normal
  optimizer: [adam, smorms3]
`
	whole, dir := t.TempDir(), t.TempDir()
	run := func(ctx context.Context, dir, checkpoint string, p study.Progress) study.Outcome {
		t.Helper()
		s := parse(t, string(bytes.Replace([]byte(text), []byte("%s"), []byte(checkpoint), 1)))
		o, err := study.Run(ctx, s, dir, study.Options{Workers: 2, Progress: p})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := run(context.Background(), whole, "", nil); o.Finished != 8 {
		t.Fatalf("%+v", o)
	}
	tries, found := 0, 0
	for ; tries < 40; tries++ {
		ctx, cancel := context.WithCancel(context.Background())
		p := &stops{after: 6, stop: cancel, dir: dir}
		o := run(ctx, dir, ", checkpoint: 3", p)
		cancel()
		if !o.Interrupted {
			break
		}
		files, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
		if err != nil {
			t.Fatal(err)
		}
		if found += len(files); len(files) == 0 { // between two runs
			continue
		}
		switch tries % 4 {
		case 1: // a kill
			for _, f := range files {
				if text, ok := p.left[f]; ok {
					if err := os.WriteFile(f, text, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		case 3:
			text, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], text[:len(text)-10], 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if tries < 4 || tries == 40 || found < 4 {
		t.Errorf("%d interruptions, which left %d checkpoints", tries, found)
	}
	if _, err := os.Stat(filepath.Join(dir, "checkpoints")); !os.IsNotExist(err) {
		t.Errorf("checkpoints are left: %v", err)
	}
	for _, name := range []string{"config.json", "metrics.jsonl", "learned.jsonl", "layers.npy", "summary.json"} {
		files, err := filepath.Glob(filepath.Join(whole, "runs", "*", name))
		if err != nil || len(files) != 8 {
			t.Fatalf("%d files %s, %v", len(files), name, err)
		}
		for _, f := range files {
			relative, _ := filepath.Rel(whole, f)
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, relative)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s differs from that of an undisturbed run: %v", relative, err)
			}
		}
	}
}
