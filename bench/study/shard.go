package study

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/pkg/errors"
)

// Shard is a part of a study's runs, which one of several processes or machines does. Each
// shard has a directory of its own below that of the study, so that none waits for another;
// [Merge] brings their records together.
//
// A run's shard follows from the study alone: the longest runs are dealt out first, each to
// the shard that has the least to do so far. Runs that choose settings are dealt out by
// their hashes, as not all of them are known in advance. A shard of a study that tunes
// reads what the other shards have recorded; when it has done all that is known, and the
// choice waits for others, it ends, and is to be run again.
type Shard struct {
	Index int // from 1
	Of    int
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Shards is the range of how many shards a study can be split into.
var Shards = Count{"shards", 1, 10_000, nil}

var shardText = regexp.MustCompile(`^([0-9]{1,6})/([0-9]{1,6})$`)

// ParseShard reads "3/8".
func ParseShard(text string) (Shard, error) {
	m := shardText.FindStringSubmatch(text)
	if m == nil {
		return Shard{}, errors.Errorf("%q is not a shard such as 3/8, or auto", text)
	}
	s := Shard{}
	s.Index, _ = strconv.Atoi(m[1]) // at most six digits
	s.Of, _ = strconv.Atoi(m[2])
	if err := Shards.Check(s.Of); err != nil {
		return s, err
	}
	if s.Index < 1 || s.Index > s.Of {
		return s, errors.Errorf("%q: shards are counted from 1 to %d", text, s.Of)
	}
	return s, nil
}

// Arrays are the engines whose arrays of jobs are recognised: the variable in which each
// tells a job its place, the value that the first job of an array begins with, and what it
// is called.
var Arrays = []struct {
	Variable string
	First    int
	Name     string
}{
	{"SLURM_ARRAY_TASK_ID", 1, "Slurm"}, // the planned script asks for 1-N
	{"JOB_COMPLETION_INDEX", 0, "Kubernetes"},
	{"PARALLEL_SEQ", 1, "GNU parallel"},
}

// ShardHere returns the index that an engine's array gives this process, from 1; the name of
// the engine is "" if there is none. How many shards there are is not taken from the engine,
// as an array that is submitted again for what failed is smaller: see [Spec.Split].
func ShardHere(getenv func(string) string) (index int, engine string, err error) {
	for _, a := range Arrays {
		text := getenv(a.Variable)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < a.First {
			return 0, a.Name, errors.Errorf("%s=%s is not the index of a job in an array that begins with %d", a.Variable, text, a.First)
		}
		return n - a.First + 1, a.Name, nil
	}
	return 0, "", nil
}

const (
	shardsFile = "shards.json" // in the directory of a study: into how many it is split
	shardsDir  = "shards"      // and their directories
)

// split is the file that keeps how a study is split.
type split struct {
	Study  string `json:"study"`
	SHA256 string `json:"sha256"` // of the study's text
	Shards int    `json:"shards"`
}

// Split fixes the number of shards of a study in its directory, and returns it: the first who
// comes decides, and another number or another text is an error that says so. 0 is the
// number that has been fixed.
func (s *Spec) Split(dir string, shards int) (int, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, errors.Wrap(err, "create the study directory")
	}
	sum := sha256.Sum256(s.Source)
	mine := split{s.Name, hex.EncodeToString(sum[:]), shards}
	path := filepath.Join(dir, shardsFile)
	for {
		text, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && shards == 0:
			return 0, errors.Errorf("%s: nothing says how many shards the study has: run gradflow plan first, or give the shard as 3/8", path)
		case errors.Is(err, fs.ErrNotExist):
			if err := fix(path, mine); err != nil && !errors.Is(err, fs.ErrExist) {
				return 0, errors.Wrap(err, "split the study")
			}
			continue
		case err != nil:
			return 0, errors.Wrap(err, "split the study")
		}
		var fixed split
		if err := json.Unmarshal(text, &fixed); err != nil || fixed.Shards < 1 || fixed.Shards > Shards.Most {
			return 0, errors.Errorf("%s: is damaged; remove it, and give the same number of shards again", path)
		}
		switch {
		case fixed.SHA256 != mine.SHA256:
			return 0, errors.Wrapf(ErrAnotherStudy, "%s: the study is not the one that was split, or has changed since", path)
		case shards != 0 && shards != fixed.Shards:
			return 0, errors.Wrapf(ErrAnotherStudy, "%s: the study is split into %d shards, not %d", path, fixed.Shards, shards)
		}
		return fixed.Shards, nil
	}
}

