package cmd

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// engines are those that gradflow plan writes for, each with its template.
var engines = []struct{ name, text string }{
	{"slurm", slurmTemplate}, {"kubernetes", kubernetesTemplate}, {"parallel", parallelTemplate},
}

//go:embed templates/plan/slurm.sh.tmpl
var slurmTemplate string

//go:embed templates/plan/kubernetes.yaml.tmpl
var kubernetesTemplate string

//go:embed templates/plan/parallel.sh.tmpl
var parallelTemplate string

// plan is what the templates get.
type plan struct {
	Name    string // of the study
	Program string // gradflow, or a program with parts of its own
	Study   string // the study's file, quoted for a shell where it is one
	Out     string
	Set     string // the flags --set, quoted
	Shards  int
	Cores   int
	Jobs    int // side by side, of GNU parallel
	Memory  int // MiB of a shard
	Time    time.Duration
	Rounds  []int // 1, 2, …: arrays, one after the other
	Image   string
	Claim   string // of a persistent volume
	Runs    int
	Measure string // in words
}

// HMS writes the time limit as Slurm has it.
func (p plan) HMS() string {
	s := int(p.Time.Seconds())
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Seconds writes it as Kubernetes has it.
func (p plan) Seconds() int { return int(p.Time.Seconds()) }

func newPlan() *cobra.Command {
	var engine, out, script, image, claim, program string
	var set []string
	var shards, cores, jobs int
	var counts counts
	c := &cobra.Command{
		Use:   "plan STUDY.yaml --for slurm|kubernetes|parallel",
		Short: "Write the script or manifest that runs a study on many machines",
		Long: `Plan fixes into how many shards a study is split, times a few steps of each kind of network
in it, and writes what starts the shards: a script for Slurm or GNU parallel, or a manifest for
Kubernetes, with the cores, the memory and the time that each needs. The number of shards is
kept in the study's directory, which all machines must see: when an array is submitted again for
what failed, each job still does its own part.

A study that tunes needs more than one array, one after the other, as what a shard has to do
follows from the records of all. The time limit is three times what was measured here.`,
		Example: `  gradflow plan study.yaml --for slurm --shards 8 --cores 4 > submit.sh && sh submit.sh
  gradflow plan study.yaml --for parallel --shards 16 --jobs 4 -o run.sh
  gradflow plan study.yaml --for kubernetes --shards 8 --image registry/gradflow --claim studies`,
		Args: oneArgument("a study file"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := counts.check(); err != nil {
				return err
			}
			text := ""
			for _, e := range engines {
				if e.name == engine {
					text = e.text
				}
			}
			switch {
			case text == "":
				return useError{errors.Errorf("--for %q: want slurm, kubernetes or parallel", engine)}
			case engine == "kubernetes" && (image == "" || claim == ""):
				return useError{errors.New("--for kubernetes needs --image, with gradflow in it, and --claim, a persistent volume claim for the records")}
			case engine != "kubernetes" && (image != "" || claim != ""):
				return useError{errors.New("--image and --claim are for --for kubernetes")}
			}
			if script != "" {
				if err := checkFile("--script", script); err != nil {
					return err
				}
			}
			spec, err := loadStudyWith(c.Context(), args[0], set)
			if err != nil {
				return err
			}
			dir := cmp.Or(out, defaultOut(spec))
			if err := checkNewDirectory("--out", dir); err != nil {
				return err
			}
			if !c.Flags().Changed("shards") {
				shards = min(shards, len(spec.Configs))
			}
			if shards > len(spec.Configs) {
				return useError{errors.Errorf("--shards %d: the study has %s", shards, texttab.Count(len(spec.Configs), "run"))}
			}
			if !c.Flags().Changed("shards") { // as it is split already, if it is
				if before, err := spec.Split(dir, 0); err == nil {
					shards = before
				}
			}
			if shards, err = spec.Split(dir, shards); err != nil {
				return useError{err}
			}
			return writePlan(c, spec, text, script, plan{Name: spec.Name, Program: program, Study: args[0], Out: dir, Set: settingsText(set),
				Shards: shards, Cores: cores, Jobs: jobs, Image: image, Claim: claim})
		},
	}
	f := c.Flags()
	f.StringVar(&engine, "for", "slurm", "slurm, kubernetes or parallel")
	f.StringVar(&out, "out", "", "directory of the study, which all machines see (default gradflow-out/<study name>)")
	f.StringVarP(&script, "script", "o", "", "file to write (default standard output)")
	f.StringVar(&program, "program", "gradflow", "the program that the machines run, such as one with parts of your own")
	f.StringVar(&image, "image", "", "container image, for kubernetes")
	f.StringVar(&claim, "claim", "", "persistent volume claim that holds the study and its records, for kubernetes")
	f.StringArrayVar(&set, "set", nil, "override a key of the study, as run does; may be repeated")
	counts.add(c, &shards, study.Shards, 8, "parts of the study")
	counts.add(c, &cores, study.Count{Key: "cores", Least: 1, Most: 1024}, 1, "cores of each part")
	counts.add(c, &jobs, study.Count{Key: "jobs", Least: 0, Most: 1024}, 0, "parts side by side, for parallel (default as many as there are cores)")
	complete(c, "for", []string{"slurm", "kubernetes", "parallel"})
	return c
}

func settingsText(set []string) (text string) {
	for _, s := range set {
		text += " --set " + shellQuote(s)
	}
	return text
}

const (
	estimating  = 20 * time.Second // at most, for the measurements
	margin      = 3
	leastTime   = 5 * time.Minute
	ownMemory   = 200 // MiB of the program and the data
	measureNote = "%s, %v of one core by measurements of %d of %d kinds of networks here"
)

// writePlan measures, and writes what the template says.
func writePlan(c *cobra.Command, spec *study.Spec, text, script string, p plan) error {
	all := spec.Resolve(func(study.Config) *record.Record { return nil })
	estimate, err := spec.Estimate(c.Context(), spec.Configs, estimating)
	if err != nil {
		if c.Context().Err() != nil {
			return errInterrupted
		}
		return err
	}
	seconds := slices.Max(spec.Loads(estimate.Seconds, p.Shards)) / float64(p.Cores)
	updates := 0
	for _, c := range spec.Configs {
		updates += c.Steps
	}
	// What chooses settings is dealt out by chance.
	total := estimate.Total * float64(all.PlannedUpdates) / float64(updates)
	seconds += (total - estimate.Total) / float64(p.Shards*p.Cores)
	seconds = max(seconds, estimate.Longest)
	p.Time = max(leastTime, time.Duration(margin*seconds*float64(time.Second)).Round(time.Minute))
	p.Memory = ownMemory + int(math.Ceil(1.25*float64(p.Cores)*estimate.Memory/(1<<20)))
	p.Runs = all.Planned
	p.Measure = fmt.Sprintf(measureNote, texttab.Count(all.Planned, "run"), roundTime(time.Duration(total*float64(time.Second))), estimate.Measured, estimate.Shapes)
	for i := range spec.Rounds() {
		p.Rounds = append(p.Rounds, i+1)
	}
	t, err := template.New("plan").Funcs(template.FuncMap{"quote": shellQuote, "yaml": yamlQuote, "inside": func(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }}).Parse(text)
	if err != nil {
		return errors.WithStack(err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return errors.WithStack(err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s; %s of %s\n", spec.Name, p.Measure, texttab.Count(p.Shards, "shard"), texttab.Count(p.Cores, "core"))
	if script == "" {
		_, err := io.Copy(c.OutOrStdout(), &b)
		return err
	}
	return atomicfile.Write(script, b.Bytes())
}

// yamlQuote writes a text as a YAML string: JSON's are such.
func yamlQuote(s string) string { return fmt.Sprintf("%q", filepath.ToSlash(s)) }
