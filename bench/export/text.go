package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"strconv"

	"github.com/gradflow/gradflow/bench/record"
	"github.com/pkg/errors"
)

// CSV writes a table as comma-separated values. The first line has the columns' names.
func CSV(w io.Writer, t Table, runs []*record.Record) error {
	columns := t.Columns(runs)
	out := csv.NewWriter(w)
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.Name
	}
	if err := out.Write(line); err != nil {
		return errors.WithStack(err)
	}
	err := t.Rows(runs, func(row []any) error {
		for i, v := range row {
			switch v := v.(type) {
			case nil:
				line[i] = ""
			case string:
				line[i] = v
			case int64:
				line[i] = strconv.FormatInt(v, 10)
			case float64:
				line[i] = strconv.FormatFloat(v, 'g', -1, 64)
			}
		}
		return out.Write(line)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return errors.WithStack(err)
}

// JSONLines writes a table as a JSON object on each line, with the keys in the order of the
// columns.
func JSONLines(w io.Writer, t Table, runs []*record.Record) error {
	columns := t.Columns(runs)
	out := bufio.NewWriter(w)
	var line []byte
	err := t.Rows(runs, func(row []any) error {
		line = append(line[:0], '{')
		for i, v := range row {
			if x, ok := v.(float64); ok && math.IsInf(x, 0) {
				v = nil
			}
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if i > 0 {
				line = append(line, ',')
			}
			line = strconv.AppendQuote(line, columns[i].Name) // names have nothing to escape
			line = append(append(line, ':'), text...)
		}
		_, err := out.Write(append(line, "}\n"...))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	return errors.WithStack(err)
}
