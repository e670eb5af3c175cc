package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const shardStudy = `name: shards
task: digits
budget: {steps: 4, batch: 8}
probe: 1
seeds: 3
grid: {depth: 1, width: 4, activation: [tanh, sigmoid], initializer: glorot-normal, optimizer: sgd}
`

// run runs the command in the current directory, and returns what it printed.
func runHere(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if got := Run(t.Context(), args, nil, &out, &err); got != want {
		t.Fatalf("gradflow %s: exit status %d, want %d\n%s", strings.Join(args, " "), got, want, err.String())
	}
	return out.String(), err.String()
}

// TestShardsOfACommand follows a study from its plan over its shards to what is exported.
func TestShardsOfACommand(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(shardStudy), 0o666); err != nil {
		t.Fatal(err)
	}
	runHere(t, wrongUse, "run", "s.yaml", "--shard", "auto") // no array
	t.Setenv("SLURM_ARRAY_TASK_ID", "1")
	if _, err := runHere(t, wrongUse, "run", "s.yaml", "--shard", "auto"); !strings.Contains(err, "gradflow plan") {
		t.Errorf("without a plan: %s", err)
	}
	script, _ := runHere(t, done, "plan", "s.yaml", "--shards", "2", "--out", "it's")
	if !strings.Contains(script, "array=${1:-1-2}") || strings.Count(script, "sbatch ") < 2 {
		t.Errorf("the script is\n%s", script)
	}
	runHere(t, wrongUse, "plan", "s.yaml", "--shards", "3", "--out", "it's")
	runHere(t, done, "run", "s.yaml", "--shard", "auto", "--out", "it's")
	runHere(t, wrongUse, "run", "s.yaml", "--out", "it's") // not merged
	out, _ := runHere(t, done, "merge", "it's")
	if !strings.Contains(out, "3 runs missing") {
		t.Errorf("with a shard missing:\n%s", out)
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "3")
	if _, err := runHere(t, wrongUse, "run", "s.yaml", "--shard", "auto", "--out", "it's"); !strings.Contains(err, "2 shards") {
		t.Errorf("a job too many: %s", err)
	}
	events, _ := runHere(t, done, "run", "s.yaml", "--shard", "2/2", "--out", "it's", "--json")
	var names []string
	for lines := bufio.NewScanner(strings.NewReader(events)); lines.Scan(); {
		var e struct {
			Event, Status string
			Runs          int
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		names = append(names, e.Event)
		if e.Event == "run" && e.Status != "done" || e.Event != "run" && e.Runs != 3 {
			t.Errorf("event %s", lines.Text())
		}
	}
	if got := strings.Join(names, " "); got != "begin run run run end" {
		t.Errorf("the events are %s", got)
	}
	var s status
	out, _ = runHere(t, done, "status", "it's", "--json")
	if err := json.Unmarshal([]byte(out), &s); err != nil || s.Runs != 6 || s.Recorded != 6 || s.Unmerged != 3 || len(s.Places) != 3 {
		t.Errorf("the status is %s, %v", out, err)
	}
	if out, _ = runHere(t, done, "merge", "it's"); !strings.Contains(out, "complete") {
		t.Errorf("the merge says\n%s", out)
	}
	for _, args := range [][]string{{"status", "it's"}, {"status", "it's", "--watch"}, {"status", "it's", "--verify"}} {
		out, _ := runHere(t, done, args...)
		for _, line := range strings.Split(out, "\n") {
			if len([]rune(line)) > 80 {
				t.Errorf("%q: %q is wider than 80 columns", args, line)
			}
		}
	}
	csv, _ := runHere(t, done, "export", "it's")
	if n := strings.Count(csv, "\n"); n != 7 {
		t.Errorf("the CSV has %d lines, want 7", n)
	}
	for _, format := range []string{"jsonl", "parquet", "benchfmt"} {
		runHere(t, done, "export", "it's", "--to", format, "--out", "x."+format)
	}
	runHere(t, done, "export", "it's", "--to", "tensorboard", "--out", "deep/tb")
	runHere(t, wrongUse, "export", "it's", "--to", "tensorboard", "--out", "deep/tb") // is there
	runHere(t, wrongUse, "export", "it's", "--to", "tensorboard")
	runHere(t, wrongUse, "export", "it's", "--to", "xls")
	runHere(t, wrongUse, "export", "it's", "--table", "tables")
	runHere(t, wrongUse, "export", "nowhere")
	runHere(t, wrongUse, "merge", "nowhere")
	runHere(t, wrongUse, "status", "deep")

	// Damage is found.
	hashes, err := filepath.Glob("it's/runs/*")
	if err != nil || len(hashes) != 6 {
		t.Fatal(hashes, err)
	}
	if err := os.Truncate(filepath.Join(hashes[2], "metrics.jsonl"), 3); err != nil {
		t.Fatal(err)
	}
	if out, _ := runHere(t, failed, "status", "it's", "--verify"); !strings.Contains(out, filepath.Base(hashes[2])) {
		t.Errorf("a damaged record: %s", out)
	}
}

// TestPlanForKubernetes reads the manifest, with hostile names in it.
func TestPlanForKubernetes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("it's \"a\".yaml", []byte(strings.Replace(shardStudy, "optimizer: sgd}", "optimizer: sgd}\ntune: {optimizer.rate: {log-uniform: [0.01, 1], tries: 2}}", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	runHere(t, wrongUse, "plan", "it's \"a\".yaml", "--for", "kubernetes")
	runHere(t, wrongUse, "plan", "it's \"a\".yaml", "--for", "cron")
	runHere(t, wrongUse, "plan", "it's \"a\".yaml", "--image", "x")
	runHere(t, done, "plan", "it's \"a\".yaml", "--for", "kubernetes", "--image", "r/g:1", "--claim", "c", "--shards", "2", "-o", "job.yaml")
	text, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	jobs := 0
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; jobs++ {
		var job struct {
			Kind string
			Spec struct {
				CompletionMode           string `yaml:"completionMode"`
				Completions, Parallelism int
				Suspend                  bool
				Template                 struct {
					Spec struct {
						Containers []struct{ Command []string }
					}
				}
			}
		}
		if err := d.Decode(&job); err != nil {
			break
		}
		s := job.Spec
		if job.Kind != "Job" || s.CompletionMode != "Indexed" || s.Completions != 2 || s.Suspend != (jobs > 0) || len(s.Template.Spec.Containers) != 1 {
			t.Errorf("job %d is %+v", jobs, job)
			continue
		}
		if command := s.Template.Spec.Containers[0].Command; len(command) != 3 || !strings.Contains(command[2], `run 'it'\''s "a".yaml' --out gradflow-out/shards --shard auto`) {
			t.Errorf("the command is %q", command)
		}
	}
	if jobs != 4 { // one to tune, two to extend the range, one that is judged
		t.Errorf("there are %d jobs, want 4\n%s", jobs, text)
	}
}
