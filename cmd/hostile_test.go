package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gradflow/gradflow/activations"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/models"
	"github.com/gradflow/gradflow/models/initializers"
	"github.com/gradflow/gradflow/normalization"
	"github.com/gradflow/gradflow/optimizers"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var (
	hostile = flag.Bool("hostile", false, "try all hostile inputs, and not only a sample")
	seed    = flag.Uint64("seed", 0, "choose the sample of hostile inputs, and the moments of kills, as the test that printed this; 0: by chance")
)

// chance returns random numbers, which -seed repeats.
func chance(t *testing.T) *rand.Rand {
	chosen := *seed
	for chosen == 0 {
		chosen = rand.Uint64()
	}
	t.Logf("repeat with: go test ./cmd -run %s -seed %d", t.Name(), chosen)
	return rand.New(rand.NewPCG(chosen, 0))
}

// asVictim makes the test binary run the commands that come through its standard input.
const asVictim = "GRADFLOW_TEST_AS_VICTIM"

const (
	hostileMemory   = 6_000_000 // KiB of address space
	hostileDeadline = 120 * time.Second
	longestMessage  = 500 // characters
	hostileSample   = 60  // inputs of each kind, without -hostile
	ofOneProcess    = 25
)

// attack is a command with what may be wrong with it, and the files that it finds.
type attack struct {
	what  string
	args  []string
	study string // the text of study.yaml, if there is one
	want  []int  // exit statuses that will do
	// writes tells that the last argument names what is written.
	writes bool
	// slow tells that it may take seconds: the sample is without it.
	slow bool
}

// reply is what a command did.
type reply struct {
	Status         int
	Stdout, Stderr string
}

const commandLine = "command line"

// order is what a victim is told to run, and where.
type order struct {
	Dir  string
	Args []string
}

// victim runs commands until its standard input ends, also in the middle of one: the test
// that it is of is then no more.
func victim() {
	out := json.NewEncoder(os.Stdout)
	orders := make(chan order)
	go func() {
		in := json.NewDecoder(os.Stdin)
		for {
			var o order
			if err := in.Decode(&o); err == io.EOF {
				os.Exit(0)
			} else if err != nil {
				panic(err)
			}
			orders <- o
		}
	}()
	for o := range orders {
		if err := os.Chdir(o.Dir); err != nil {
			panic(err)
		}
		var stdout, stderr bytes.Buffer
		status := Run(context.Background(), o.Args, strings.NewReader(""), &stdout, &stderr)
		stdout.Truncate(min(stdout.Len(), 1<<20))
		if err := out.Encode(reply{status, stdout.String(), stderr.String()}); err != nil {
			panic(err)
		}
	}
}

// victims are processes with little memory that run commands, one after the other.
type victims struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  *bytes.Buffer
	runs    int
}

// run has a victim run a command. died says what was the end of it, if it was.
func (v *victims) run(o order) (result reply, died string) {
	if v.process == nil {
		v.start()
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	if _, err := v.in.Write(append(text, '\n')); err != nil {
		return result, "the process is gone: " + v.end()
	}
	read := make(chan error, 1)
	go func() {
		line, err := v.out.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &result)
		}
		read <- err
	}()
	select {
	case err := <-read:
		if err != nil {
			return result, v.end()
		}
	case <-time.After(hostileDeadline):
		v.process.Process.Kill()
		<-read
		v.end()
		return result, fmt.Sprintf("it does not end within %v", hostileDeadline)
	}
	if v.runs++; v.runs == ofOneProcess {
		if text := v.end(); text != "" {
			return result, text
		}
	}
	return result, ""
}

func (v *victims) start() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	v.process = exec.Command("sh", "-c", fmt.Sprintf(`ulimit -v %d; exec "$0"`, hostileMemory), self)
	v.process.Env = append(os.Environ(), asVictim+"=1", "GOMAXPROCS=2")
	v.stderr = &bytes.Buffer{}
	v.process.Stderr = v.stderr
	if v.in, err = v.process.StdinPipe(); err != nil {
		panic(err)
	}
	out, err := v.process.StdoutPipe()
	if err != nil {
		panic(err)
	}
	v.out = bufio.NewReader(out)
	if err := v.process.Start(); err != nil {
		panic(err)
	}
}

