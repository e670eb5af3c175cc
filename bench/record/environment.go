package record

import (
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

// Here returns the environment of this process.
var Here = sync.OnceValue(func() Environment {
	e := Environment{
		Kernel:   kernels.Name(),
		CPU:      cpuid.CPU.BrandName,
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go:       runtime.Version(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return e
	}
	const own = "github.com/gradflow/gradflow"
	modules := append([]*debug.Module{&info.Main}, info.Deps...)
	for _, m := range modules {
		for m.Replace != nil {
			m = m.Replace
		}
		switch m.Path {
		case own:
			e.Gradflow = m.Version
		case "gorgonia.org/gorgonia":
			e.Gorgonia = m.Version
		case "gorgonia.org/tensor":
			e.Tensor = m.Version
		}
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
	if revision != "" && info.Main.Path == own {
		e.Gradflow = revision[:min(12, len(revision))] + modified
	}
	return e
})
