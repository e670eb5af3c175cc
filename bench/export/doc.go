// Package export writes recorded runs for other tools: spreadsheets and scripts (CSV, JSON
// lines), data frames and databases (Parquet), benchstat (the Go benchmark format), and
// TensorBoard (event files).
//
// There are three tables:
//
//	runs     a row for each run: its configuration, how it ended, its scores, its environment
//	curves   a row for each evaluation of each run
//	layers   a row for each layer of each probed step of each run
//
// The columns are documented where they are defined: [Table.Columns]. Numbers keep their full
// precision: read back, they equal those of the records bit for bit. What is not known (the
// test score of a run that diverged, the steps to a target that was not reached) is empty in
// CSV, null in JSON and Parquet, and absent elsewhere. It is never 0. The logarithm of a gradient
// that is exactly 0 is -Inf, as CSV and Parquet have it; JSON has no such number, and there it is
// null, too.
//
//	table, _ := export.TableNamed("runs")
//	err := export.CSV(os.Stdout, table, results.Records)
package export