// end ends the process, and returns the beginning of what it left on its standard error.
func (v *victims) end() string {
	if v.process == nil {
		return ""
	}
	v.in.Close()
	v.process.Wait()
	text := v.stderr.String()
	*v = victims{}
	return text[:min(len(text), 1500)]
}

// defy runs attacks and finds fault with what they do.
func defy(t *testing.T, attacks []attack) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no ulimit")
	}
	if !*hostile {
		attacks = slices.DeleteFunc(attacks, func(a attack) bool { return a.slow })
		chance(t).Shuffle(len(attacks), func(i, j int) { attacks[i], attacks[j] = attacks[j], attacks[i] })
		attacks = attacks[:min(len(attacks), hostileSample)]
	}
	next := make(chan attack)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			var v victims
			defer func() {
				if text := v.end(); text != "" {
					t.Errorf("a process leaves behind:\n%s", text)
				}
			}()
			for a := range next {
				try(t, &v, a)
			}
		})
	}
	for _, a := range attacks {
		next <- a
	}
	close(next)
	all.Wait()
}

// try runs one attack in a directory of its own.
func try(t *testing.T, v *victims, a attack) {
	dir := t.TempDir()
	if a.study != "" {
		if err := os.WriteFile(filepath.Join(dir, "study.yaml"), []byte(a.study), 0o644); err != nil {
			t.Error(err)
			return
		}
	}
	blame := func(format string, args ...any) {
		t.Helper()
		shown := fmt.Sprintf("%q", a.args)
		if len(shown) > 300 {
			shown = shown[:300] + "…"
		}
		t.Errorf("%.200s: gradflow %s\n\t%s", a.what, shown, fmt.Sprintf(format, args...))
	}
	before := snapshot(t, dir)
	begin := time.Now()
	got, died := v.run(order{dir, a.args})
	if took := time.Since(begin); took > 5*time.Second {
		t.Logf("%.200s: %.300q takes %v", a.what, a.args, took)
	}
	if died != "" {
		blame("%s", died)
		return
	}
	if !slices.Contains(a.want, got.Status) {
		blame("exit status %d, want %d: %.600q", got.Status, a.want, got.Stderr)
	}
	for _, text := range []string{got.Stdout, got.Stderr} {
		for _, trace := range []string{"goroutine ", "panic", "runtime error", "%!", "<nil>", "interface {}", "strconv.", " json: ", "reflect", "0xc0", "\x1b", "\x00"} {
			if at := strings.Index(text, trace); at >= 0 {
				blame("it prints %q: %.300q", trace, text[max(0, at-100):])
			}
		}
	}
	if got.Status == wrongUse {
		message := strings.TrimSuffix(got.Stderr, "\n")
		if n := utf8.RuneCountInString(message); n > longestMessage {
			blame("a message of %d characters: %.900s", n, message)
		}
		if strings.Contains(message, "\n") || message == "" {
			blame("not one line: %.900q", message)
		}
		parts := strings.Split(message, ": ")
		for i := range parts[1:] {
			if parts[i] == parts[i+1] {
				blame("%q is said twice: %.300s", parts[i], message)
			}
		}
		if a.what != commandLine && !strings.HasPrefix(message, "study.yaml:") {
			blame("the message does not begin with a place: %.300s", message)
		}
	}
	after := snapshot(t, dir)
	for name, text := range before {
		if after[name] != text {
			blame("%s was changed", name)
		}
	}
	for name := range after {
		top, _, _ := strings.Cut(name, "/")
		if _, old := before[name]; old || got.Status == done && a.writes || got.Status == done && slices.Contains([]string{"out", "gradflow-out", "out.svg"}, top) {
			continue
		}
		blame("it leaves %s, with exit status %d: %.300s", name, got.Status, got.Stderr)
		break
	}
}

