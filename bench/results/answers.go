package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/pkg/errors"
)

// answersFile has what gradflow remedy answers of some networks, and how good that is.
const answersFile = "answers.json"

// asked are the networks: the arguments of gradflow remedy.
var asked = [][]string{
	{"--activation", "tanh", "--initializer", "lecun-uniform(gain=0.577)", "--depth", "50"},
	{"--activation", "sigmoid", "--depth", "30"},
	{"--activation", "softplus", "--depth", "30"},
	{"--activation", "gaussian", "--depth", "20"},
	{"--activation", "tanh(z) + 0.1*z", "--depth", "50"},
	{"--model", "rbf", "--depth", "5"},
}

// answer is what remedy found in its budget, and what a study of all its remedies finds.
type answer struct {
	Arguments []string      `json:"arguments"` // of gradflow remedy
	Budget    string        `json:"budget"`
	Seconds   float64       `json:"seconds"` // that it took, on two cores
	Answer    string        `json:"answer"`
	Plain     record.Number `json:"plain"` // median test accuracy, in the race
	Winner    string        `json:"winner"`
	Test      record.Number `json:"test"`
	// Full is the study in which all remedies are judged, with more steps, and the winner of
	// the race as well.
	Full full `json:"full"`
}

type full struct {
	Steps    int           `json:"steps"`
	Seeds    int           `json:"seeds"`
	Plain    record.Number `json:"plain"`
	Winner   record.Number `json:"winner"` // median test accuracy of the race's winner
	Remedies []judged      `json:"remedies"`
}

type judged struct {
	Name string        `json:"name"`
	Test record.Number `json:"test"`
}

func readAnswers(file string) ([]answer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []answer
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errors.Wrap(err, file)
	}
	return list, nil
}

// network names what was asked about.
func (a answer) network() string {
	text := ""
	for i := 0; i+1 < len(a.Arguments); i += 2 {
		switch a.Arguments[i] {
		case "--depth":
			text += ", " + a.Arguments[i+1] + " deep"
		case "--model":
			text += map[string]string{"rbf": "RBF layers"}[a.Arguments[i+1]]
		default:
			if text != "" {
				text += ", "
			}
			text += a.Arguments[i+1]
		}
	}
	return text
}

// writeAnswers is the section of the findings.
func writeAnswers(b *bytes.Buffer, list []answer) {
	if len(list) == 0 {
		return
	}
	b.WriteString("\n## What one command finds\n\n")
	paragraph(b, fmt.Sprintf("`gradflow remedy` with its budget of %s, beside a study in which all its remedies are judged, in %d steps with %d seeds: by how much the best of all is above the one that the command names. Medians of the test accuracy on digits.",
		list[0].Budget, list[0].Full.Steps, list[0].Full.Seeds))
	b.WriteString("\n| network | plain | the command's answer | took | the same, in the study | best in the study |\n|---|---|---|---|---|---|\n")
	for _, a := range list {
		best := a.Full.Remedies[0]
		fmt.Fprintf(b, "| %s | %.3f | %s, %.3f | %.0f s | %.3f | %s, %.3f |\n", a.network(), float64(a.Plain), a.Winner, float64(a.Test), a.Seconds, float64(a.Full.Winner), best.Name, float64(best.Test))
	}
}
