//go:build unix

package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is the command in a pseudo-terminal.
type terminal struct {
	t       *testing.T
	command *exec.Cmd
	pty     *os.File
	ended   chan struct{} // the command has ended, and all that it wrote is on the screen

	mu     sync.Mutex
	screen *screen
	raw    strings.Builder
}

// patience is how long something that should happen at once may take on a machine that is
// busy with other things.
const patience = 60 * time.Second

// open starts the command in a terminal.
func open(t *testing.T, width int, args ...string) *terminal {
	t.Helper()
	x := &terminal{t: t, ended: make(chan struct{}), screen: newScreen(width)}
	name := os.Getenv("GRADFLOW_COMMAND") // a built command, instead of this test
	if name == "" {
		var err error
		if name, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	x.command = exec.Command(name, args...)
	x.command.Env = append(os.Environ(), asCommand+"=1", "TERM=xterm-256color", "NO_COLOR=")
	var err error
	if x.pty, err = pty.StartWithSize(x.command, &pty.Winsize{Rows: 24, Cols: uint16(width)}); err != nil {
		t.Fatal(err)
	}
	go x.read()
	t.Cleanup(func() {
		x.command.Process.Kill()
		<-x.ended
		x.pty.Close()
	})
	return x
}

func (x *terminal) read() {
	defer close(x.ended)
	buffer := make([]byte, 4096)
	for {
		n, err := x.pty.Read(buffer)
		x.mu.Lock()
		x.screen.Write(buffer[:n])
		x.raw.Write(buffer[:n])
		x.mu.Unlock()
		if err != nil { // EIO when the command has ended
			break
		}
	}
	x.command.Wait()
}

// shows returns what was written, and what is on the screen.
func (x *terminal) shows() (raw, screen string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.raw.String(), x.screen.String()
}

// wait waits until what was written matches.
func (x *terminal) wait(what string) {
	x.t.Helper()
	pattern := regexp.MustCompile(what)
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		raw, screen := x.shows()
		if pattern.MatchString(raw) {
			return
		}
		ended := false
		select {
		case <-x.ended:
			ended = true
		default:
		}
		if ended || time.Now().After(deadline) {
			x.t.Fatalf("no %q (ended: %v); the screen:\n%s", what, ended, screen)
		}
	}
}

// resize changes the width of the terminal.
func (x *terminal) resize(width int) {
	x.t.Helper()
	x.mu.Lock()
	x.screen.width = width
	x.mu.Unlock()
	if err := pty.Setsize(x.pty, &pty.Winsize{Rows: 24, Cols: uint16(width)}); err != nil {
		x.t.Fatal(err)
	}
}

// interrupt presses Ctrl-C.
func (x *terminal) interrupt() {
	x.t.Helper()
	if _, err := x.pty.Write([]byte{3}); err != nil {
		x.t.Fatal(err)
	}
}

// status waits for the end, and returns the exit status and what is left on the screen.
func (x *terminal) status(patience time.Duration) (int, string) {
	x.t.Helper()
	select {
	case <-x.ended:
	case <-time.After(patience):
		_, screen := x.shows()
		x.t.Fatalf("it does not end; the screen:\n%s", screen)
	}
	_, screen := x.shows()
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.screen.odd) > 0 {
		x.t.Errorf("it writes %s to the terminal", strings.Join(x.screen.odd, ", "))
	}
	return x.command.ProcessState.ExitCode(), screen
}

// aBar matches a bar; the program draws no other brackets with an arrow between.
var aBar = regexp.MustCompile(`\[=*>?-*\]`)

// drew checks that a bar was drawn in one line, and that one, the last, is left.
func (x *terminal) drew(what string) {
	x.t.Helper()
	raw, screen := x.shows()
	if !aBar.MatchString(raw) {
		x.t.Errorf("no bar was drawn:\n%s", raw)
	}
	left := regexp.MustCompile(`\d+/\d+ `+what).FindAllString(screen, -1)
	if bars := aBar.FindAllString(screen, -1); len(left) != 1 || len(bars) > 1 {
		x.t.Errorf("%d bars are left, and the counts %v, want one:\n%s", len(bars), left, screen)
	}
}

