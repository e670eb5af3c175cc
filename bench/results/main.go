package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/internal/atomicfile"
	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
)

// directory has the results, from the root of the repository; an argument is another.
const directory = "bench/results"

func main() {
	dir := directory
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir); err != nil {
		fmt.Fprintln(os.Stderr, "results:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	list, err := load(dir)
	if err != nil {
		return err
	}
	answers, err := readAnswers(filepath.Join(dir, answersFile))
	if err != nil {
		return err
	}
	page, err := findings(list, answers)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "FINDINGS.md"), page); err != nil {
		return err
	}
	f, err := quickstart(list)
	if err != nil {
		return err
	}
	return draw.Write(filepath.Join(dir, "quickstart.svg"), f)
}

// quickstart is README.md's picture.
func quickstart(list []*report.Ranking) (draw.Figure, error) {
	r := list[slices.IndexFunc(chapters, func(c chapter) bool { return c.study == "quickstart" })]
	tables, err := tablesOf(r, "")
	if err != nil {
		return nil, err
	}
	return picture{tables[0]}, nil
}

// load reads the recorded results of the chapters, in their order.
func load(dir string) ([]*report.Ranking, error) {
	var list []*report.Ranking
	for _, c := range chapters {
		r, err := read(filepath.Join(dir, c.study+".json"))
		if err != nil {
			return nil, err
		}
		if r.Comparison == nil {
			return nil, errors.Errorf("%s.json has no comparison: record it anew", c.study)
		}
		list = append(list, r)
	}
	return list, nil
}

func read(file string) (*report.Ranking, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r report.Ranking
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, errors.Wrap(err, file)
	}
	return &r, nil
}
