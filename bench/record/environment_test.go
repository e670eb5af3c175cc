package record

import (
	"runtime/debug"
	"testing"
)

func TestModuleVersion(t *testing.T) {
	ours := func(m debug.Module) *debug.Module { m.Path = modulePath; return &m }
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		what              string
		info              debug.BuildInfo
		version, revision string
	}{
		{"in its checkout", debug.BuildInfo{Main: *ours(debug.Module{Version: "v1.2.3"}), Settings: vcs}, "v1.2.3", "0123456789ab+modified"},
		{"without a checkout", debug.BuildInfo{Main: *ours(debug.Module{Version: "(devel)"})}, "(devel)", ""},
		{"as a dependency", debug.BuildInfo{Main: debug.Module{Path: "example.org/mine"}, Settings: vcs,
			Deps: []*debug.Module{ours(debug.Module{Version: "v1.2.3"})}}, "v1.2.3", ""},
		{"replaced by a directory", debug.BuildInfo{Main: debug.Module{Path: "example.org/mine"},
			Deps: []*debug.Module{ours(debug.Module{Version: "v0.0.0", Replace: &debug.Module{Path: "../gradflow"}})}}, "(devel)", ""},
		{"replaced by a fork", debug.BuildInfo{Main: debug.Module{Path: "example.org/mine"},
			Deps: []*debug.Module{ours(debug.Module{Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v1.0.1"}})}}, "v1.0.1", ""},
		{"not in it", debug.BuildInfo{Main: debug.Module{Path: "example.org/mine"}}, "", ""},
	} {
		if version, revision := moduleVersion(&c.info, modulePath), revision(&c.info); version != c.version || revision != c.revision {
			t.Errorf("%s: version %q, revision %q, want %q, %q", c.what, version, revision, c.version, c.revision)
		}
	}
}
