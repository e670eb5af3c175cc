package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/gradflow/gradflow/bench/remedy"
	"github.com/gradflow/gradflow/bench/stats"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/gradflow/gradflow/cmd"
	"github.com/gradflow/gradflow/internal/atomicfile"
)

// near is by how much the best of all remedies may be above the one that the command names.
const near = 0.02

// TestAnswers: what gradflow remedy names within a minute is about as good as the best that a
// study of all its remedies finds.
func TestAnswers(t *testing.T) {
	list, err := readAnswers(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(asked) {
		t.Fatalf("%d answers, want %d", len(list), len(asked))
	}
	for i, a := range list {
		if !slices.Equal(a.Arguments, asked[i]) {
			t.Errorf("answer %d is of %q, want %q", i, a.Arguments, asked[i])
		}
		if best := a.Full.Remedies[0]; !(a.Full.Winner >= best.Test-near) {
			t.Errorf("%s: %s has %.3f in the study, %s %.3f", a.network(), a.Winner, a.Full.Winner, best.Name, best.Test)
		}
		if budget, err := time.ParseDuration(a.Budget); err != nil || a.Seconds > budget.Seconds() {
			t.Errorf("%s: it took %.0f s, %v", a.network(), a.Seconds, err)
		}
	}
}

// TestUpdateAnswers asks anew: a quarter of an hour on two cores that have nothing else to do. Of
// one network, three minutes: -run 'TestUpdateAnswers/sigmoid'.
func TestUpdateAnswers(t *testing.T) {
	if *update != "answers" {
		t.Skip("no -update answers")
	}
	list, err := readAnswers(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	for i, arguments := range asked {
		t.Run(strings.Join(arguments, " "), func(t *testing.T) {
			a := answered(t, arguments)
			t.Logf("%s: %s %.3f in %.1f s, in the study %.3f, best %v", a.network(), a.Winner, a.Test, a.Seconds, a.Full.Winner, a.Full.Remedies[0])
			if i == len(list) {
				list = append(list, a)
			} else {
				list[i] = a
			}
		})
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(answersFile, append(text, '\n')); err != nil {
		t.Fatal(err)
	}
}

// answered asks one question twice: within a minute, and of all remedies.
func answered(t *testing.T, arguments []string) answer {
	t.Helper()
	begin := time.Now()
	dir := t.TempDir()
	race := ask(t, filepath.Join(dir, "race"), arguments)
	if len(race.Remedies) == 0 {
		t.Fatalf("%q: no remedy was tried: %q", arguments, race.LeftOut)
	}
	a := answer{Arguments: arguments, Budget: race.Budget, Seconds: math.Round(time.Since(begin).Seconds()*10) / 10, Answer: race.Answer,
		Plain: race.Baseline.Test.Median, Winner: race.Remedies[0].Name, Test: race.Remedies[0].Test.Median}
	all := ask(t, filepath.Join(dir, "all"), append(slices.Clone(arguments), "--finalists", "1000", "--seeds", "5", "--runs", "10000"))
	a.Full = full{Steps: all.Steps, Seeds: all.Seeds, Plain: all.Baseline.Test.Median, Winner: again(t, race, all)}
	for _, f := range all.Remedies {
		if f.Final {
			a.Full.Remedies = append(a.Full.Remedies, judged{f.Name, f.Test.Median})
		}
	}
	return a
}

func ask(t *testing.T, out string, arguments []string) *remedy.Answer {
	t.Helper()
	var text, wrong bytes.Buffer
	if status := cmd.Run(t.Context(), append([]string{"remedy", "--json", "--out", out}, arguments...), nil, &text, &wrong); status != 0 {
		t.Fatalf("%q: %s", arguments, wrong.String())
	}
	var a remedy.Answer
	if err := json.Unmarshal(text.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

// again is the median test accuracy of the race's winner with the steps and seeds of the study
// of all remedies.
func again(t *testing.T, race, all *remedy.Answer) record.Number {
	t.Helper()
	winner := race.Remedies[0].Config
	spec, err := study.Parse(context.Background(), "remedy.yaml", []byte(race.Study))
	if err != nil {
		t.Fatal(err)
	}
	var scores []float64
	for _, c := range spec.Configs {
		same := winner
		same.Seed = c.Seed
		if same.Hash() != c.Hash() || int(c.Seed) > all.Seeds {
			continue
		}
		c.Steps, c.Evaluate = all.Steps, all.Remedies[0].Config.Evaluate
		r, err := spec.Execute(context.Background(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		scores = append(scores, float64(r.Summary.TestAccuracy))
	}
	if len(scores) != all.Seeds {
		t.Fatalf("%d runs of the winner, want %d", len(scores), all.Seeds)
	}
	return record.Number(stats.Median(scores))
}
