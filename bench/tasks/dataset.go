package tasks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"github.com/pkg/errors"
)

// DataSet is a real data set that a task reads.
type DataSet struct {
	Name    string     `json:"name"` // of its task, and of its directory
	About   string     `json:"about"`
	Source  string     `json:"source"` // where it comes from
	Licence string     `json:"licence"`
	Mirrors []string   `json:"mirrors,omitempty"` // addresses of directories that have Files; none if embedded
	Files   []DataFile `json:"files"`             // of IDX sets: training images and labels, test images and labels
}

// DataFile is a file of a data set. What is known of it is its content: the same
// data are about in several compressions.
type DataFile struct {
	Name     string `json:"name"`   // in its directory; .gz if it is gzipped there
	Bytes    int64  `json:"bytes"`  // size of the content, uncompressed
	SHA256   string `json:"sha256"` // of the content, uncompressed
	embedded []byte
}

// DataSets lists the real data sets. The checksums of Fashion-MNIST are those of
// Debian's package dataset-fashion-mnist, and of the original files as published by
// others; those of MNIST are as published by several independent projects.
var DataSets = []DataSet{
	{
		Name:    "digits",
		About:   "UCI handwritten digits, 1797 images of 8x8 in 10 classes",
		Source:  "E. Alpaydin and C. Kaynak, https://doi.org/10.24432/C50P49",
		Licence: "CC BY 4.0",
		Files: []DataFile{
			{"digits.csv.gz", 264712, "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8", digitsFile},
		},
	},
	{
		Name:    "mnist",
		About:   "MNIST handwritten digits, 70000 images of 28x28 in 10 classes",
		Source:  "Y. LeCun, C. Cortes and C. J. C. Burges, http://yann.lecun.com/exdb/mnist/",
		Licence: "the authors give none; CC BY-SA 3.0 according to the documentation of Keras",
		Mirrors: []string{"https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"},
		Files: []DataFile{
			{"train-images-idx3-ubyte.gz", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", nil},
			{"train-labels-idx1-ubyte.gz", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", nil},
			{"t10k-images-idx3-ubyte.gz", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", nil},
			{"t10k-labels-idx1-ubyte.gz", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", nil},
		},
	},
	{
		Name:    "fashion-mnist",
		About:   "Fashion-MNIST articles of clothing, 70000 images of 28x28 in 10 classes",
		Source:  "H. Xiao, K. Rasul and R. Vollgraf, https://github.com/zalandoresearch/fashion-mnist",
		Licence: "MIT",
		Mirrors: []string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"},
		Files: []DataFile{
			{"train-images-idx3-ubyte.gz", 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", nil},
			{"train-labels-idx1-ubyte.gz", 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", nil},
			{"t10k-images-idx3-ubyte.gz", 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", nil},
			{"t10k-labels-idx1-ubyte.gz", 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", nil},
		},
	},
}

// Embedded reports whether the data are part of the program.
func (d DataSet) Embedded() bool { return len(d.Mirrors) == 0 }

// Locate returns the paths of the files, in the order of Files, in the first of
// [Places] that has any, or an error that is [ErrNotFound]. The files may have any
// of their usual names, compressed or not.
func (d DataSet) Locate(dir string) ([]string, error) {
	if d.Embedded() {
		return nil, errors.Errorf("tasks: the data set %s is embedded and has no files", d.Name)
	}
	f, err := locate(d.Name, dir, "")
	if err != nil {
		return nil, err
	}
	return []string{f.trainImages, f.trainLabels, f.testImages, f.testLabels}, nil
}

// Check reads the file at path to its end, uncompresses it if it is gzipped, and
// returns an error that is [ErrFormat] if its content is not this file's. The path of
// an embedded file is "".
func (f DataFile) Check(path string) error {
	var r io.Reader = bytes.NewReader(f.embedded)
	if f.embedded == nil {
		file, err := os.Open(path)
		if err != nil {
			return errors.WithStack(err) // names the file
		}
		defer file.Close()
		r = file
	} else {
		path = f.Name
	}
	r, _, err := uncompressed(r)
	if err != nil {
		return errors.Wrapf(ErrFormat, "%s: gzip header: %v", path, err)
	}
	hash := sha256.New()
	// A damaged file may uncompress to very much.
	n, err := io.Copy(hash, io.LimitReader(r, f.Bytes+1))
	switch got := hex.EncodeToString(hash.Sum(nil)); {
	case err != nil:
		return errors.Wrapf(ErrFormat, "%s: byte %d of its content: %v", path, n, err)
	case n > f.Bytes:
		return errors.Wrapf(ErrFormat, "%s: the content is longer than the %d bytes of %s", path, f.Bytes, f.Name)
	case n < f.Bytes:
		return errors.Wrapf(ErrFormat, "%s: the content ends after %d of the %d bytes of %s", path, n, f.Bytes, f.Name)
	case got != f.SHA256:
		return errors.Wrapf(ErrFormat, "%s: the sha256 of the content is %s; that of %s is %s", path, got, f.Name, f.SHA256)
	}
	return nil
}