const terminalStudy = `name: terminal
task: digits
budget: {steps: 60, batch: 16, evaluate: 5}
seeds: %d
grid: {depth: 6, width: 24, activation: tanh, initializer: glorot-normal, optimizer: [sgd, smorms3]}
`

func studyFile(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTerminal checks that every command ends in a terminal, wide and narrow, and that the
// long ones draw a bar that fits into it. At 80 and 60 columns no line that is written is longer.
func TestTerminal(t *testing.T) {
	t.Chdir(t.TempDir()) // paths that are shown are short: they stay whole
	study := studyFile(t, "", fmt.Sprintf(terminalStudy, 3))
	for _, width := range []int{80, 60, 40, 7} {
		out := fmt.Sprint("run-", width)
		for _, c := range []struct {
			what string // what is counted; "": there is no bar
			args []string
		}{
			{"runs", []string{"run", study, "--out", out}},
			{"", []string{"report", out}},
			{"runs", []string{"sweep", "--depth", "2", "--width", "8", "--steps", "20", "--batch", "8", "--rates", "0.01,0.1", "--seeds", "1",
				"--optimizer", "sgd", "--optimizer", "smorms3", "--out", fmt.Sprint("sweep-", width)}},
			{"tests", []string{"stress", "--optimizer", "sgd", "--group", "10-D rotated", "--reps", "1", "--steps", "20"}},
			{"", []string{"speed", "--depth", "2", "--width", "8", "--batch", "4", "--steps", "3"}},
			{"", []string{"profile", "--depth", "4", "--width", "8", "--batch", "8", "--steps", "2"}},
			{"", []string{"describe", study, "2"}},
			{"", []string{"theory", "--activation", "tanh", "--depth", "10"}},
			{"", []string{"theory", "--activation", "softplus", "--weight-variance", "2.5"}},
			{"runs", []string{"theory", "--measure", "--depths", "1,2", "--width", "8", "--batch", "8", "--steps", "5", "--out", fmt.Sprint("theory-", width)}},
			{"", []string{"describe", "--model", "highway", "--activation", "scaled(of=scaled-tanh,a=1.7159)"}},
			{"", []string{"speed", "--depth", "2", "--width", "8", "--batch", "4", "--steps", "3", "--vm", "tape", "--workers", "2"}},
			{"", []string{"list"}},
			{"", []string{"version"}},
			{"", []string{"list", "optimizers"}},
			{"", []string{"data", "list"}},
			{"", []string{"run", "--help"}},
		} {
			t.Run(fmt.Sprint(c.args[0], "/", width), func(t *testing.T) {
				x := open(t, width, c.args...)
				status, screen := x.status(patience)
				if status != done {
					t.Errorf("exit status %d\n%s", status, screen)
				}
				if c.what != "" && width >= 40 {
					x.drew(c.what)
				}
				x.mu.Lock()
				defer x.mu.Unlock()
				if width >= 60 && x.screen.broken > 0 {
					t.Errorf("%d lines are longer than the terminal is wide:\n%s", x.screen.broken, screen)
				}
			})
		}
	}
}

// TestTerminalResize checks that the bar follows the terminal's width and leaves nothing
// behind.
func TestTerminalResize(t *testing.T) {
	dir := t.TempDir()
	x := open(t, 80, "run", studyFile(t, dir, fmt.Sprintf(terminalStudy, 1000)), "--out", filepath.Join(dir, "out"))
	x.wait(`\[=`)
	for _, width := range []int{40, 100, 60, 41} {
		x.resize(width)
		// A line of this width at most, and longer than in one that is 40 columns wide
		// less, is drawn.
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			_, screen := x.shows()
			rows := strings.Split(screen, "\n")
			last := rows[len(rows)-1]
			if n := len(aBar.FindString(last)); n > 0 && len(last) < width && len(last) >= min(width, 100)-20 && len(rows) == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("no bar for %d columns:\n%s", width, screen)
			}
		}
	}
	x.interrupt()
	if status, screen := x.status(patience); status != failed {
		t.Errorf("exit status %d\n%s", status, screen)
	}
}