// snapshot returns what stands in a directory.
func snapshot(t *testing.T, dir string) map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		found[name] = d.Type().String()
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found[name] += string(text)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

// fields of a study of one small run, in their order; nested keys have a dot.
var smallStudy = []string{
	"name", "a", "task", "two-spirals", "budget.steps", "2", "budget.batch", "8", "seeds", "1", "grid.depth", "1", "grid.width", "4",
	"grid.activation", "tanh", "grid.initializer", "glorot-normal", "grid.optimizer", "sgd",
}

// studyWith is the small study, with other values or further ones.
func studyWith(pairs ...string) string {
	fields := slices.Clone(smallStudy)
	for i := 0; i < len(pairs); i += 2 {
		if at := slices.Index(fields, pairs[i]); at >= 0 && at%2 == 0 {
			fields[at+1] = pairs[i+1]
		} else {
			fields = append(fields, pairs[i], pairs[i+1])
		}
	}
	var b strings.Builder
	mappings := map[string]bool{}
	for i := 0; i < len(fields); i += 2 {
		outer, inner, nested := strings.Cut(fields[i], ".")
		if !nested {
			fmt.Fprintf(&b, "%s: %s\n", outer, fields[i+1])
			continue
		}
		if mappings[outer] {
			continue
		}
		mappings[outer] = true
		if at := slices.Index(fields, outer); at >= 0 && at%2 == 0 {
			continue // given as a whole
		}
		fmt.Fprintf(&b, "%s:\n", outer)
		for j := i; j < len(fields); j += 2 {
			if rest, ok := strings.CutPrefix(fields[j], outer+"."); ok {
				fmt.Fprintf(&b, "  %s: %s\n", rest, fields[j+1])
			}
		}
		_ = inner
	}
	return b.String()
}

// hostileValues are values of YAML that no key expects, or few do.
var hostileValues = []string{
	"", "~", `""`, "[]", "{}", "[[]]", "[~]", "{a: b}", "{name: {name: tanh}}", "{name: tanh, name: tanh}", "{rate: 1}", "true", "-1", "0", "-0.0", "010", ".nan", ".inf", "-.inf",
	"1e308", "1e309", "5e-324", "1e-320", "0.1", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809",
	`"1"`, "tanh", "tahn", `"\e[31mred"`, `"\0"`, `"\u202egnp"`, `"\ud800"`, "é", "ｓｇｄ", `"` + strings.Repeat("long", 10_000) + `"`, strings.Repeat("9", 5000), "2001-01-01", "!!binary aGk=", "!x y",
	"*x", "&a", "&a *a", "sgd(", "sgd)", "sgd(rate=)", "sgd(rate=1,rate=2)", "sgd(rate=sgd)", "sgd(=1)", "(", "=", "../../etc/passwd", `"a\nb"`, "|\n    a\n    b", ">", "@x", "`x`", "%x", "- a", "? a", "[1, 2", "{a: 1", `"x`, "'x",
	strings.Repeat("scaled(of=", 1000) + "tanh" + strings.Repeat(")", 1000), strings.Repeat("[", 1000), "<<", "!!int 1", "1 # x", "0x10", "1_000", "NaN", "Infinity", "yes",
}

// hostileNumbers are settings, most of which are wrong.
var hostileNumbers = []string{"~", `""`, "[]", "{}", "-1", "0", "1", "1000", "100000", ".nan", ".inf", "1e308", "-1e308", "5e-324", "1e-30", "1e18", "9223372036854775807", "18446744073709551615", "18446744073709551616", "true", "tanh", "sgd", "[1]", "[.nan]", "{name: x}", `"\e[31m"`, `"ｘ"`}

