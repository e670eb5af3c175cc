package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newDescribe() *cobra.Command {
	var (
		network networkFlags
		format  string
		limit   int
		asJSON  bool
	)
	c := &cobra.Command{
		Use:   "describe [STUDY [RUN]]",
		Short: "Show the layers, parameters and graph of a network",
		Long: `Describe builds a network and prints its layers, parameters and forward operations,
without running it. The flags describe the network, or a study file and one of its runs: a
number from 1, or the first digits of a hash. The middle of a deep network is folded into
one line; --fold 0 shows everything.`,
		Example: `  gradflow describe --model highway --depth 50
  gradflow describe --model lstm --task adding --depth 1 --format svg > lstm.svg
  gradflow describe bench/studies/quickstart.yaml 3`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return useError{errors.Errorf("describe takes at most two arguments, a study file and a run, not %d; see gradflow describe --help", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON {
				format = "json"
			}
			switch {
			case format != "text" && format != "dot" && format != "svg" && format != "json":
				return useError{errors.Errorf("--format %q: want text, dot, svg or json", format)}
			case limit < 0 || limit == 1 || limit == 2:
				return useError{errors.Errorf("--fold %d: want 0, or at least 3", limit)}
			}
			var config study.Config
			if len(args) > 0 {
				if name := network.changed(c); name != "" {
					return useError{errors.Errorf("--%s can't be combined with a study file", name)}
				}
				var err error
				if config, err = runOf(c.Context(), args); err != nil {
					return err
				}
			} else {
				if err := network.read(); err != nil {
					return err
				}
				config = network.config
			}
			parts, err := study.Assemble(config)
			if err != nil {
				return useError{err}
			}
			n, err := parts.Network()
			if err != nil {
				return useError{err}
			}
			d, w := n.Describe(), c.OutOrStdout()
			if format != "json" {
				d = d.Fold(limit)
			}
			switch format {
			case "dot":
				return d.WriteDOT(w)
			case "svg":
				return d.WriteSVG(w)
			case "json":
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				return e.Encode(d)
			}
			return d.WriteText(w)
		},
	}
	network.add(c, "5", "64", "32", "")
	f := c.Flags()
	f.StringVar(&format, "format", "text", "text, dot (for Graphviz), svg or json")
	intFlag(f, &limit, "fold", 40, "show at most this many layers and operations; 0: all")
	f.BoolVar(&asJSON, "json", false, "print as JSON, with all operations")
	return c
}

// runOf returns the configuration of a run of a study file: the first, or the one with a
// number or a hash.
func runOf(ctx context.Context, args []string) (study.Config, error) {
	s, err := loadStudy(ctx, args[0])
	if err != nil {
		return study.Config{}, err
	}
	which := "1"
	if len(args) > 1 {
		which = args[1]
	}
	for i, c := range s.Configs {
		if which == fmt.Sprint(i+1) || len(which) >= 4 && strings.HasPrefix(c.Hash(), which) {
			return c, nil
		}
	}
	return study.Config{}, useError{errors.Errorf("%s has no run %q: want a number from 1 to %d, or four digits of a hash", args[0], which, len(s.Configs))}
}
