package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gradflow/gradflow/catalogue"
	"github.com/pkg/errors"
)

// Choice is a name from a catalogue with its settings.
type Choice = catalogue.Choice

// Config is one run, complete: no default is left to be filled in. What its text in
// config.json looks like, and with it the hash, is told in the package's documentation.
type Config struct {
	Task          Choice `json:"task"`
	Model         Choice `json:"model"` // the architecture
	Depth         int    `json:"depth"` // hidden layers
	Width         int    `json:"width"` // units of each; with Widths, of the largest
	Activation    Choice `json:"activation"`
	Initializer   Choice `json:"initializer"`
	Normalization Choice `json:"normalization"`
	Optimizer     Choice `json:"optimizer"`
	DType         string `json:"dtype"` // float32 or float64
	// FlushToZero has the processor take denormal numbers for 0, as float32 runs do by
	// default (see FlushByDefault): on common processors they are 10 to 40 times slower
	// than others. More gradients become exactly 0.
	FlushToZero bool    `json:"flush_to_zero"`
	Batch       int     `json:"batch"`    // examples in a step
	Steps       int     `json:"steps"`    // updates
	Evaluate    int     `json:"evaluate"` // updates between evaluations
	Probe       int     `json:"probe"`    // steps with probes in each factor of ten; 0: none
	Target      float64 `json:"target"`   // validation score that counts as solved
	Seed        uint64  `json:"seed"`     // of the first weights and the order of examples
	// Keep is what the training loop keeps; the zero value is none.
	Keep Choice `json:"keep,omitzero"`
	// Quantities are measured besides those that always are: see probe.OnRequest.
	Quantities []string `json:"quantities,omitzero"`
	// Widths are the units of the layers where these differ, as models.Widths writes them.
	Widths string `json:"widths,omitzero"`
}

// Units says how wide the layers are: 64, or 64,32,16.
func (c Config) Units() string {
	if c.Widths != "" {
		return c.Widths
	}
	return strconv.Itoa(c.Width)
}

// FlushByDefault is what FlushToZero is unless a study says otherwise: true for float32.
// float64 runs never flush.
func (c Config) FlushByDefault() bool { return c.DType == "float32" }

// Hash identifies the run: the first 16 hexadecimal digits of the SHA-256 of the
// configuration's JSON, without white space, under the current [Schema].
func (c Config) Hash() string { return c.hash(Schema) }

func (c Config) hash(schema int) string {
	sum := sha256.Sum256(c.encode(schema))
	return hex.EncodeToString(sum[:8])
}

// fields are those of Config as schema 1 writes them.
type fields Config

// config2 is config.json from schema 2 on. Its FlushToZero hides that of fields.
type config2 struct {
	Schema int `json:"schema"`
	fields
	FlushToZero *bool `json:"flush_to_zero,omitempty"` // nil: the default
}

// encode returns the configuration's JSON without white space.
func (c Config) encode(schema int) []byte {
	var v any = fields(c)
	if schema > 1 {
		w := config2{Schema: schema, fields: fields(c)}
		if c.FlushToZero != c.FlushByDefault() {
			w.FlushToZero = &c.FlushToZero
		}
		v = w
	}
	text, err := json.Marshal(v)
	if err != nil { // a Choice has nothing that JSON lacks
		panic(fmt.Sprintf("record: configuration %+v: %v", c, err))
	}
	return text
}

// decodeConfig reads config.json of any schema.
func decodeConfig(text []byte) (c Config, schema int, err error) {
	schema, err = schemaOf(text)
	if err != nil {
		return c, schema, err
	}
	var v config2
	d := json.NewDecoder(bytes.NewReader(text))
	// A field that this version does not know is not at its default, or it would not be
	// there: this is a run of another kind.
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return c, schema, err
	}
	c = Config(v.fields)
	switch {
	case v.FlushToZero != nil:
		c.FlushToZero = *v.FlushToZero
	case schema > 1:
		c.FlushToZero = c.FlushByDefault()
	}
	return c, schema, nil
}

// schemaOf returns the schema number of a JSON file: 1 if it has none.
func schemaOf(text []byte) (int, error) {
	var head struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return 0, err
	}
	if head.Schema == nil {
		return 1, nil
	}
	if s := *head.Schema; s < 2 || s > Schema {
		return s, errors.Errorf("schema %d: this version of gradflow reads 1 to %d", s, Schema)
	}
	return *head.Schema, nil
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