// hostileFormulas are activations written out.
var hostileFormulas = []string{
	"z", "0", "1", "-z", "1/0", "0/0", "z/0", "1/z", "log(z)", "log(-1)", "sqrt(z)", "sqrt(-1)", "exp(exp(exp(z)))", "exp(1000)", "z^z", "z^1000", "z^-1", "z^0.5", "z^1e308", "tan(z)", "1e308*z*1e308", "1e309*z",
	"5e-324*z", "1e-400", "log(cosh(z))", "1/cosh(z)", "sinh(z)/cosh(z)", "(exp(z)-exp(-z))/(exp(z)+exp(-z))", "abs(z)", "max(z,0)", "min(z)", "max()", "max(z,0,1)", "tanh", "tanh()", "tanh(z,z)", "tanh(z", "tanh z)", "tanh(z))", "()", "(", ")", "z z", "2z", "z2", "zz", "Z",
	"x", "tanh(x)", "z +", "+ z", "z ** 2", "z^^2", "z^", "--z", "z--z", "!z", "z!", "z % 2", "z && z", "z == 0", "z ? 1 : 2", "lambda z: z", "z; z", "a*z", "a*b*c*z", "sigmoid(a*z)", "os.exit(1)", "__import__('os')", "$(id)", "`id`", "tanh(z)\\n", "π*z", "tanh(ζ)", "z·z", "z×2", "²z", "z²", "e", "pi", "nan", "inf", "nan*z", "inf*z", "0*inf*z",
	strings.Repeat("(", 1000) + "z" + strings.Repeat(")", 1000), strings.Repeat("(", 100_000), strings.Repeat("-", 10_000) + "z", strings.Repeat("tanh(", 500) + "z" + strings.Repeat(")", 500), "z" + strings.Repeat("+z", 10_000), "z" + strings.Repeat("*z", 5000), strings.Repeat("z^", 300) + "z", strings.Repeat("9", 1000) + "*z", strings.Repeat("a", 10_000) + "*z",
}

// hungryTasks would take more memory or time than there is.
var hungryTasks = []string{
	"{name: teacher-student, width: 1000000}", "{name: teacher-student, width: 256, depth: 1000}", "{name: teacher-student, width: 256, depth: 1000, inputs: 256, outputs: 256, held-out: 131072}", "{name: teacher-student, outputs: 256, held-out: 131072}", "{name: teacher-student, depth: 1000000}", "{name: teacher-student, held-out: 1000000000}", "{name: teacher-student, gain: 1e-300}", "{name: teacher-student, gain: 1e300}",
	"{name: parity, bits: 16}", "{name: parity, bits: 17}", "{name: parity, bits: 40}", "{name: parity, bits: 64}", "{name: parity, bits: 0}", "{name: parity, bits: -1}",
	"{name: autoencoding, code: 0}", "{name: autoencoding, code: 64}", "{name: autoencoding, code: 1000000}", "{name: autoencoding, of: {name: autoencoding}}", "{name: autoencoding, of: {name: adding}}", "{name: autoencoding, of: {name: noise-free-long-lag, lag: 1000}}", "{name: autoencoding, of: {name: noise-free-long-lag, lag: 50}, code: 2}",
	"{name: copy-memory, delay: 10000, length: 1000, symbols: 256, held-out: 100000}", "{name: copy-memory, delay: 10000, length: 1000, symbols: 256, every: true}", "{name: copy-memory, delay: 1000000}", "{name: copy-memory, length: 1000000}", "{name: copy-memory, held-out: 100000}",
	"{name: adding, steps: 10000, held-out: 100000}", "{name: adding, steps: 1000000}", "{name: adding, steps: 10000}", "{name: temporal-order, steps: 10000, held-out: 100000}", "{name: temporal-order, steps: 10000}", "{name: temporal-order, steps: 1000000}",
	"{name: noise-free-long-lag, lag: 1000, every: true}", "{name: noise-free-long-lag, lag: 1000}", "{name: noise-free-long-lag, lag: 1000000}", "{name: row-by-row, width: 7}", "{name: row-by-row, width: -8}", "{name: row-by-row, of: {name: noise-free-long-lag, lag: 1000}, width: 1}", "{name: pixel-by-pixel, of: {name: noise-free-long-lag, lag: 1000}}", "{name: pixel-by-pixel, of: {name: teacher-student}}", "{name: row-by-row, of: {name: row-by-row, of: {name: row-by-row}}}",
	"{name: idx}", "{name: idx, dir: /}", "{name: idx, dir: /dev/zero}", "{name: idx, dir: study.yaml}", "{name: idx, set: ../../etc}", "{name: idx, set: \"a\\0b\"}", "{name: idx, dir: \"a\\0b\"}", "{name: idx, dir: " + strings.Repeat("d", 5000) + "}", "{name: idx, prefix: ../../}", "{name: idx, classes: 1000000}", "{name: mnist, dir: /nowhere}", "{name: mnist, train: -1}", "{name: fashion-mnist, dir: .}",
	"[" + strings.Repeat("{name: adding, steps: 10000}, {name: temporal-order, steps: 10000}, {name: copy-memory, delay: 5000}, ", 2) + "{name: temporal-order, steps: 9000}, {name: temporal-order, steps: 8000}, {name: temporal-order, steps: 7000}]",
}

