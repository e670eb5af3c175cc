package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/gradflow/gradflow/catalogue"
)

// Choice is a name from a catalogue with its settings.
type Choice = catalogue.Choice

// Config is one run, complete: no default is left to be filled in.
type Config struct {
	Task          Choice `json:"task"`
	Model         Choice `json:"model"` // the architecture
	Depth         int    `json:"depth"` // hidden layers
	Width         int    `json:"width"` // units of each
	Activation    Choice `json:"activation"`
	Initializer   Choice `json:"initializer"`
	Normalization Choice `json:"normalization"`
	Optimizer     Choice `json:"optimizer"`
	DType         string `json:"dtype"` // float32 or float64
	// FlushToZero has the processor take denormal numbers for 0: faster where gradients
	// vanish, but more of them become exact zeros.
	FlushToZero bool    `json:"flush_to_zero"`
	Batch       int     `json:"batch"`    // examples in a step
	Steps       int     `json:"steps"`    // updates
	Evaluate    int     `json:"evaluate"` // updates between evaluations
	Probe       int     `json:"probe"`    // steps with probes in each factor of ten; 0: none
	Target      float64 `json:"target"`   // validation score that counts as solved
	Seed        uint64  `json:"seed"`     // of the first weights and the order of examples
}

// Hash identifies the run: the first 16 hexadecimal digits of the SHA-256 of the
// configuration in JSON.
func (c Config) Hash() string {
	text, err := json.Marshal(c)
	if err != nil { // a Choice has nothing that JSON lacks
		panic(fmt.Sprintf("record: configuration %+v: %v", c, err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Setup is the configuration without the seed: the runs of one setup are its sample.
func (c Config) Setup() Config {
	c.Seed = 0
	return c
}

// Problem is the configuration without the optimizer, the seed and the budget: what
// the optimizers are compared on. A setup may have been given more steps than others.
func (c Config) Problem() Config {
	c.Optimizer, c.Seed, c.Steps, c.Evaluate = Choice{}, 0, 0, 0
	return c
}