// fix writes the file unless it is there: the first of several processes wins.
func fix(path string, s split) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), atomicfile.Prefix+shardsFile+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Link(f.Name(), path) // fails if it is there, unlike a renaming
	}
	return err
}

// ShardDirectory is where a shard of a study keeps its records.
func ShardDirectory(dir string, s Shard) string {
	return filepath.Join(dir, shardsDir, fmt.Sprintf("%d-of-%d", s.Index, s.Of))
}

// ShardDirectories returns those of a study's shards that have begun, in their order.
func ShardDirectories(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(escapeGlob(dir), shardsDir, "*-of-*", "study.yaml"))
	for i, file := range list {
		list[i] = filepath.Dir(file)
	}
	index := func(path string) int {
		n, _ := strconv.Atoi(regexp.MustCompile(`^[0-9]+`).FindString(filepath.Base(path)))
		return n
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(index(a), index(b)), cmp.Compare(a, b)) })
	return list
}

// escapeGlob is a path in which nothing is a pattern.
func escapeGlob(path string) string {
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(path, `\$0`)
}

// work is about how long a run takes, beside others of its study.
func work(c Config) float64 {
	layers, width, batch := float64(c.Depth+1), float64(c.Width), float64(c.Batch)
	return float64(c.Steps) * layers * width * (width + 64) * (batch + 8)
}

// deal returns the shard of each run of the study, from 1, by the run's hash.
func (s *Spec) deal(shards int) map[string]int {
	longest := slices.Clone(s.Configs)
	slices.SortStableFunc(longest, func(a, b Config) int { return cmp.Compare(work(b), work(a)) })
	load := make([]float64, shards)
	shard := make(map[string]int, len(longest))
	for _, c := range longest {
		least := 0
		for i := range load {
			if load[i] < load[least] {
				least = i
			}
		}
		w := work(c)
		load[least] += w
		shard[c.Hash()] = least + 1
	}
	return shard
}

// byHash deals out a run of which nothing but the hash is known in advance.
func byHash(hash string, shards int) int {
	n, _ := strconv.ParseUint(hash[:8], 16, 64) // a hash is hexadecimal
	return int(n%uint64(shards)) + 1
}

// Rounds is how often each shard of the study has to be run, at most, until all settings are
// chosen and all runs done, if each time all shards have ended before: once, unless the study
// tunes. A round in which there is nothing to do takes no time.
func (s *Spec) Rounds() int {
	if s.Tune == nil {
		return 1
	}
	all := make([]bool, len(s.Tune.Settings))
	rounds, extensions := 1, 0
	for i, setting := range s.Tune.Settings {
		if all[i] = true; setting.Range != "" {
			extensions = MaxExtensions
		}
	}
	combinations := len(s.Tune.combinations(all))
	for _, c := range s.Configs {
		rounds = max(rounds, len(s.Tune.rungs(combinations, c.Steps)))
	}
	return rounds + extensions + 1
}

// Loads are the sums of some figures of the study's runs, such as seconds, by shard.
func (s *Spec) Loads(figures []float64, shards int) []float64 {
	loads, dealt := make([]float64, shards), s.deal(shards)
	for i, c := range s.Configs {
		loads[dealt[c.Hash()]-1] += figures[i]
	}
	return loads
}

// ShardSizes are the numbers of the study's runs in each shard, without those that choose
// settings.
func (s *Spec) ShardSizes(shards int) []int {
	sizes := make([]int, shards)
	for _, shard := range s.deal(shards) {
		sizes[shard-1]++
	}
	return sizes
}