// hostileModels ask much of the architecture, by choice, depth and width.
var hostileOptimizers = []string{
	"{name: partition, rules: []}", "{name: partition, rules: [{pattern: \"\", optimizer: sgd}]}", "{name: partition, rules: [{pattern: \"[\", optimizer: sgd}]}", "{name: partition, rules: [{pattern: \"*/*\", optimizer: nothing}]}", "{name: partition, rules: [{optimizer: sgd}]}", "{name: partition, rules: [{pattern: \"*/*\"}]}", "{name: partition, rules: x}", "{name: partition, rules: [x]}", "{name: partition, rules: {pattern: x}}",
	"{name: partition, rules: [{pattern: \"*/*\", optimizer: {name: partition, rules: [{pattern: \"*/*\", optimizer: sgd}]}}]}", "{name: partition, rules: [{pattern: \"" + strings.Repeat("*", 10_000) + "x\", optimizer: sgd}]}", "{name: chain, before: [], optimizer: sgd}", "{name: chain, before: [chain], optimizer: sgd}", "{name: chain, before: [sgd], optimizer: sgd}", "{name: chain, optimizer: chain}", "{name: chain}", "{name: sgd, rate: [0.1, .nan]}", "{name: sgd, rate: {from: 1}}", "{name: sgd, momentum: 1}", "{name: adam, beta1: 1, beta2: 1}", "{name: adam, beta1: 0, beta2: 0, epsilon: 0}",
	`"` + strings.Repeat("chain(before=[clip-norm(limit=1)],optimizer=", 1000) + "sgd" + strings.Repeat(")", 1000) + `"`, strings.Repeat("{name: chain, optimizer: ", 1000) + "sgd" + strings.Repeat("}", 1000), strings.Repeat("{name: chain, optimizer: ", 50) + "sgd" + strings.Repeat("}", 50),
}

// settingsOf is an attack on every setting of every row of a catalogue.
func settingsOf[T any](c *catalogue.Catalogue[T], key string) (attacks []attack) {
	plausible := map[string]string{"number": "0.5", "integer": "2", "text": "x", "activation": "tanh", "optimizer": "sgd", "normalization": "none", "initializer": "glorot-normal", "task": "digits", "true/false": "true"}
	for _, e := range c.Entries() {
		settings := c.Settings(e.Name)
		for _, s := range settings {
			for _, v := range hostileNumbers {
				text := "{name: " + e.Name
				for _, other := range settings {
					if value := plausible[other.Type]; other.Name != s.Name && other.Default == "" && value != "" {
						text += ", " + other.Name + ": " + value
					}
				}
				text += ", " + s.Name + ": " + v + "}"
				attacks = append(attacks, attack{what: key + ": " + text, study: studyWith(key, text)})
			}
		}
	}
	return attacks
}

