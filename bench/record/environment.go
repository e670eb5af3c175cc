package record

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/gradflow/gradflow/internal/kernels"
	"github.com/klauspost/cpuid/v2"
)

// Environment is what besides the configuration decides on a run's last bits.
type Environment struct {
	Kernel   string `json:"kernel"` // the vector kernels in use
	CPU      string `json:"cpu"`
	Platform string `json:"platform"` // GOOS/GOARCH
	Go       string `json:"go"`
	Gradflow string `json:"gradflow"` // version or revision of this module
	Gorgonia string `json:"gorgonia"`
	Tensor   string `json:"tensor"`
}

// modulePath is this module's.
const modulePath = "github.com/gradflow/gradflow"

// Here returns the environment of this process.
var Here = sync.OnceValue(func() Environment {
	e := Environment{
		Kernel:   kernels.Name(),
		CPU:      cpuid.CPU.BrandName,
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go:       runtime.Version(),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		version, revision := moduleVersion(info, modulePath), revision(info)
		e.Gradflow = cmp.Or(revision, version)
		e.Gorgonia = moduleVersion(info, "gorgonia.org/gorgonia")
		e.Tensor = moduleVersion(info, "gorgonia.org/tensor")
	}
	return e
})

// Version returns the version of this module in the program, "(devel)" if it was built
// from a directory without one, and the revision, if the program was built in a checkout
// of this module and the revision was recorded.
func Version() (version, rev string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)", ""
	}
	return cmp.Or(moduleVersion(info, modulePath), "(devel)"), revision(info)
}

// moduleVersion returns the version of a module that a program was built with.
func moduleVersion(info *debug.BuildInfo, path string) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != path {
			continue
		}
		for m.Replace != nil {
			m = m.Replace
		}
		return cmp.Or(m.Version, "(devel)") // a directory has none
	}
	return ""
}

// revision returns that of this module's checkout, in 12 digits. In a program of another
// module the revision recorded is that module's.
func revision(info *debug.BuildInfo) string {
	if info.Main.Path != modulePath {
		return ""
	}
	var revision, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				modified = "+modified"
			}
		}
	}
	if revision == "" {
		return ""
	}
	return revision[:min(12, len(revision))] + modified
}
