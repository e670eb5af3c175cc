package catalogue

import (
	"errors"
	"reflect"
	"testing"
)

type presentConfig struct {
	Number float64   `json:"number" default:"0.5" range:"[0,1)" doc:"a number"`
	Count  int       `json:"count" default:"3" range:"[1,]" doc:"a count"`
	Flag   bool      `json:"flag" default:"true" doc:"true by default"`
	Text   string    `json:"text" default:"some" doc:"text"`
	List   []float64 `json:"list" default:"[1]" doc:"numbers"`
	Must   float64   `json:"must" doc:"required"`
	Given
}

var presents = New("present", Row("present", "keeps its settings", func(c presentConfig) (presentConfig, error) {
	err := Defaults(&c)
	if err == nil {
		err = Defaults(&c) // as a constructor does that calls another
	}
	return c, err
}))

// What stands in the text is a value, whatever it is; what does not is the default.
func TestPresenceInText(t *testing.T) {
	all := Given{everything}
	for text, want := range map[string]presentConfig{
		"present(must=2)": {0.5, 3, true, "some", []float64{1}, 2, all},
		"present(must=0)": {0.5, 3, true, "some", []float64{1}, 0, all},
		`present(must=0,number=0,flag=false,text="",list=[])`:              {0, 3, false, "", []float64{}, 0, all},
		`present(must=1,number=-0.0,flag=true,text=some,list=[0],count=1)`: {0, 1, true, "some", []float64{0}, 1, all},
	} {
		c := choice(t, text)
		got, err := presents.Make(c)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v (%v), want %+v", text, got, err, want)
		}
		full, err := presents.Complete(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := presents.Make(choice(t, full.String()))
		if err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s, read back: %+v (%v), want %+v", full, again, err, want)
		}
	}
	for text, path := range map[string]string{"present": "must", "present(must=0,count=0)": "count", "present(must=null)": "must", "present(must=1,number=null)": "number"} {
		_, err := presents.Make(choice(t, text))
		var e *Error
		if !errors.As(err, &e) || e.Path != path {
			t.Errorf("%s: %v, want an error at %s", text, err, path)
		}
	}
}

func TestPresenceInGo(t *testing.T) {
	all := Given{everything}
	for _, c := range []struct{ in, want presentConfig }{
		{presentConfig{Must: 1}, presentConfig{0.5, 3, true, "some", []float64{1}, 1, all}},
		{presentConfig{Must: 1, Given: Give()}, presentConfig{0.5, 3, true, "some", []float64{1}, 1, all}},
		{presentConfig{Given: Give("must", "number", "flag", "text", "list")}, presentConfig{0, 3, false, "", nil, 0, all}},
		{presentConfig{Number: 0.25, Given: Give("must", "number")}, presentConfig{0.25, 3, true, "some", []float64{1}, 0, all}},
	} {
		got := c.in
		if err := Defaults(&got); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %+v (%v), want %+v", c.in, got, err, c.want)
		}
	}
	for path, c := range map[string]presentConfig{
		"must":  {},
		"count": {Must: 1, Given: Give("count")},
		"numbr": {Must: 1, Given: Give("numbr")},
	} {
		err := Defaults(&c)
		var e *Error
		if !errors.As(err, &e) || e.Path != path {
			t.Errorf("%+v: %v, want an error at %s", c, err, path)
		}
	}
}