// hostileStudies are study files of every kind.
func hostileStudies() []attack {
	var attacks []attack
	add := func(what, text string) { attacks = append(attacks, attack{what: what, study: text}) }
	keys := []string{"about", "target", "probe", "budget", "grid", "cases", "parts", "budget.evaluate", "budget.checkpoint", "zzz", "grid.zzz", "budget.zzz", "{}", "\"\\0\"", "''", "[a]", "*x", "<<", "grid.<<", "name ", "NAME", "ｎａｍｅ"}
	for i := 0; i < len(smallStudy); i += 2 {
		keys = append(keys, smallStudy[i])
	}
	for _, a := range study.Axes {
		if key := "grid." + a.Key; !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		for _, v := range hostileValues {
			add(fmt.Sprintf("%s: %.80s", key, v), studyWith(key, v))
		}
	}
	for _, f := range hostileFormulas {
		add("activation "+f, studyWith("grid.activation", `"`+f+`"`))
		add("scaled "+f, studyWith("grid.activation", `{name: scaled, of: "`+f+`"}`))
	}
	slow := func() { attacks[len(attacks)-1].slow = true }
	for _, task := range hungryTasks {
		add("task "+task, studyWith("task", task))
		slow()
		if strings.Contains(task, "steps: 10000}") {
			continue // is a graph of as many steps, which takes its time
		}
		add("recurrent, task "+task, studyWith("task", task, "grid.model", "lstm"))
		slow()
	}
	for _, o := range hostileOptimizers {
		add("optimizer "+o, studyWith("grid.optimizer", o))
	}
	for _, m := range models.Catalogue.Names() {
		for _, size := range [][2]string{{"0", "1"}, {"1", "1"}, {"1000", "1"}, {"20000", "131072"}, {"1", "131072"}, {"3", "3"}, {"7", "1000000"}, {"[1, 2, 3]", "[1, 20000]"}} {
			add(fmt.Sprintf("model %s of depth %s and width %s", m, size[0], size[1]), studyWith("grid.model", m, "grid.depth", size[0], "grid.width", size[1]))
		}
	}
	attacks = slices.Concat(attacks, settingsOf(tasks.Catalogue, "task"), settingsOf(models.Catalogue, "grid.model"), settingsOf(activations.Catalogue, "grid.activation"),
		settingsOf(initializers.Catalogue, "grid.initializer"), settingsOf(normalization.Catalogue, "grid.normalization"), settingsOf(optimizers.Catalogue, "grid.optimizer"))
	good := studyWith()
	for at := 1; at < len(good); at += 7 {
		add(fmt.Sprintf("cut at %d", at), good[:at])
		add(fmt.Sprintf("a NUL at %d", at), good[:at]+"\x00"+good[at:])
		add(fmt.Sprintf("a quote at %d", at), good[:at]+`"`+good[at:])
		add(fmt.Sprintf("a brace at %d", at), good[:at]+`{`+good[at:])
		add(fmt.Sprintf("a line at %d", at), good[:at]+"\n"+good[at:])
		add(fmt.Sprintf("a tab at %d", at), good[:at]+"\t"+good[at:])
		add(fmt.Sprintf("a byte at %d", at), good[:at]+"\xc3"+good[at:])
		add(fmt.Sprintf("a flipped bit at %d", at), good[:at]+string([]byte{good[at] ^ 8})+good[at+1:])
	}
	for i := range attacks {
		attacks[i].args = []string{"run", "study.yaml", "--out", "out", "--workers", "1"}
		attacks[i].want = []int{done, wrongUse}
	}
	return attacks
}

// TestHostileStudies runs hostile study files: each is run, or refused in a line that names
// a place, within the memory that there is, and nothing else happens.
func TestHostileStudies(t *testing.T) { defy(t, hostileStudies()) }

