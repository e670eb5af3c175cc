//go:build unix

package cmd

import (
	"bytes"
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
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
	if !strings.Contains(printed, "to resume") {
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

var kills = flag.Int("kills", 3, "processes that TestKills kills")

// TestKills kills process after process of one study at random moments. The last one is left
// alone, and the records are those of a study that nobody disturbed, bit for bit.
func TestKills(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	for _, d := range []string{whole, dir} {
		if err := os.WriteFile(filepath.Join(d, "kill.yaml"), []byte(killStudy), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	goOn(t, whole)
	duration := time.Since(begin)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	moments := chance(t)
	for range *kills {
		c := exec.Command(self, "run", filepath.Join(dir, "kill.yaml"), "--out", filepath.Join(dir, "out"), "--workers", "2")
		c.Env = append(os.Environ(), asCommand+"=1")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(moments.Float64() / 2 * float64(duration)))
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		c.Wait()
		// What is recorded in between is whole.
		if r, err := study.Open(t.Context(), filepath.Join(dir, "out")); err == nil && len(r.Damaged)+len(r.Others) > 0 {
			t.Errorf("after a kill: %q", r.Warnings)
		}
	}
	goOn(t, dir)
	same(t, whole, dir)
}

// same compares the files of two studies.
func same(t *testing.T, whole, dir string) {
	t.Helper()
	want, got := contents(t, whole), contents(t, dir)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s differs from that of an undisturbed study", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was left behind", name)
		}
	}
}

// kill runs gradflow in a process of its own, and kills it when a new file of this pattern
// appears, if there is one, and a while after, unless it ends before.
func kill(t *testing.T, pattern string, later time.Duration, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	files := func() []string {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := files()
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), asCommand+"=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	defer func() { c.Process.Kill(); <-ended }()
	isNew := func(name string) bool { return !slices.Contains(before, name) }
	for deadline := time.Now().Add(time.Minute); pattern != "" && !slices.ContainsFunc(files(), isNew); time.Sleep(50 * time.Microsecond) {
		select {
		case err := <-ended:
			ended <- err
			return
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("no new %s within a minute", pattern)
		}
	}
	time.Sleep(later)
}

// leftovers returns what has a temporary name in a directory, and what is in checkpoints.
func leftovers(t *testing.T, dir string) (temporary, checkpoints []string) {
	t.Helper()
	for name := range contents(t, dir) {
		switch {
		case strings.Contains(name, "/.unfinished"):
			temporary = append(temporary, name)
		case strings.HasPrefix(name, "/checkpoints/"):
			checkpoints = append(checkpoints, name)
		}
	}
	return temporary, checkpoints
}

