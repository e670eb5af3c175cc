package export

import (
	"io"
	"strings"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/pkg/errors"
)

// Format is a way in which runs are written: a row of [Formats].
type Format struct {
	Name string
	Doc  string
	// Ending is that of its files, with the dot; "" for a directory.
	Ending string
	// Binary formats are not for a terminal.
	Binary bool
	// Tables tells that the format has a choice of tables; others write what they are for.
	Tables bool
	// Write writes runs as one stream; nil if the format is a directory of files.
	Write func(w io.Writer, t Table, runs []*record.Record) error
	// WriteDirectory writes runs into a directory that is there and empty.
	WriteDirectory func(dir string, runs []*record.Record) error
}

// Formats are all that there are.
var Formats = []Format{
	{Name: "csv", Doc: "comma-separated values with a head (RFC 4180)", Ending: ".csv", Tables: true, Write: CSV},
	{Name: "jsonl", Doc: "a JSON object on each line", Ending: ".jsonl", Tables: true, Write: JSONLines},
	{Name: "parquet", Doc: "Apache Parquet, for pandas, DuckDB, Polars and others", Ending: ".parquet", Binary: true, Tables: true, Write: Parquet},
	{Name: "benchfmt", Doc: "Go's benchmark format, for benchstat", Ending: ".txt", Write: func(w io.Writer, _ Table, runs []*record.Record) error { return Benchmarks(w, runs) }},
	{Name: "tensorboard", Doc: "TensorBoard event files, a directory for each run", Binary: true, WriteDirectory: TensorBoard},
}

// FormatNamed returns a format by its name.
func FormatNamed(name string) (Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, errors.Errorf("no format is named %q; there are %s", name, strings.Join(FormatNames(), ", "))
}

// FormatNames are those of all formats.
func FormatNames() (names []string) {
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	return names
}
