package arena

import "golang.org/x/sys/unix"

// useHugePages asks for huge pages. Without them everything works, but slower.
func useHugePages(b []byte) {
	if unix.Madvise(b, unix.MADV_HUGEPAGE) == nil {
		// Memory that the heap has used before is on small pages: MADV_COLLAPSE joins them.
		unix.Madvise(b, unix.MADV_COLLAPSE)
	}
}
