package export

import (
	"io"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/parquet-go/parquet-go"
	"github.com/pkg/errors"
)

// rowsTogether are the rows that are handed to the Parquet writer at once.
const rowsTogether = 256

// Parquet writes a table as an Apache Parquet file: texts are UTF-8 strings, whole numbers
// INT64, others DOUBLE, all of them optional. Columns are compressed with Snappy. The
// documentation of each column is in the file's key-value metadata, under its name.
func Parquet(w io.Writer, t Table, runs []*record.Record) error {
	columns := t.Columns(runs)
	fields := parquet.Group{}
	options := []parquet.WriterOption{parquet.Compression(&parquet.Snappy), parquet.CreatedBy("gradflow", version(), "")}
	for _, c := range columns {
		node := parquet.Leaf(parquet.DoubleType)
		switch c.Kind {
		case Text:
			node = parquet.String()
		case Integer:
			node = parquet.Leaf(parquet.Int64Type)
		}
		fields[c.Name] = parquet.Optional(node)
		options = append(options, parquet.KeyValueMetadata(c.Name, c.Doc))
	}
	schema := parquet.NewSchema(t.Name, fields)
	at := map[string]int{} // the schema orders its columns by name
	for i, path := range schema.Columns() {
		at[path[0]] = i
	}
	out := parquet.NewWriter(w, append(options, schema)...)
	var rows []parquet.Row
	flush := func() error {
		_, err := out.WriteRows(rows)
		rows = rows[:0]
		return err
	}
	err := t.Rows(runs, func(row []any) error {
		values := make(parquet.Row, len(columns))
		for i, v := range row {
			value, defined := parquet.NullValue(), 0
			if v != nil {
				value, defined = parquet.ValueOf(v), 1
			}
			column := at[columns[i].Name]
			values[column] = value.Level(0, defined, column)
		}
		if rows = append(rows, values); len(rows) < rowsTogether {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = out.Close()
	}
	return errors.Wrap(err, "write Parquet")
}

func version() string { v, _ := record.Version(); return v }
