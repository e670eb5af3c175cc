package cmd_test

import (
	"context"
	"fmt"
	"os"

	"github.com/gradflow/gradflow/cmd"
)

// A program calls [cmd.Main] after it has added its parts to the catalogues. A test of it
// calls [cmd.Run], and looks at the exit status and at what is printed.
func Example() {
	status := cmd.Run(context.Background(), []string{"theory", "--activation", "tahn"}, os.Stdin, os.Stdout, os.Stdout)
	fmt.Println("exit status", status)
	// Output:
	// gradflow: --activation: unknown activation "tahn"; did you mean tanh or tat?
	// exit status 2
}
