//go:build !race

package optimizertest

const racing = false
