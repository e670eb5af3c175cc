// Command gradflow compares what keeps the signal alive in deep networks of saturating
// nonlinearities. Its subcommands are in package cmd.
package main

import "github.com/gradflow/gradflow/cmd"

func main() { cmd.Main() }