// small are the arguments with which the commands have little to do.
var small = map[string][]string{
	"gradflow run":         {"study.yaml", "--out", "out", "--workers", "1"},
	"gradflow report":      {"nowhere"},
	"gradflow speed":       {"--depth", "2", "--width", "4", "--batch", "2", "--steps", "2"},
	"gradflow profile":     {"--task", "two-spirals", "--depth", "2", "--width", "4", "--batch", "8", "--no-advice"},
	"gradflow describe":    {"--depth", "2", "--width", "4", "--batch", "8"},
	"gradflow stress":      {"--optimizer", "sgd", "--steps", "2", "--reps", "1", "--group", "10-D rotated"},
	"gradflow sweep":       {"--task", "two-spirals", "--depth", "1", "--width", "4", "--batch", "8", "--steps", "2", "--seeds", "1", "--rates", "0.1", "--optimizer", "sgd", "--out", "out"},
	"gradflow remedy":      {"--task", "two-spirals", "--depth", "2", "--width", "4", "--batch", "8", "--budget", "1s", "--out", "out"},
	"gradflow list":        {"optimizers"},
	"gradflow data get":    {"nothing"}, // anything else would ask the network
	"gradflow data path":   {"mnist"},
	"gradflow data verify": {"mnist"},
}

// hostileArguments are texts for flags and arguments.
var hostileArguments = []string{
	"", " ", "-", "--", "-1", "0", "1e308", "NaN", "Inf", "-Inf", "0.5", "010", "0x10", "1_000", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "true", "\x1b[31mred", "a\x00b", "\xff\xfe", "é", "🙂", "\u202egnp", "a\nb", "tanh", "tahn", "sgd", "sgd(", "sgd(rate=nan)", "tanh(", "(z", "1/0", "exp(exp(exp(z)))",
	"scaled(of=scaled(of=tanh))", "0:0:decades", "1:0:decades", "1e-30:1e30:decades", "0:1:x", "::", "1,,2", "-1:1:decades", "1:NaN:decades", strings.Repeat("1,", 100_000) + "1", "/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", ".", "nowhere/x.svg", "out.svg", ".svg", "out.SVG", "study.yaml", "study.yaml/x.svg", strings.Repeat("long", 100), strings.Repeat("long", 100) + ".svg", strings.Repeat("long", 10_000), strings.Repeat("scaled(of=", 1000) + "tanh", "$(id)", "'; rm -rf /", "*", "~", "?",
}

// hostileLines are command lines: every flag of every command with every text.
func hostileLines() []attack {
	var attacks []attack
	add := func(args ...string) {
		a := attack{what: commandLine, study: studyWith(), args: args, want: []int{done, wrongUse}, slow: args[0] == "remedy"}
		if slices.Contains([]string{"data", "profile", "remedy", "speed"}, args[0]) { // no data, no finite number
			a.want = append(a.want, failed)
		}
		last := args[len(args)-1]
		a.writes = strings.HasPrefix(last, "--out=") || strings.HasPrefix(last, "--plot=") || strings.HasPrefix(last, "--svg=")
		attacks = append(attacks, a)
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		with := func(args ...string) []string { return slices.Concat(path, small[c.CommandPath()], args) }
		if c.Name() == "completion" || len(path) > 0 && path[0] == "completion" {
			return
		}
		if len(path) > 0 {
			c.Flags().VisitAll(func(f *pflag.Flag) {
				for _, text := range hostileArguments {
					if f.Name == "out" && (text == "." || strings.HasPrefix(text, "/")) {
						continue // is what was asked for
					}
					add(with("--" + f.Name + "=" + text)...)
				}
				add(with("--" + f.Name)...)
				add(with("--"+f.Name+"=1", "--"+f.Name+"=1")...)
			})
			for _, text := range hostileArguments {
				if path[0] == "data" && slices.Contains(path, "get") {
					break
				}
				add(with(text)...)
				if text != "--" { // which is nothing, and then there is more to do than is wanted here
					add(append(slices.Clone(path), text)...)
				}
			}
			add(with("--zzz")...)
			add(with("-z")...)
			add(with("--json", "--help")...)
			add(append(slices.Clone(path), slices.Repeat([]string{"x"}, 10_000)...)...)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	for _, text := range hostileArguments {
		add(text)
		add("help", text)
		add("__complete", "run", text)
		add("--version", text)
	}
	return attacks
}

// TestHostileLines runs hostile command lines: like hostile study files, each does what it
// says or is refused in a line.
func TestHostileLines(t *testing.T) { defy(t, hostileLines()) }
