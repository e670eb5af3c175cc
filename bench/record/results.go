package record

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/gradflow/gradflow/internal/texttab"
	"github.com/pkg/errors"
)

// Plan is a study as far as its records need it: what it is called, and the runs that it
// stands for.
type Plan struct {
	Name    string
	About   string
	Configs []Config
	// Comparison is what the study says that it compares.
	Comparison Comparison
	// Resolve returns what follows from the records of a study that tunes; nil: it does not.
	Resolve func(find func(Config) *Record) *Tuning
}

// Comparison is what a study compares: axes, whose values are the things compared, or
// variants. It is no part of a run.
type Comparison struct {
	By       []string          // keys of axes: those compared, or that variants replace; nil: by default
	Variants []string          // names; nil if there are none
	Variant  map[string]string // names by the hash of a run's Setup
	Baseline string            // what the others are compared with; "": the first
	// Shared are the axes of By of which variants use the grid's value, as in a nonlinearity
	// that a variant shapes: they make facets all the same. Origin has the configuration with
	// the grid's own values, by the hash of a run's Setup.
	Shared []string
	Origin map[string]Config
}

// Results is a study directory, read: the runs of the study as its file says, and, apart,
// what else there is.
type Results struct {
	Dir     string
	Spec    *Plan     // nil if study.yaml is missing or cannot be read: then all records are taken
	Records []*Record // whole and unchanged, in the order of the study
	// Tuning is what a study that tunes has come to, by the runs Tuned; nil: it does not. The
	// Configs of Spec are then those with the settings chosen.
	Tuning  *Tuning
	Tuned   []*Record
	Damaged []*Damage // runs of the study that are left out: running it makes them again
	Others  []Other   // runs that are not of the study
	// Warnings tell of all that is left out, and of what could not be read.
	Warnings []string
}

// Other is a run in a study's directory that is not of the study.
type Other struct {
	Run    string  // the name of its directory
	Why    string  // "optimizer sgd(rate=0.1) is not in the study"
	Record *Record // nil if it is damaged
}

// Open reads the records of a study directory; parse reads its study.yaml. The error says
// that there is no record of the study.
func Open(dir string, parse func(file string, text []byte) (*Plan, error)) (*Results, error) {
	return OpenWith(dir, parse, Read)
}

// OpenWith is [Open] with another way to read the record in a run's directory: one that
// remembers those that it has read. Its error is a *Damage, as that of [Read].
func OpenWith(dir string, parse func(file string, text []byte) (*Plan, error), read func(dir string) (*Record, error)) (*Results, error) {
	r := &Results{Dir: dir}
	if err := r.readPlan(parse); err != nil {
		r.warn("%v: the report is of all runs in the directory, of whatever study; run the study again to mend it", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, runsDir))
	if err != nil {
		return nil, errors.Wrapf(err, "%s holds no study", dir)
	}
	var records []*Record
	var damaged []*Damage
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // unfinished, or not ours
			continue
		}
		record, err := read(filepath.Join(dir, runsDir, e.Name()))
		var damage *Damage
		if errors.As(err, &damage) {
			damaged = append(damaged, damage)
		} else {
			records = append(records, record)
		}
	}
	records, damaged = r.tune(records, damaged)
	r.divide(records, damaged)
	r.tell()
	if len(r.Records) == 0 {
		message := dir + " holds no runs that can be reported"
		if len(r.Warnings) > 0 {
			message += ": " + strings.Join(r.Warnings[:min(len(r.Warnings), 3)], "; ")
		}
		return nil, errors.New(message)
	}
	return r, nil
}

// tune works out what a study that tunes has chosen, and returns what is left without the
// runs that choose.
func (r *Results) tune(records []*Record, damaged []*Damage) ([]*Record, []*Damage) {
	if r.Spec == nil || r.Spec.Resolve == nil {
		return records, damaged
	}
	byHash := map[string]*Record{}
	for _, record := range records {
		byHash[record.Hash] = record
	}
	r.Tuning = r.Spec.Resolve(func(c Config) *Record { return byHash[c.Hash()] })
	r.Spec.Configs = r.Tuning.Final
	place := map[string]int{}
	for i, c := range r.Tuning.Runs {
		place[c.Hash()] = i
	}
	for _, c := range r.Tuning.Final { // a seed of its own keeps them apart
		delete(place, c.Hash())
	}
	ofTuning := func(run string) bool { _, ok := place[run]; return ok }
	rest := slices.DeleteFunc(slices.Clone(records), func(record *Record) bool { return ofTuning(record.Hash) })
	r.Tuned = slices.DeleteFunc(slices.Clone(records), func(record *Record) bool { return !ofTuning(record.Hash) })
	slices.SortFunc(r.Tuned, func(a, b *Record) int { return cmp.Compare(place[a.Hash], place[b.Hash]) })
	for _, d := range damaged {
		if ofTuning(d.Run) {
			r.Damaged = append(r.Damaged, d)
		}
	}
	if !r.Tuning.Complete {
		r.warn("the tuning is not complete, with %s recorded: running the study completes it", texttab.Count(r.Tuning.Cost.Runs, "run"))
	}
	for _, w := range r.Tuning.Warnings {
		r.warn("tuning: %s", w)
	}
	return rest, slices.DeleteFunc(slices.Clone(damaged), func(d *Damage) bool { return ofTuning(d.Run) })
}