// TestTerminalResume checks that the bar of a study that is resumed counts what was
// recorded before.
func TestTerminalResume(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	x := open(t, 80, "run", studyFile(t, dir, fmt.Sprintf(terminalStudy, 2)), "--out", out)
	if status, screen := x.status(patience); status != done {
		t.Fatalf("exit status %d\n%s", status, screen)
	}
	// With a seed more, four of the six runs are there.
	x = open(t, 80, "run", studyFile(t, dir, fmt.Sprintf(terminalStudy, 3)), "--out", out)
	if status, screen := x.status(patience); status != done {
		t.Fatalf("exit status %d\n%s", status, screen)
	}
	raw, _ := x.shows()
	if want := "4 of 6 runs recorded before: resuming"; !strings.Contains(raw, want) {
		t.Errorf("no %q:\n%s", want, raw)
	}
	first := regexp.MustCompile(`(\d+/\d+) runs[^[]* \[(=*)>(-*)\] +(\d+)%`).FindStringSubmatch(raw)
	if first == nil {
		t.Fatalf("no bar:\n%s", raw)
	}
	if done, all := len(first[2]), len(first[2])+len(first[3])+1; first[1] != "4/6" || first[4] != "67" || done*3 < all*2-3 {
		t.Errorf("the first bar is %q, want 4/6 runs, 67%%", first[0])
	}
}

// TestTerminalRemedy checks that each stage's bar ends with the stage, and that the answer
// begins on a line of its own.
func TestTerminalRemedy(t *testing.T) {
	x := open(t, 80, "remedy", "--activation", "tanh", "--depth", "3", "--width", "8", "--batch", "8",
		"--runs", "40", "--seeds", "2", "--out", filepath.Join(t.TempDir(), "out"))
	status, screen := x.status(patience)
	if status != done {
		t.Fatalf("exit status %d\n%s", status, screen)
	}
	lines := strings.Split(screen, "\n")
	stage := regexp.MustCompile(`^\d-[a-z]+: `)
	stages := 0
	for ; 2*stages+1 < len(lines) && stage.MatchString(lines[2*stages]); stages++ {
		if bar := lines[2*stages+1]; !aBar.MatchString(bar) || !strings.HasSuffix(bar, "100%") {
			t.Errorf("under %q is %q, want its bar", lines[2*stages], bar)
		}
	}
	if stages < 2 || len(aBar.FindAllString(screen, -1)) != stages || !strings.HasPrefix(lines[2*stages], "tanh, 3 layers deep") {
		t.Errorf("%d stages, each with its bar, and then the answer are expected:\n%s", stages, screen)
	}
}

// TestTerminalInterrupt checks that every command that takes its time answers Ctrl-C, in a
// large network, too, whose steps take seconds.
func TestTerminalInterrupt(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	large := `name: large
task: digits
budget: {steps: 1000, batch: 256, evaluate: 100}
seeds: 4
grid: {depth: 12, width: 2048, activation: sigmoid, initializer: orthogonal, optimizer: smorms3}
`
	writeIDX(t, at("data"), func(files map[string][]byte) { // half a GiB, of which the disk keeps little
		const n = 1 << 19
		labels := make([]byte, n)
		for i := range labels {
			labels[i] = byte(i % 3)
		}
		files["train-images-idx3-ubyte"], files["train-labels-idx1-ubyte"] = idxFile(nil, n, 32, 32), idxFile(labels, n)
		files["t10k-images-idx3-ubyte"] = idxFile(make([]byte, 12<<10), 12, 32, 32)
	})
	if err := os.Truncate(at("data/train-images-idx3-ubyte"), 16+1<<29); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, ready string // what it draws when it is at work; "": nothing
		args        []string
	}{
		{"run", `\[`, []string{"run", studyFile(t, dir, fmt.Sprintf(terminalStudy, 2000)), "--out", at("small")}},
		{"run-large", `\[`, []string{"run", studyFile(t, t.TempDir(), large), "--out", at("large")}},
		{"sweep", `\[`, []string{"sweep", "--out", at("sweep"), "--seeds", "50"}},
		{"stress", `\[`, []string{"stress"}},
		{"speed", "", []string{"speed", "--steps", "1000000"}},
		{"speed-large", "", []string{"speed", "--depth", "12", "--width", "2048", "--batch", "256"}},
		{"profile", "", []string{"profile", "--width", "1024", "--batch", "512", "--initializer", "orthogonal"}},
		{"load", "", []string{"profile", "--task", "idx(dir=" + at("data") + ")"}},
		{"theory", "", []string{"theory", "--activation", "tanh(z)+sin(z)", "--depth", "100000"}},
		{"describe", "", []string{"describe", "--depth", "20000", "--width", "8", "--fold", "0"}},
	} {
		if testing.Short() && strings.Contains(c.name, "large") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			x := open(t, 80, c.args...)
			if c.ready != "" {
				x.wait(c.ready)
			} else {
				time.Sleep(time.Second / 2) // it says nothing before the end
			}
			begin := time.Now()
			x.interrupt()
			x.wait(`Stopping after the current steps; press Ctrl-C again to stop now\.\r\n`)
			answered := time.Since(begin)
			status, screen := x.status(patience)
			t.Logf("answered after %v, ended after %v", answered.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
			if status != failed || !strings.Contains(screen, "Interrupted") {
				t.Errorf("exit status %d\n%s", status, screen)
			}
			leftovers := 0
			filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if strings.HasPrefix(filepath.Base(path), ".unfinished") {
					leftovers++
				}
				return nil
			})
			if leftovers > 0 {
				t.Errorf("%d temporary files are left", leftovers)
			}
		})
	}
}

