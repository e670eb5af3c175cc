package arena

import "golang.org/x/sys/unix"

// useHugePages asks for huge pages. Without them everything works, if slower.
func useHugePages(b []byte) {
	if unix.Madvise(b, unix.MADV_HUGEPAGE) == nil {
		// What the heap has used before is in small pages already: they are joined.
		unix.Madvise(b, unix.MADV_COLLAPSE)
	}
}
