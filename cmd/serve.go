package cmd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gradflow/gradflow/bench/serve"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	var address string
	c := &cobra.Command{
		Use:   "serve [DIR…]",
		Short: "Show studies while they run, and the laboratory, in a browser",
		Long: `Serve shows in a browser the studies of directories (default gradflow-out): what is in
progress, what is left, failures, the best so far, curves that grow, and the report. It
reads only, and may be started before a study, while it runs, or after.

It also serves the laboratory: type any nonlinearity and network, and see what theory says,
where the signal of a real network dies, forward and backward, and what training makes of
it, two networks side by side. Your own parts are in it.

It serves this machine alone. --address changes that: whoever reaches the address can then
read the studies and train small networks.`,
		Example: `  gradflow serve
  gradflow serve gradflow-out/quickstart other/results
  gradflow serve --address localhost:9000`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(c *cobra.Command, dirs []string) error {
			for _, dir := range dirs {
				if err := checkDirectory(dir); err != nil {
					return err
				}
			}
			if len(dirs) == 0 {
				dirs = []string{"gradflow-out"} // which need not be there yet
			}
			return serveStudies(c, dirs, address)
		},
	}
	c.Flags().StringVar(&address, "address", "localhost:8080", "host and port to listen at; port 0: any that is free")
	return c
}

// serveStudies serves until the context ends.
func serveStudies(c *cobra.Command, dirs []string, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return useError{errors.Errorf("--address %s: want host:port, such as localhost:8080", address)}
	}
	listener, err := (&net.ListenConfig{}).Listen(c.Context(), "tcp", address)
	if err != nil {
		var at *net.OpError
		if errors.As(err, &at) {
			err = at.Err
		}
		return useError{errors.Errorf("--address %s: %v; give another, such as localhost:0 for any free port", address, err)}
	}
	defer listener.Close()
	local := listener.Addr().(*net.TCPAddr)
	s, err := serve.New(serve.Options{Dirs: dirs, Host: hosts(host, local.IP), Command: suggested})
	if err != nil {
		return err
	}
	if !local.IP.IsLoopback() {
		fmt.Fprintf(c.ErrOrStderr(), "warning: --address %s: others than this machine can read these studies and train networks here\n", address)
	}
	shown := host
	if shown == "" || local.IP.IsUnspecified() {
		shown = "localhost"
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "Studies and laboratory: http://%s/\n", net.JoinHostPort(shown, fmt.Sprint(local.Port)))
	for _, dir := range dirs {
		fmt.Fprintf(w, "  %s\n", filepath.Clean(dir))
	}
	fmt.Fprintln(w, "Press Ctrl-C to end.")

	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return c.Context() }}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return errors.Wrap(err, "serve")
	case <-c.Context().Done():
	}
	s.Close()
	soon, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if server.Shutdown(soon) != nil {
		_ = server.Close()
	}
	return errInterrupted
}

// hosts returns a function that reports whether a request's Host is this server. Where it
// listens to others, that is any number of an address, which no name can stand for, and its own
// name.
func hosts(given string, listens net.IP) func(string) bool {
	if listens.IsLoopback() {
		return serve.Loopback
	}
	own, _ := os.Hostname()
	return func(name string) bool {
		return serve.Loopback(name) || net.ParseIP(name) != nil || name != "" && (strings.EqualFold(name, given) || strings.EqualFold(name, own))
	}
}
