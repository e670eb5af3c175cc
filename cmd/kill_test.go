//go:build unix

package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asCommand makes the test binary behave as gradflow.
const asCommand = "GRADFLOW_TEST_AS_COMMAND"

const killStudy = `name: kill
task: digits
budget: {steps: 150, batch: 32, evaluate: 50}
seeds: 6
grid: {depth: 10, width: 32, activation: tanh, initializer: glorot-normal, optimizer: [sgd, smorms3]}
`

// stopInTheMiddle starts the study, sends the signal when some of its runs are
// recorded, and returns what it printed, its exit status and how many were recorded.
func stopInTheMiddle(t *testing.T, signal syscall.Signal, dir string) (output string, status, recorded int) {
	t.Helper()
	file := filepath.Join(dir, "kill.yaml")
	if err := os.WriteFile(file, []byte(killStudy), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "run", file, "--out", filepath.Join(dir, "out"), "--workers", "2")
	c.Env = append(os.Environ(), asCommand+"=1")
	var printed bytes.Buffer
	c.Stdout, c.Stderr = &printed, &printed
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(runs(t, dir)) < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			c.Process.Kill()
			t.Fatalf("no three runs in 30 seconds:\n%s", printed.String())
		}
	}
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err = c.Wait()
	if err == nil {
		t.Fatalf("the study ended before the signal:\n%s", printed.String())
	}
	return printed.String(), c.ProcessState.ExitCode(), len(runs(t, dir))
}

// runs returns the recorded runs, by directory.
func runs(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "out", "runs", "[0-9a-f]*", "*.json*"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range list {
		if filepath.Base(path) == "timing.json" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(filepath.Dir(path))] += string(text)
	}
	return found
}

func goOn(t *testing.T, dir string) string {
	t.Helper()
	var out, progress bytes.Buffer
	if status := Run(t.Context(), []string{"run", filepath.Join(dir, "kill.yaml"), "--out", filepath.Join(dir, "out")}, nil, &out, &progress); status != done {
		t.Fatalf("going on: exit status %d\n%s%s", status, out.String(), progress.String())
	}
	return out.String()
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	_, _, recorded := stopInTheMiddle(t, syscall.SIGKILL, dir)
	before := runs(t, dir)
	if recorded == 0 || recorded == 12 {
		t.Fatalf("%d of 12 runs were recorded", recorded)
	}
	out := goOn(t, dir)
	if want := "recorded before"; !strings.Contains(out, want) {
		t.Errorf("going on prints %q, want %q", out, want)
	}
	after := runs(t, dir)
	if len(after) != 12 {
		t.Errorf("%d runs after going on, want 12", len(after))
	}
	for hash, text := range before {
		if after[hash] != text {
			t.Errorf("the record %s was written again", hash)
		}
	}
	// Uninterrupted, the study has the same records.
	whole := t.TempDir()
	if err := os.WriteFile(filepath.Join(whole, "kill.yaml"), []byte(killStudy), 0o644); err != nil {
		t.Fatal(err)
	}
	goOn(t, whole)
	for hash, text := range runs(t, whole) {
		if after[hash] != text {
			t.Errorf("the record %s differs from that of an uninterrupted study", hash)
		}
	}
}

func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	printed, status, recorded := stopInTheMiddle(t, syscall.SIGINT, dir)
	if status != failed {
		t.Errorf("exit status %d after an interrupt, want %d", status, failed)
	}
	if !strings.Contains(printed, "The same command resumes") {
		t.Errorf("an interrupted study prints\n%s", printed)
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, "out", "runs", ".unfinished*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %v, %v", leftovers, err)
	}
	goOn(t, dir)
	if n := len(runs(t, dir)); n != 12 || recorded == 12 {
		t.Errorf("%d runs after going on from %d, want 12", n, recorded)
	}
}
