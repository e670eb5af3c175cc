package record

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLive(t *testing.T) {
	dir := t.TempDir()
	d, err := Create(dir, []byte("name: live\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if l, err := ReadLive(dir); l != nil || err != nil {
		t.Fatalf("before anything is told: %v, %v", l, err)
	}
	now := time.Now()
	want := &Live{Began: now.Add(-10 * time.Second), Written: now, Runs: 4, Updates: 100, Before: 20, Done: 40,
		Running: []LiveRun{{Run: "a", Config: Config{Activation: Choice{Name: "tanh"}}, Step: 7, Metrics: []Metric{{Step: 7}}}}}
	if err := d.WriteLive(want); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLive(dir)
	if err != nil || l == nil || l.Running[0].Config.Activation.Name != "tanh" || l.Running[0].Metrics[0].Step != 7 {
		t.Fatalf("read %+v, %v", l, err)
	}
	if left := l.Left(); left != 10*time.Second {
		t.Errorf("%v left, want 10s: 40 of 80 updates took 10s", left)
	}
	file := filepath.Join(dir, liveFile)
	if err := os.WriteFile(file, []byte(`{"began":`), 0o666); err != nil {
		t.Fatal(err)
	}
	if l, err := ReadLive(dir); l != nil || err == nil {
		t.Errorf("of half a file: %v, %v", l, err)
	}
	if err := d.WriteLive(want); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, now, now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if l, err := ReadLive(dir); l != nil || err != nil {
		t.Errorf("of a process that was killed a minute ago: %v, %v", l, err)
	}
	d.EndLive()
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}
