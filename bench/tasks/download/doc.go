// Package download fetches files over HTTP so that what is there is right: a file
// appears under its name only when it is complete, on the disk, and has passed its
// check.
//
//	address ──Range──> .part-name ──Check, fsync──> name
//
// What arrives is kept under a temporary name in the same directory, so that the next
// attempt, in this process or a later one, resumes it. A server that
// cannot resume sends the file from the start; a file assembled from two versions fails
// its check and is fetched again.
package download
