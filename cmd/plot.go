package cmd

import (
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/spf13/cobra"
)

// plotFlag has the shell complete --plot, the flag of commands that draw a picture, with
// the names of pictures.
func plotFlag(c *cobra.Command) {
	if err := c.MarkFlagFilename("plot", draw.Endings...); err != nil { // the flag is not there
		panic(err)
	}
}
