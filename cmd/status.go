package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gradflow/gradflow/bench/compare"
	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newStatus() *cobra.Command {
	var watch, verify, asJSON bool
	c := &cobra.Command{
		Use:   "status DIR",
		Short: "Say how far a study has come, from another terminal",
		Long: `Status says how far the runs of a study have come, in its directory and in those of its
shards: what is recorded, which runs are in progress, how long the rest will take, what failed,
and what is best so far. It only reads. --watch repeats it until the study has ended.

--verify reads every record and says which are whole, damaged and missing; if any is damaged,
the exit status is 1.`,
		Example: `  gradflow status gradflow-out/quickstart
  gradflow status gradflow-out/quickstart --watch
  gradflow status gradflow-out/quickstart --verify
  gradflow status gradflow-out/quickstart --json | jq .recorded`,
		Args: oneArgument("the directory of a study"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir := args[0]
			if err := checkDirectory(dir); err != nil {
				return err
			}
			if watch && (verify || asJSON) {
				return useError{errors.New("--watch: leave out --verify and --json")}
			}
			s, err := studyStatus(c.Context(), dir)
			if err != nil {
				return useError{err}
			}
			w := c.OutOrStdout()
			switch {
			case verify:
				return verifyStudy(c, s, asJSON)
			case asJSON:
				return printJSON(w, s)
			case watch:
				return watchStatus(c, dir, s)
			}
			s.best(c.Context())
			return s.print(w)
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "repeat it until the study has ended, or Ctrl-C")
	c.Flags().BoolVar(&verify, "verify", false, "read every record, and say which are whole")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

// status is how far a study has come.
type status struct {
	Dir      string  `json:"directory"`
	Study    string  `json:"study"`
	Runs     int     `json:"runs"`     // of the study, as far as is known
	Recorded int     `json:"recorded"` // anywhere
	Unmerged int     `json:"unmerged"` // of those, in shards alone
	Left     float64 `json:"seconds_left,omitempty"`
	Best     string  `json:"best,omitempty"`
	Places   []place `json:"places"`
}

// place is a directory that runs are recorded in.
type place struct {
	Name     string           `json:"name"`           // "study", or "shard 3/8"
	Running  bool             `json:"running"`        // a process is at work
	Recorded int              `json:"recorded"`       // in the directory
	Runs     int              `json:"runs,omitempty"` // of the shard, as far as is known
	Live     *record.Live     `json:"process,omitempty"`
	Failed   []record.Failure `json:"failed"` // in the last process that ended

	dir string
}

// studyStatus reads what there is. It opens no record.
func studyStatus(ctx context.Context, dir string) (*status, error) {
	s := &status{Dir: dir, Places: []place{}}
	shards := study.ShardDirectories(dir)
	hashes, whole := record.Runs(dir)
	if !whole && len(shards) == 0 {
		return nil, errors.Errorf("%s: not the directory of a study: it has no subdirectory runs", dir)
	}
	file := filepath.Join(dir, "study.yaml")
	if _, err := os.Stat(file); err != nil && len(shards) > 0 {
		file = filepath.Join(shards[0], "study.yaml")
	}
	spec, err := study.Recorded(ctx, file)
	if err == nil {
		s.Study, s.Runs = spec.Name, len(spec.Configs)
	}
	seen := map[string]bool{}
	add := func(name, dir string, hashes []string) *place {
		p := place{Name: name, Recorded: len(hashes), Failed: record.Failures(dir), dir: dir}
		p.Live, _ = record.ReadLive(dir) // half a file is read the next time
		for _, h := range hashes {
			if !seen[h] {
				seen[h] = true
				if name != wholeStudy {
					s.Unmerged++
				}
			}
		}
		if p.Live != nil {
			p.Running = true
			s.Left = max(s.Left, p.Live.Left().Seconds())
		}
		s.Places = append(s.Places, p)
		return &s.Places[len(s.Places)-1]
	}
	if whole {
		if p := add(wholeStudy, dir, hashes); p.Live != nil {
			s.Runs = max(s.Runs, p.Live.Runs) // those that choose settings, too
		}
	}
	inShards := 0
	for _, d := range shards {
		text := strings.ReplaceAll(filepath.Base(d), "-of-", "/")
		hashes, _ := record.Runs(d)
		p := add("shard "+text, d, hashes)
		if shard, err := study.ParseShard(text); err == nil && spec != nil && spec.Tune == nil {
			p.Runs = spec.ShardSizes(shard.Of)[shard.Index-1]
		}
		if p.Live != nil {
			p.Runs = max(p.Runs, p.Live.Runs)
		}
		inShards += max(p.Runs, p.Recorded)
	}
	s.Recorded = len(seen)
	s.Runs = max(s.Runs, inShards, s.Recorded)
	return s, nil
}

const wholeStudy = "study"

// running reports whether some process is at work.
func (s *status) running() bool {
	for _, p := range s.Places {
		if p.Running {
			return true
		}
	}
	return false
}

// best reads the records of the study's directory and notes what leads; nothing if that
// can't be said.
func (s *status) best(ctx context.Context) {
	if len(s.Places) == 0 || s.Places[0].Name != wholeStudy {
		return
	}
	results, err := study.Open(ctx, s.Dir)
	if err != nil {
		return
	}
	comparison, err := compare.Runs(results.Records, compare.Of(results))
	if err != nil || len(comparison.Things) < 2 {
		return
	}
	s.Best = comparison.Things[0].Label
}

func (s *status) print(w io.Writer) error {
	for _, line := range s.lines(texttab.Or(terminalWidth(w)), colours(w)) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// mostInFlight is how many runs in progress are shown.
const mostInFlight = 16

func (s *status) lines(width int, colour bool) (lines []string) {
	head := fmt.Sprintf("%s: %d of %s recorded", texttab.Clean(cmp.Or(s.Study, s.Dir)), s.Recorded, texttab.Count(s.Runs, "run"))
	if s.Unmerged > 0 {
		head += fmt.Sprintf(", %d not merged", s.Unmerged)
	}
	if s.Left > 0 {
		head += fmt.Sprintf(", %v left", roundTime(time.Duration(s.Left*float64(time.Second))))
	}
	if !s.running() && s.Recorded < s.Runs {
		head += "; no process is at work"
	}
	lines = append(lines, texttab.Wrap(head, width)...)
	if len(s.Places) > 1 || len(s.Places) == 1 && s.Places[0].Name != wholeStudy {
		t := texttab.Table{Columns: []texttab.Column{{Head: "place"}, {Head: "state"}, {Head: "recorded", Right: true}, {Head: "of", Right: true}, {Head: "left", Right: true, Keep: 1}}}
		for _, p := range s.Places {
			state, of, left := "ended", "", ""
			if p.Running {
				state = "running"
				if l := p.Live.Left(); l > 0 {
					left = roundTime(l).String()
				}
			} else if p.Runs > p.Recorded {
				state = "stopped"
			}
			if p.Runs > 0 {
				of = fmt.Sprint(p.Runs)
			}
			t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(p.Name), texttab.Text(state), texttab.Text(fmt.Sprint(p.Recorded)), texttab.Text(of), texttab.Text(left)})
		}
		lines = append(append(lines, ""), t.Lines(width, colour)...)
	}
	t := texttab.Table{Columns: []texttab.Column{{Head: "in progress"}, {Head: "seed", Right: true}, {Head: "updates", Right: true}, {Head: "of", Right: true}, {Head: "run", Least: 20}}}
	more := 0
	var failed []string
	for _, p := range s.Places {
		if !p.Running {
			for _, f := range p.Failed {
				failed = append(failed, f.Error)
			}
			continue
		}
		failed = append(failed, p.Live.Errors...)
		configs := make([]record.Config, len(p.Live.Running))
		for i, r := range p.Live.Running {
			configs[i] = r.Config
		}
		labels := study.Labels(configs, study.Axes)
		for i, r := range p.Live.Running {
			if len(t.Rows) == mostInFlight {
				more++
				continue
			}
			label := cmp.Or(labels[i], fmt.Sprintf("%s, depth %d, %s", r.Config.Activation.Name, r.Config.Depth, r.Config.Optimizer.Name))
			t.Rows = append(t.Rows, []texttab.Cell{texttab.Text(p.Name), texttab.Text(fmt.Sprint(r.Config.Seed)), texttab.Text(fmt.Sprint(r.Step)), texttab.Text(fmt.Sprint(r.Config.Steps)), texttab.Text(texttab.Clean(label))})
		}
	}
	if len(t.Rows) > 0 {
		lines = append(append(lines, ""), t.Lines(width, colour)...)
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more in progress", more))
	}
	if len(failed) > 0 {
		lines = append(lines, "", texttab.Count(len(failed), "run")+" failed:")
		for _, f := range failed[:min(len(failed), 5)] {
			lines = append(lines, texttab.Prose("  ", texttab.Clean(f), width)...)
		}
	}
	if s.Best != "" {
		lines = append(lines, "")
		lines = append(lines, texttab.Wrap("Best so far: "+texttab.Clean(s.Best)+" (not tested; gradflow report says what is).", width)...)
	}
	return lines
}

// watchStatus repeats the status until the study has ended.
func watchStatus(c *cobra.Command, dir string, s *status) error {
	w := c.OutOrStdout()
	interval, drawn := time.Second, 0
	terminal := terminalWidth(w) > 0 && os.Getenv("TERM") != "dumb"
	if !terminal {
		interval = logInterval
	}
	for {
		lines := s.lines(texttab.Or(terminalWidth(w)), colours(w))
		if terminal && drawn > 0 {
			fmt.Fprintf(w, "\x1b[%dA\x1b[J", drawn) // up, and clear what was drawn
		}
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
		drawn = len(lines)
		if !s.running() {
			return nil
		}
		select {
		case <-c.Context().Done():
			return errInterrupted
		case <-time.After(interval):
		}
		var err error
		if s, err = studyStatus(c.Context(), dir); err != nil {
			return err // it was removed
		}
	}
}

// verified is what --verify finds.
type verified struct {
	Whole   int      `json:"whole"`
	Damaged []string `json:"damaged"`
	Missing int      `json:"missing"`
}

// verifyStudy reads every record.
func verifyStudy(c *cobra.Command, s *status, asJSON bool) error {
	v := verified{Damaged: []string{}, Missing: max(0, s.Runs-s.Recorded)}
	var read amount
	total := 0
	for _, p := range s.Places {
		total += p.Recorded
	}
	read.all.Store(int64(total))
	shown := watch(c.ErrOrStderr(), &read, func() (string, string) { return fmt.Sprintf("%d records read", read.done.Load()), "" })
	for _, p := range s.Places {
		hashes, _ := record.Runs(p.dir)
		for _, h := range hashes {
			if err := c.Context().Err(); err != nil {
				shown.end()
				return errInterrupted
			}
			if _, err := record.Read(record.RunDirectory(p.dir, h)); err != nil {
				v.Damaged = append(v.Damaged, filepath.Join(p.dir, err.Error()))
			} else {
				v.Whole++
			}
			read.done.Add(1)
		}
	}
	shown.end()
	w := c.OutOrStdout()
	if asJSON {
		if err := printJSON(w, v); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "%s: %s read, %d whole, %d damaged; %s of the study missing\n", cmp.Or(s.Study, s.Dir), texttab.Count(total, "record"), v.Whole, len(v.Damaged), texttab.Count(v.Missing, "run"))
		for _, d := range v.Damaged {
			fmt.Fprintf(w, "  %s\n", texttab.Clean(d))
		}
	}
	if len(v.Damaged) > 0 {
		return errors.Errorf("%s: damaged; running the study makes what is damaged again", texttab.Count(len(v.Damaged), "record"))
	}
	return nil
}
