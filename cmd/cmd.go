// Package cmd is the gradflow command as a library. A program that adds its own rows to the
// catalogues and then calls [Main] can use its parts in every subcommand:
//
//	func main() {
//		activations.Catalogue.Add(catalogue.Row("isru", "z/√(1+z²)", newISRU))
//		cmd.Main()
//	}
//
// The subcommands:
//
//	gradflow run bench/studies/quickstart.yaml    run or resume a study
//	gradflow report gradflow-out/quickstart       rank the results and draw the report
//	gradflow sweep --activation tanh --depth 20   scores over decades of learning rate
//	gradflow stress                               unit tests of optimizers
//	gradflow list                                 the parts a study can use
//	gradflow data get mnist                       download a real data set
//	gradflow new activation isru                  write a module with your own part
//	gradflow version                              version and platform
//
// Exit status: 0 success, 1 failure or interruption, 2 usage error (a flag, an argument, a
// study file).
package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

// Main runs the command with the process's arguments and exits with its status. The first
// interrupt (Ctrl-C, SIGINT or SIGTERM) asks the work in progress to stop after its
// current steps, and abandons it if they take long; the second ends the process immediately.
func Main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errSignal)
		<-signals
		signal.Stop(signals) // the next one has its default effect
		atomicfile.Abandon()
		os.Exit(failed)
	}()
	status := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if ctx.Err() != nil {
		atomicfile.Abandon()
	}
	os.Exit(status)
}

// Exit statuses.
const (
	done = iota
	failed
	wrongUse
)

// useError is a usage error.
type useError struct{ error }

func (e useError) Unwrap() error { return e.error }

// errSignal is the cause of a context that a signal cancelled.
var errSignal = errors.New("interrupted by a signal")

// errInterrupted is the error of a command that stopped because its context ended.
var errInterrupted = errors.New("interrupted")

// grace is how long an interrupted command may take to finish its current steps. What
// takes longer is abandoned, so that the answer to Ctrl-C comes within a second.
const grace = 700 * time.Millisecond

// Run runs the command with arguments (without the program's name) and returns the exit
// status. When ctx ends, Run returns within a second: the work in progress stops after its
// current step, and what is complete is kept. A step that takes longer ends after Run has
// returned, prints nothing, and its result is dropped.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := &session{stdout: newConsole(stdout), stderr: newConsole(stderr)}
	defer func() { s.stdout.close(); s.stderr.close() }()
	ctx = context.WithValue(ctx, sessionKey{}, s)
	root := newRoot()
	fitHelp(root, terminalWidth(stdout))
	root.SetIn(stdin)
	root.SetArgs(args)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)

	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errSignal) {
			fmt.Fprintln(s.stderr, "Stopping after the current steps; press Ctrl-C again to stop now.")
		}
		select {
		case err = <-ended:
		case <-time.After(grace):
			err = errInterrupted
			s.abandon()
		}
	}
	return s.tell(err, ctx.Err() != nil)
}

// abandon discards whatever the command prints from now on.
func (s *session) abandon() {
	s.stdout.close()
	s.stderr.close()
	s.stdout, s.stderr = newConsole(s.stdout.w), newConsole(s.stderr.w)
}

// tell prints the outcome of a command, and returns its exit status.
func (s *session) tell(err error, interrupted bool) int {
	s.stderr.keep()
	var use useError
	var spec *study.SpecError
	switch {
	case err == nil:
		return done
	case interrupted:
		if !errors.Is(err, errInterrupted) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			fmt.Fprintf(s.stderr, "gradflow: %s\n", message(err))
		}
		fmt.Fprintln(s.stderr, s.goodbye())
		return failed
	case errors.As(err, &use):
		fmt.Fprintf(s.stderr, "gradflow: %s\n", message(err))
		return wrongUse
	case errors.As(err, &spec):
		fmt.Fprintf(s.stderr, "%s\n", message(err)) // begins with the file's name, as editors like it
		return wrongUse
	default:
		fmt.Fprintf(s.stderr, "gradflow: %s\n", message(err))
		return failed
	}
}

func newRoot() *cobra.Command {
	var showVersion bool
	root := &cobra.Command{
		Use:   "gradflow",
		Short: "What keeps the gradient alive in deep saturating networks",
		Long: `gradflow trains deep networks of saturating nonlinearities (tanh, sigmoid,
softplus, Gaussians) side by side, measures the gradient in every layer, and says
which optimizers and initialisations keep it alive.`,
		Example: `  gradflow run bench/studies/quickstart.yaml
  gradflow report gradflow-out/quickstart --json
  gradflow list optimizers`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommand,
		RunE: func(c *cobra.Command, _ []string) error {
			if showVersion {
				return versionHere().print(c.OutOrStdout())
			}
			return c.Help()
		},
	}
	root.Flags().BoolVar(&showVersion, "version", false, "print the version, as gradflow version does")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return useError{errors.Errorf("%v; see %s --help", flagError(err), c.CommandPath())}
	})
	root.AddCommand(newRun(), newReport(), newRemedy(), newList(), newSpeed(), newProfile(), newDescribe(), newTheory(), newStress(), newSweep(), newStatus(), newPlan(), newMerge(), newExport(), newServe(), newData(tasks.DataSets), newNew(), newVersion())
	return root
}

// subcommand rejects unknown subcommands.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if near := catalogue.Nearest(args[0], names); len(near) > 0 {
		message += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return useError{errors.Errorf("%s; see %s --help", message, c.CommandPath())}
}

// noArguments rejects arguments.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return useError{errors.Errorf("%s takes no arguments, but got %q; see %s --help", c.Name(), args[0], c.CommandPath())}
	}
	return nil
}

// oneArgument requires exactly one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return useError{errors.Errorf("%s takes one argument, %s, not %d; see %s --help", c.Name(), what, len(args), c.CommandPath())}
		}
		return nil
	}
}

// Templates find functions in a map of cobra's, which is not for several goroutines.
func init() { cobra.AddTemplateFunc("helpLine", helpLine) }

// fitHelp wraps all help texts to the terminal's width.
func fitHelp(c *cobra.Command, width int) {
	if width == 0 || width > 80 {
		width = 80
	}
	c.SetUsageTemplate(strings.NewReplacer(
		"Flags.FlagUsages ", fmt.Sprintf("Flags.FlagUsagesWrapped %d ", width),
		"{{rpad .Name .NamePadding }} {{.Short}}", fmt.Sprintf("{{helpLine .Name .NamePadding .Short %d}}", width),
	).Replace(c.UsageTemplate()))
	var wrapLong func(c *cobra.Command)
	wrapLong = func(c *cobra.Command) {
		c.Long, c.Example = wrapParagraphs(c.Long, width), wrapCommands(c.Example, width)
		for _, sub := range c.Commands() {
			wrapLong(sub)
		}
	}
	wrapLong(c)
}