// TestTerminalTwice checks that the second Ctrl-C ends the command at once.
func TestTerminalTwice(t *testing.T) {
	dir := t.TempDir()
	x := open(t, 80, "run", studyFile(t, dir, fmt.Sprintf(terminalStudy, 2000)), "--out", filepath.Join(dir, "out"))
	x.wait(`\[=`)
	x.interrupt()
	x.interrupt()
	if status, screen := x.status(patience); status != failed {
		t.Errorf("exit status %d\n%s", status, screen)
	}
}

// TestTerminalTerminate checks that SIGTERM is answered as Ctrl-C is.
func TestTerminalTerminate(t *testing.T) {
	dir := t.TempDir()
	x := open(t, 80, "run", studyFile(t, dir, fmt.Sprintf(terminalStudy, 2000)), "--out", filepath.Join(dir, "out"))
	x.wait(`\[=`)
	if err := x.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status, screen := x.status(patience); status != failed || !strings.Contains(screen, "to resume") {
		t.Errorf("exit status %d\n%s", status, screen)
	}
}

// TestTerminalQuickstart runs a whole study, GRADFLOW_QUICKSTART, with a built command,
// GRADFLOW_COMMAND, in a terminal that changes its width. Continuous integration does.
func TestTerminalQuickstart(t *testing.T) {
	study := os.Getenv("GRADFLOW_QUICKSTART")
	if study == "" {
		t.Skip("GRADFLOW_QUICKSTART names no study")
	}
	x := open(t, 80, "run", study, "--out", filepath.Join(t.TempDir(), "out"))
	x.wait(`\[=`)
	x.resize(40)
	status, screen := x.status(20 * time.Minute)
	if status != done || !strings.Contains(screen, "done now") {
		t.Errorf("exit status %d\n%s", status, screen)
	}
	x.drew("runs")
}

// TestTerminalFiles checks that pictures go into what is not a regular file, and that
// links stay links.
func TestTerminalFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe.svg", 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link.svg": "target.svg", "null.svg": os.DevNull} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	read := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile("pipe.svg")
		read <- string(text)
	}()
	for _, file := range []string{"pipe.svg", "link.svg", "null.svg"} {
		x := open(t, 80, "profile", "--activation", "tanh", "--depth", "3", "--width", "8", "--no-advice", "--plot", file)
		if status, screen := x.status(patience); status != done {
			t.Errorf("%s: exit status %d\n%s", file, status, screen)
		}
	}
	if got := <-read; !strings.Contains(got, "</svg>") {
		t.Errorf("the FIFO brought %q", got)
	}
	if text, err := os.ReadFile("target.svg"); err != nil || !strings.Contains(string(text), "</svg>") {
		t.Errorf("the link's target: %v", err)
	}
	for file, kind := range map[string]os.FileMode{"pipe.svg": os.ModeNamedPipe, "link.svg": os.ModeSymlink, "null.svg": os.ModeSymlink} {
		if info, err := os.Lstat(file); err != nil || info.Mode().Type() != kind {
			t.Errorf("%s is no longer what it was: %v, %v", file, info, err)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 4 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}
