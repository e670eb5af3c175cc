// Package cmd is the gradflow command as a library. A program that adds rows of its own
// to the catalogues and calls [Main] has every subcommand for its own parts:
//
//	func main() {
//		activations.Catalogue.Add(catalogue.Row("isru", "z/√(1+z²)", newISRU))
//		cmd.Main()
//	}
//
// The subcommands:
//
//	gradflow run bench/studies/quickstart.yaml    run a study, or resume it
//	gradflow report gradflow-out/quickstart       rank what was run, draw the report
//	gradflow sweep --activation tanh --depth 20   scores over decades of the learning rate
//	gradflow stress                               unit tests of optimizers
//	gradflow list                                 what a study can be made of
//	gradflow data get mnist                       download a real data set
//
// Exit status: 0 done, 1 failed or interrupted, 2 wrong use (a flag, an argument, a
// study file).
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/bench/tasks"
	"github.com/gradflow/gradflow/catalogue"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Main runs the command with the process's arguments and exits with its status. The first
// interrupt asks the work in progress to stop; the second ends the process.
func Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks to finish the step; after it the usual effect is back.
	context.AfterFunc(ctx, stop)
	os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	done = iota
	failed
	wrongUse
)

// useError is a mistake in how the command was called.
type useError struct{ error }

func (e useError) Unwrap() error { return e.error }

// errInterrupted ends a command that has said what there is to say.
var errInterrupted = errors.New("interrupted")

// Run runs the command with arguments (without the program's name) and returns the exit
// status. When ctx ends, the work in progress stops, and what is complete is kept.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetIn(stdin)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var use useError
	var spec *study.SpecError
	switch {
	case err == nil:
		return done
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return failed
	case errors.As(err, &use):
		fmt.Fprintf(stderr, "gradflow: %v\n", err)
		return wrongUse
	case errors.As(err, &spec):
		fmt.Fprintf(stderr, "%v\n", err) // begins with the file's name, as editors like it
		return wrongUse
	default:
		fmt.Fprintf(stderr, "gradflow: %v\n", err)
		return failed
	}
}

func newRoot() *cobra.Command {
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
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return useError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(newRun(), newReport(), newList(), newSpeed(), newProfile(), newDescribe(), newTheory(), newStress(), newSweep(), newData(tasks.DataSets))
	return root
}

// subcommand refuses what is not the name of a subcommand.
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
	return useError{fmt.Errorf("%s; see %s --help", message, c.CommandPath())}
}

// exactly checks the number of arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return useError{fmt.Errorf("%s takes %s, not %d arguments; see %s --help", c.CommandPath(), what, len(args), c.CommandPath())}
		}
		return nil
	}
}

// terminalWidth returns the width of the terminal that w is, 0 if it is none.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return width
}

// colours tells whether w is a terminal whose user wants colours (no-color.org).
func colours(w io.Writer) bool {
	return terminalWidth(w) > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
