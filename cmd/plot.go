package cmd

import (
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/spf13/cobra"
)

// plotFlag lets the shell complete --plot with the names of pictures.
func plotFlag(c *cobra.Command) {
	if err := c.MarkFlagFilename("plot", draw.Endings...); err != nil { // the flag is not there
		panic(err)
	}
}
