package cmd

import (
	"strconv"
	"strings"

	"github.com/pkg/errors"
	"github.com/spf13/pflag"
)

// decimal is a flag whose value is a whole number in the notation that everybody reads alike:
// 010 and 0x10, which are 8 and 16 to some programs, are refused, as they are in study files.
type decimal[N int | uint64] struct {
	value *N
	parse func(text string) (N, error)
}

func intFlag(f *pflag.FlagSet, into *int, name string, value int, usage string) {
	*into = value
	f.Var(decimal[int]{into, strconv.Atoi}, name, usage)
}

func uintFlag(f *pflag.FlagSet, into *uint64, name string, value uint64, usage string) {
	*into = value
	f.Var(decimal[uint64]{into, func(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }}, name, usage)
}

// Set implements pflag.Value.
func (d decimal[N]) Set(text string) error {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' {
		return errors.Errorf("%s does not mean the same number to every program: write it without the leading 0", text)
	}
	n, err := d.parse(text)
	if err != nil {
		return err
	}
	*d.value = n
	return nil
}

// String implements pflag.Value.
func (d decimal[N]) String() string {
	if d.value == nil { // as pflag asks for the zero value
		return ""
	}
	switch v := any(*d.value).(type) {
	case int:
		return strconv.Itoa(v)
	default:
		return strconv.FormatUint(uint64(*d.value), 10)
	}
}

// Type implements pflag.Value. It is what the help shows.
func (d decimal[N]) Type() string {
	if _, signed := any(d.value).(*int); signed {
		return "int"
	}
	return "uint"
}

// flagError says what is wrong with a flag, in the words of all other messages.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	flag, text := "--"+invalid.GetFlag().Name, strconv.Quote(invalid.GetValue())
	var number *strconv.NumError
	if !errors.As(err, &number) {
		return errors.Errorf("%s: %v", flag, errors.Cause(invalid.Unwrap()))
	}
	want := map[string]string{"bool": "true or false", "int": "a whole number", "uint": "a whole number from 0", "float64": "a number"}[invalid.GetFlag().Value.Type()]
	if errors.Is(number.Err, strconv.ErrRange) {
		return errors.Errorf("%s: %s is beyond the largest number", flag, invalid.GetValue())
	}
	return errors.Errorf("%s: want %s, not %s", flag, want, text)
}

// message is an error as the command prints it: in one line, in which nothing is an order to a
// terminal. What is too long to be read, because a text of the user's is, loses its middle: the
// place stands at the beginning, the remedy at the end.
func message(err error) string {
	const most, end = 480, 160
	line := []rune(visible(err.Error()))
	if len(line) <= most {
		return string(line)
	}
	return string(line[:most-end-3]) + " … " + string(line[len(line)-end:])
}
