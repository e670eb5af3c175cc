package study

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/gradflow/gradflow/models"
	"github.com/pkg/errors"
	"gorgonia.org/tensor"
)

// What a study may ask for. Counts beyond these can't be meant: they are refused, with
// what they would take, before anything is computed or memory is asked for.
const (
	MaxFileBytes = 1 << 20 // of a study file
	MaxRuns      = 100_000 // of a study, seeds included
	maxNesting   = 64      // of lists and mappings in a file
	maxAnchors   = 1000    // and aliases in a file
	maxValues    = 200_000 // in a file, its aliases written out
)

// A Count is a whole number that a study or a flag gives, and its range.
type Count struct {
	Key         string
	Least, Most int
	takes       func(n float64) string // what more than Most would take
}

// The counts of a study, which the flags of the same names share.
var (
	Depth      = Count{"depth", 0, 20_000, func(n float64) string { return "a graph of " + size(n*graphBytesOfLayer) }}
	Width      = Count{"width", 1, 1 << 17, func(n float64) string { return "weights of " + size(4*n*n) + " between two layers" }}
	Batch      = Count{"batch", 1, 1 << 20, func(n float64) string { return "at least " + size(4*n) + " for each unit" }}
	Steps      = Count{"steps", 1, 100_000_000, func(n float64) string { return fmt.Sprintf("%.3g days at 1000 steps a second", n/1000/86400) }}
	Evaluate   = Count{"evaluate", 1, math.MaxInt32, nil}
	Checkpoint = Count{"checkpoint", 1, math.MaxInt32, nil}
	Seeds      = Count{"seeds", 1, 10_000, func(n float64) string { return fmt.Sprintf("%.3g runs of each network", n) }}
	// Of the commands alone.
	Workers     = Count{"workers", 0, 1024, func(n float64) string { return "memory for as many networks" }}
	RemedyRuns  = Count{"runs", 0, 100_000, func(n float64) string { return fmt.Sprintf("%.3g trainings", n) }}
	Finalists   = Count{"finalists", 1, 1000, nil}
	Split       = Count{"split", 0, 1024, func(n float64) string { return "as many goroutines" }}
	Repetitions = Count{"reps", 1, 10_000, func(n float64) string { return fmt.Sprintf("%.3g times as long as one", n) }}
	TheoryDepth = Count{"depth", 0, 100_000, func(n float64) string { return fmt.Sprintf("%.3g integrals of the activation", 2*n) }}
	Timed       = Count{"steps", 1, 1_000_000, func(n float64) string { return size(24*n) + " of times" }}
	TestSteps   = Count{"steps", 1, 100_000, func(n float64) string { return size(100*n) + " for each repetition of a test" }}
	Probes      = Count{"probe", 0, 10_000, func(n float64) string { return fmt.Sprintf("%.3g measurements in each factor of ten of the steps", n) }}
)

// Check returns why n is out of the range.
func (c Count) Check(n int) error {
	switch {
	case n < c.Least:
		return errors.Errorf("%s must be at least %d, not %d", c.Key, c.Least, n)
	case n > c.Most:
		return errors.New(c.tooMany(strconv.Itoa(n), float64(n)))
	}
	return nil
}

func (c Count) tooMany(written string, n float64) string {
	message := fmt.Sprintf("%s must be at most %d, not %s", c.Key, c.Most, written)
	if c.takes != nil {
		message += ", which would take " + c.takes(n)
	}
	return message
}

const (
	// graphBytesOfLayer is about what the symbolic graph of a layer takes.
	graphBytesOfLayer = 100 << 10
	graphBytesOfNode  = 6 << 10

	// stateOfOptimizer is how many numbers optimizers keep for each parameter, at most:
	// vSGD-fd has seven.
	stateOfOptimizer = 7

	defaultMemory  = 4 << 30
	memoryVariable = "GRADFLOW_MEMORY"
)

// MaxMemory is the most that the network of one run may take, as [Memory] estimates it:
// 4 GiB, or what the environment variable GRADFLOW_MEMORY says, such as 16GiB.
func MaxMemory() (float64, error) {
	text := os.Getenv(memoryVariable)
	if text == "" {
		return defaultMemory, nil
	}
	number, unit := text, 1.0
	for _, u := range []struct {
		suffix string
		bytes  float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}} {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = rest, u.bytes
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return 0, errors.Errorf("%s=%s: want an amount of memory such as 16GiB", memoryVariable, text)
	}
	return n * unit, nil
}

// CheckMemory returns why this many bytes can't be taken.
func CheckMemory(bytes float64) error {
	most, err := MaxMemory()
	if err != nil || bytes <= most {
		return err
	}
	return errors.Errorf("would take %s; %s", size(bytes), limit(most))
}

func limit(most float64) string {
	return fmt.Sprintf("the limit is %s, which the environment variable %s raises", size(most), memoryVariable)
}

// size writes a number of bytes.
func size(bytes float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for bytes >= 1024 && i < len(units)-1 {
		bytes /= 1024
		i++
	}
	return fmt.Sprintf("%.3g %s", bytes, units[i])
}

// Memory is what training a network takes, in bytes, about.
type Memory struct {
	Parameters float64 // with gradients, the optimizer's state and first values
	Values     float64 // activations and their gradients, of one batch
	Graph      float64 // the symbolic graph and the program compiled from it
}

// Total is the sum.
func (m Memory) Total() float64 { return m.Parameters + m.Values + m.Graph }

func (m Memory) String() string {
	return fmt.Sprintf("%s: %s for the parameters, %s for the values of a batch, %s for the graph",
		size(m.Total()), size(m.Parameters), size(m.Values), size(m.Graph))
}

// memoryOf estimates from the size of a network.
func memoryOf(s models.Size, dtype tensor.Dtype) Memory {
	element := float64(dtype.Size())
	return Memory{
		Parameters: element*float64(s.Parameters)*(2+stateOfOptimizer) + element*float64(s.Statistics) + 8*float64(s.Largest),
		Values:     2 * element * float64(s.Values),
		Graph:      graphBytesOfNode * float64(s.Nodes),
	}
}