func (r *Results) readPlan(parse func(string, []byte) (*Plan, error)) error {
	file := filepath.Join(r.Dir, studyFile)
	info, err := os.Stat(file)
	if err != nil {
		return errors.Wrap(reason(err), file)
	}
	if !info.Mode().IsRegular() {
		return errors.Errorf("%s: is not a regular file", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return errors.Wrap(reason(err), file)
	}
	if r.Spec, err = parse(file, text); err != nil {
		r.Spec = nil
	}
	return err
}

func (r *Results) warn(format string, args ...any) {
	// Names of files come from anywhere.
	r.Warnings = append(r.Warnings, strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return unicode.ReplacementChar
		}
		return c
	}, fmt.Sprintf(format, args...)))
}

// divide sorts what was read into the runs of the study and others.
func (r *Results) divide(records []*Record, damaged []*Damage) {
	if r.Spec == nil {
		r.Records, r.Damaged = records, damaged
		return
	}
	// The runs of the study under a schema, by place. A study is reported under one: the
	// newest that it has runs of.
	var place map[string]int
	for schema := Schema; schema > 0; schema-- {
		place = r.Spec.places(schema)
		found := func(run string) bool { _, ok := place[run]; return ok }
		if slices.ContainsFunc(records, func(r *Record) bool { return found(r.Hash) }) ||
			slices.ContainsFunc(damaged, func(d *Damage) bool { return found(d.Run) }) {
			break
		}
	}
	older := 0
	for _, record := range records {
		_, ok := place[record.Hash]
		switch {
		case ok:
			r.Records = append(r.Records, record)
			if record.Summary.Schema < Schema {
				older++
			}
		default:
			r.Others = append(r.Others, Other{record.Hash, r.Spec.why(record), record})
		}
	}
	for _, d := range damaged {
		if _, ok := place[d.Run]; ok {
			r.Damaged = append(r.Damaged, d)
		} else {
			r.Others = append(r.Others, Other{d.Run, d.Error(), nil})
		}
	}
	slices.SortFunc(r.Records, func(a, b *Record) int { return cmp.Compare(place[a.Hash], place[b.Hash]) })
	if older > 0 {
		r.warn("the records are of an older version of gradflow, in which float32 runs did not flush denormals to zero: running the study does all runs again")
	}
}

// places returns the place in the study of each run, by its hash under a schema.
func (p *Plan) places(schema int) map[string]int {
	place := map[string]int{}
	for i, c := range p.Configs {
		place[c.hash(schema)] = i
	}
	if schema == 1 {
		// Where the study does not say, float32 runs did not flush.
		for i, c := range p.Configs {
			c.FlushToZero = false
			if _, taken := place[c.hash(1)]; !taken {
				place[c.hash(1)] = i
			}
		}
	}
	return place
}

// why tells why a record is not of the study: what it has that no run of the study has.
func (p *Plan) why(r *Record) string {
	if r.Summary.Schema < Schema {
		if _, ok := p.places(r.Summary.Schema)[r.Hash]; ok {
			return "recorded by an older version of gradflow, and since done again"
		}
	}
	var alien []string
	own := reflect.ValueOf(r.Config)
	for i := range own.NumField() {
		value := own.Field(i).Interface()
		if !slices.ContainsFunc(p.Configs, func(c Config) bool {
			return fmt.Sprint(reflect.ValueOf(c).Field(i).Interface()) == fmt.Sprint(value)
		}) {
			key, _, _ := strings.Cut(own.Type().Field(i).Tag.Get("json"), ",")
			alien = append(alien, fmt.Sprintf("%s %v", strings.ReplaceAll(key, "_", "-"), value))
		}
	}
	if len(alien) == 0 {
		return "this combination is not in the study"
	}
	return strings.Join(alien, ", ") + " is not in the study"
}

// shown is how many of a kind the warnings name.
const shown = 5

// tell warns of what is left out.
func (r *Results) tell() {
	if n := len(r.Damaged); n > 0 {
		r.warn("%s left out; running the study makes what is damaged again", count(n, "damaged run"))
		for _, d := range r.Damaged[:min(n, shown)] {
			r.warn("%v", d)
		}
		if n > shown {
			r.warn("… and %d more damaged runs", n-shown)
		}
	}
	if len(r.Others) == 0 {
		return
	}
	var reasons []string
	times := map[string]int{}
	for _, o := range r.Others {
		if times[o.Why]++; times[o.Why] == 1 {
			reasons = append(reasons, o.Why)
		}
	}
	for i, why := range reasons {
		if times[why] > 1 {
			reasons[i] += fmt.Sprintf(" (%d)", times[why])
		}
	}
	if n := len(reasons); n > shown {
		reasons = append(reasons[:shown], fmt.Sprintf("and %d more reasons", n-shown))
	}
	r.warn("%s left out, as the study's file does not have them: %s", count(len(r.Others), "run in the directory"), strings.Join(reasons, "; "))
}

// count is "1 damaged run is" or "2 damaged runs are".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %s are", n, strings.Replace(what, "run", "runs", 1))
}
