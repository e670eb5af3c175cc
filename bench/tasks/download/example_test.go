package download_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/gradflow/gradflow/bench/tasks/download"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "5.1,3.5,1.4,0.2\n")
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	table := download.File{
		Path:  filepath.Join(dir, "table.csv"),
		URLs:  []string{server.URL + "/table.csv"},
		Limit: 1 << 20,
		Check: func(path string) error {
			info, err := os.Stat(path)
			if err == nil && info.Size() != 16 {
				err = fmt.Errorf("%d bytes instead of 16", info.Size())
			}
			return err
		},
	}
	if err := (download.Client{}).Get(context.Background(), table); err != nil {
		fmt.Println(err)
		return
	}
	text, _ := os.ReadFile(table.Path)
	fmt.Printf("%s", text)
	// Output: 5.1,3.5,1.4,0.2
}
