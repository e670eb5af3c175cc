package serve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/gradflow/gradflow/bench/serve"
)

// A program serves the studies of a directory beside pages of its own.
func Example() {
	dir, err := os.MkdirTemp("", "studies")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := serve.New(serve.Options{Dirs: []string{dir}})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	for _, host := range []string{"localhost:8080", "elsewhere.example"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/laboratory", nil))
		fmt.Println(host, w.Code)
	}
	// Output:
	// localhost:8080 200
	// elsewhere.example 421
}
