package cmd

import (
	"fmt"
	"io"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what else determines a run's last bits",
		Long: `Version prints the version and revision of gradflow (in another program, those of the
gradflow module it was built with), and what else determines a run's last bits: the vector
kernels, the processor, Go and Gorgonia. Every record contains the same information.`,
		Example: `  gradflow version
  gradflow version --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(c.OutOrStdout(), versionHere())
			}
			return versionHere().print(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

// version is what the command prints.
type version struct {
	Version  string `json:"version"` // of this module
	Revision string `json:"revision,omitempty"`
	record.Environment
}

func versionHere() version {
	v := version{Environment: record.Here()}
	v.Version, v.Revision = record.Version()
	return v
}

func (v version) print(w io.Writer) error {
	fmt.Fprintf(w, "gradflow %s", v.Version)
	if v.Revision != "" {
		fmt.Fprintf(w, ", revision %s", v.Revision)
	}
	_, err := fmt.Fprintf(w, "\n%s kernels on %s\n%s %s, gorgonia %s, tensor %s\n", v.Kernel, v.CPU, v.Go, v.Platform, v.Gorgonia, v.Tensor)
	return err
}
