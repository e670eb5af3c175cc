// Command results makes FINDINGS.md and quickstart.svg of the recorded results beside them:
//
//	go run ./bench/results
//
// What they say are the records' numbers, and tests of them; see README.md for how results
// are recorded.
package main