// TestKillsBetweenCheckpoints kills processes of a study of long runs that keeps checkpoints:
// while one is written, and at random moments after. The runs resume, their records are those
// of a study that nobody disturbed, bit for bit, and nothing is left.
func TestKillsBetweenCheckpoints(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	long := strings.NewReplacer("steps: 150, ", "steps: 600, checkpoint: 20, ", "seeds: 6", "seeds: 1").Replace(killStudy)
	for _, d := range []string{whole, dir} {
		if err := os.WriteFile(filepath.Join(d, "kill.yaml"), []byte(long), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	goOn(t, whole)
	duration := time.Since(begin)
	out := filepath.Join(dir, "out")
	moments := chance(t)
	kept := 0
	for i := range *kills {
		pattern, later := filepath.Join(out, "checkpoints", ".unfinished-*"), time.Duration(0)
		if i%2 == 1 {
			pattern, later = "", time.Duration(moments.Float64()/2*float64(duration))
		}
		kill(t, pattern, later, "run", filepath.Join(dir, "kill.yaml"), "--out", out, "--workers", "2")
		temporary, checkpoints := leftovers(t, dir)
		t.Logf("a kill leaves %d temporary files and %d checkpoints", len(temporary), len(checkpoints))
		kept += len(temporary) + len(checkpoints)
		if r, err := study.Open(t.Context(), out); err == nil && len(r.Damaged)+len(r.Others) > 0 {
			t.Errorf("after a kill: %q", r.Warnings)
		}
	}
	if kept == 0 {
		t.Error("no kill was between the first checkpoint and the end")
	}
	// What can be left behind at worse moments: while anything else was written, and between a
	// run's record and the end of its checkpoint.
	recorded := slices.Min(slices.Collect(maps.Keys(runs(t, whole))))
	for _, name := range []string{"checkpoints/.unfinished-" + recorded + "-01234567", "checkpoints/" + recorded, ".unfinished-report.html-01234567", ".unfinished-study.yaml-01234567", "runs/.unfinished-" + recorded + "-01234567/config.json"} {
		file := filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); err == nil {
			continue // the checkpoint is real
		}
		if err := os.WriteFile(file, []byte("half of some"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	goOn(t, dir)
	same(t, whole, dir)
	if _, err := os.Stat(filepath.Join(out, "checkpoints")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of checkpoints is left: %v", err)
	}
	// A checkpoint that outlived its run.
	file := filepath.Join(out, "checkpoints", recorded)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("all of it"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := study.Open(t.Context(), out); err != nil || len(r.Damaged)+len(r.Others)+len(r.Warnings) > 0 {
		t.Errorf("%v, %q", err, r.Warnings)
	}
	goOn(t, dir)
	same(t, whole, dir)
}

// TestKillsInReport kills processes that write the report: it is the old one or the new one,
// and the study's next run removes what they were writing.
func TestKillsInReport(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kill.yaml"), []byte(strings.NewReplacer("150", "20", "50", "10", "seeds: 6", "seeds: 1").Replace(killStudy)), 0o644); err != nil {
		t.Fatal(err)
	}
	goOn(t, dir)
	out := filepath.Join(dir, "out")
	page := filepath.Join(out, "report.html")
	fresh, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for range *kills {
		if err := os.WriteFile(page, []byte("the old one"), 0o644); err != nil {
			t.Fatal(err)
		}
		kill(t, filepath.Join(out, ".unfinished-*"), 0, "report", out)
		if got, err := os.ReadFile(page); err != nil || string(got) != "the old one" && !bytes.Equal(got, fresh) {
			t.Errorf("after a kill the report is %.50q of %d bytes, %v; want the old one or the new one of %d", got, len(got), err, len(fresh))
		}
		temporary, _ := leftovers(t, dir)
		left += len(temporary)
	}
	t.Logf("%d temporary files were left", left)
	goOn(t, dir)
	if temporary, _ := leftovers(t, dir); len(temporary) > 0 {
		t.Errorf("%v is left", temporary)
	}
	if got, err := os.ReadFile(page); err != nil || !bytes.Equal(got, fresh) {
		t.Errorf("the next run leaves a report of %d bytes, %v; want %d", len(got), err, len(fresh))
	}
}

// contents returns the files of a study's directory but those that differ from run to run.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := filepath.Join(dir, "out")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "timing.json" || d.Name() == "report.html" {
			return err
		}
		text, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, root)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFullDisk has a limit on the size of files: the first record does not fit, and the study
// stops with the reason, and leaves nothing half-written.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "kill.yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(file, []byte(killStudy), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", `ulimit -f 2; exec "$0" run "$1" --out "$2" --workers 2`, self, file, out)
	c.Env = append(os.Environ(), asCommand+"=1")
	printed, err := c.CombinedOutput()
	text := string(printed)
	if err == nil || c.ProcessState.ExitCode() != failed {
		t.Errorf("it ends with %v:\n%s", err, text)
	}
	if !strings.Contains(text, "the study was stopped, as its results can't be kept: ") || !strings.Contains(text, "file too large") || strings.Contains(text, "goroutine") {
		t.Errorf("it prints\n%s", text)
	}
	if !strings.Contains(text, "0 done now, 1 failed") && !strings.Contains(text, "0 done now, 2 failed") {
		t.Errorf("it ran on:\n%s", text)
	}
	left, err := os.ReadDir(filepath.Join(out, "runs"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	goOn(t, dir)
}

// TestReadOnly reports a study that can't be written to.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kill.yaml"), []byte(strings.Replace(killStudy, "seeds: 6", "seeds: 1", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	goOn(t, dir)
	out := filepath.Join(dir, "out")
	if os.Getuid() == 0 { // permissions don't stop root, but a read-only mount does
		if text, err := exec.Command("sh", "-c", `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"`, out).CombinedOutput(); err != nil {
			t.Skipf("can't mount: %v: %s", err, text)
		}
		t.Cleanup(func() {
			if text, err := exec.Command("umount", out).CombinedOutput(); err != nil {
				t.Errorf("umount: %v: %s", err, text)
			}
		})
	} else {
		if err := os.Chmod(out, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(out, 0o755) })
	}
	var printed, told bytes.Buffer
	if status := Run(t.Context(), []string{"report", out}, nil, &printed, &told); status != done {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(printed.String(), "digits, tanh, depth 10") || strings.Contains(printed.String(), "report.html") {
		t.Errorf("it prints\n%s", printed.String())
	}
	if !strings.HasPrefix(told.String(), "The page was not written: ") || !strings.HasSuffix(told.String(), "Use --out FILE to write it elsewhere.\n") {
		t.Errorf("it says\n%s", told.String())
	}
	page := filepath.Join(dir, "page.html")
	printed.Reset()
	if status := Run(t.Context(), []string{"report", out, "--out", page}, nil, &printed, &told); status != done || !strings.Contains(printed.String(), page) {
		t.Errorf("exit status %d, it prints\n%s", status, printed.String())
	}
	if info, err := os.Stat(page); err != nil || info.Size() < 1000 {
		t.Errorf("the page: %v, %v", info, err)
	}
}

// TestOtherStudy refuses the directory of another study, and sweeps with other settings
// have other directories.
func TestOtherStudy(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(args ...string) (int, string) {
		var out, progress bytes.Buffer
		status := Run(t.Context(), args, nil, &out, &progress)
		return status, out.String() + progress.String()
	}
	for _, name := range []string{"one", "two"} {
		text := strings.NewReplacer("name: kill", "name: "+name, "seeds: 6", "seeds: 1", "150", "20").Replace(killStudy)
		if err := os.WriteFile(name+".yaml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if status, text := run("run", "one.yaml", "--out", "out"); status != done {
		t.Fatalf("exit status %d: %s", status, text)
	}
	status, text := run("run", "two.yaml", "--out", "out")
	if want := "gradflow: out holds the study \"one\", not \"two\": give another directory with --out\n"; status != wrongUse || text != want {
		t.Errorf("exit status %d: %q, want %q", status, text, want)
	}
	for _, args := range [][]string{{}, {"--seeds", "2"}, {"--width", "9"}, {"--rates", "0.1,0.3"}, {"--optimizer", "adam"}, {"--dtype", "float64"}, {}} {
		given := []string{"sweep", "--depth", "2", "--width", "8", "--steps", "4", "--seeds", "1", "--rates", "0.1", "--optimizer", "sgd"}
		if status, text := run(append(given, args...)...); status != done {
			t.Fatalf("exit status %d: %s", status, text)
		}
	}
	dirs, err := filepath.Glob("gradflow-out/sweep-digits-tanh-2-*")
	if err != nil || len(dirs) != 6 {
		t.Errorf("directories of 6 sweeps: %v, %v", dirs, err)
	}
}
