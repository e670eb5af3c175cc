//go:build race

package optimizertest

// racing: the race detector makes a sync.Pool forget at random, so that code
// which borrows its workspace from one seems to allocate.
const racing = true
