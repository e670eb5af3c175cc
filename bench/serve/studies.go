package serve

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/report"
	"github.com/pkg/errors"
)

// Where studies are looked for.
const (
	deepest     = 4      // directories below a root
	mostEntries = 20_000 // of all that is looked through
	mostStudies = 1000
)

// found is a study's directory.
type found struct {
	id   string
	dir  string
	name string // below the directory that it was found in
}

// search finds the directories of studies, those written to last first. Links are not
// followed.
func (s *Server) search() (list []found) {
	type dated struct {
		found
		at time.Time
	}
	var all []dated
	entries := 0
	for _, root := range s.roots {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			entries++
			switch {
			case entries > mostEntries || len(all) >= mostStudies:
				return filepath.SkipAll
			case err != nil || !d.IsDir():
				return nil
			case path != root && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			}
			if info, err := os.Lstat(filepath.Join(path, "runs")); err == nil && info.IsDir() {
				name, err := filepath.Rel(root, path)
				if err != nil || name == "." {
					name = filepath.Base(path)
				}
				all = append(all, dated{found{idOf(path), path, filepath.ToSlash(name)}, info.ModTime()})
				return filepath.SkipDir
			}
			if rel, err := filepath.Rel(root, path); err == nil && strings.Count(filepath.ToSlash(rel), "/") >= deepest-1 {
				return filepath.SkipDir
			}
			return nil
		})
	}
	slices.SortStableFunc(all, func(a, b dated) int { return b.at.Compare(a.at) })
	seen := map[string]bool{}
	for _, d := range all {
		if !seen[d.id] {
			seen[d.id] = true
			list = append(list, d.found)
		}
	}
	return list
}

// idOf names a study in addresses: something to read, and what makes it the only one.
func idOf(path string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			return c
		}
		return '-'
	}, filepath.Base(path))
	h := fnv.New64a()
	h.Write([]byte(path))
	return fmt.Sprintf("%.40s-%012x", name, h.Sum64()&(1<<48-1))
}

// find returns a study by its id; nil if there has been none. One that has been deleted is
// still known.
func (s *Server) find(id string) *watched {
	s.mu.Lock()
	w := s.studies[id]
	s.mu.Unlock()
	if w != nil {
		return w
	}
	s.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.studies[id]
}

// list returns all studies that are there now.
func (s *Server) list() (list []*watched) {
	places := s.search()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range places {
		w := s.studies[f.id]
		if w == nil {
			w = &watched{found: f, records: map[string]*kept{}}
			s.studies[f.id] = w
		}
		list = append(list, w)
	}
	return list
}

// refuseLinks is an error if a file that is read leads out of the study's directory.
func (f *found) refuseLinks() error {
	for _, name := range []string{"study.yaml", "runs", report.StressName} {
		info, err := os.Lstat(filepath.Join(f.dir, name))
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return errors.Errorf("%s of the study is a link, which is not followed", name)
		}
	}
	return nil
}

// readDirect reads a record, unless it is a link.
func readDirect(dir string) (*record.Record, error) {
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, &record.Damage{Run: filepath.Base(dir), What: "is a link, which is not followed"}
	}
	entries, err := os.ReadDir(dir)
	if err == nil {
		for _, e := range entries {
			if e.Type()&fs.ModeSymlink != 0 {
				return nil, &record.Damage{Run: filepath.Base(dir), File: e.Name(), What: "is a link, which is not followed"}
			}
		}
	}
	return record.Read(dir)
}

// entry is a study in the list.
type entry struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Running  bool    `json:"running"`
	Share    float64 `json:"share"` // done, where it runs
	Sentence string  `json:"sentence"`
}

// entries says of each study in a line what becomes of it, without reading its records.
func (s *Server) entries() []entry {
	list := []entry{}
	for _, w := range s.list() {
		e := entry{ID: w.id, Name: w.name}
		runs, err := os.ReadDir(filepath.Join(w.dir, "runs"))
		recorded := 0
		for _, r := range runs {
			if r.IsDir() && !strings.HasPrefix(r.Name(), ".") {
				recorded++
			}
		}
		live, _ := record.ReadLive(w.dir)
		switch {
		case err != nil:
			e.Sentence = "can't be read"
		case live != nil:
			e.Running, e.Share, e.Sentence = true, share(live), progressOf(live)
		case recorded == 1:
			e.Sentence = "1 run recorded"
		default:
			e.Sentence = fmt.Sprintf("%d runs recorded", recorded)
		}
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b entry) int {
		switch {
		case a.Running == b.Running:
			return 0
		case a.Running:
			return -1
		}
		return 1
	})
	return list
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	s.page(w, "index.html", struct {
		Dirs    []string
		Studies []entry
		Run     string
	}{s.Dirs, s.entries(), s.Command("gradflow run STUDY.yaml")})
}

func (s *Server) indexEvents(w http.ResponseWriter, r *http.Request) {
	s.stream(w, r, func() (any, string) {
		list := s.entries()
		return list, fmt.Sprint(list)
	})
}

// share is what is done of a study that runs.
func share(l *record.Live) float64 {
	return min(1, float64(l.Before+l.Done)/float64(cmp.Or(l.Updates, 1)))
}

// progressOf says how far a study that runs is.
func progressOf(l *record.Live) string {
	over := l.Recorded + l.Finished
	text := fmt.Sprintf("%d of %d runs recorded, %d in progress", over, l.Runs, len(l.Running))
	if l.Diverged > 0 {
		text += fmt.Sprintf(", %d diverged", l.Diverged)
	}
	if l.Failed > 0 {
		text += fmt.Sprintf(", %d failed", l.Failed)
	}
	if left := l.Left(); left > 0 {
		text += ", about " + duration(left) + " left"
	}
	return text
}

// duration writes a time to two digits.
func duration(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 1.5:
		return "1 s"
	case s < 100:
		return fmt.Sprintf("%.0f s", s)
	case s < 100*60:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	default:
		return fmt.Sprintf("%.0f days", s/86400)
	}
}
