package gradflow

import "embed"

// Module has go.mod and go.sum of this module, which state what a program that uses it
// requires, and at which versions: gradflow new writes them into the modules that it makes.
//
//go:embed go.mod go.sum
var Module embed.FS
