package tasks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// DataVariable is the environment variable that names the directory of the
// user's data sets: those of the task "mnist" are in its sub-directory mnist,
// or in the directory itself.
const DataVariable = "GRADFLOW_DATA"

// ErrNotFound is the cause of the error about a data set that is nowhere.
var ErrNotFound = errors.New("data set not found")

// ErrIncomplete is the cause of the error about a place that has some files of a
// data set only. It is an [ErrNotFound] too.
var ErrIncomplete = errors.WithMessage(ErrNotFound, "incomplete")

// Place is a directory where a data set may be.
type Place struct {
	Dir string // "" if the place does not exist, for the reason in Why
	Why string // what makes it a place: "setting dir", "GRADFLOW_DATA", ...
}

func (p Place) String() string {
	if p.Dir == "" {
		return p.Why
	}
	return fmt.Sprintf("%s (%s)", p.Dir, p.Why)
}

// Places lists where the data set of a task is looked for, in this order:
//
//  1. dir, if it is not empty; then nowhere else,
//  2. $GRADFLOW_DATA/<name>, then $GRADFLOW_DATA,
//  3. /usr/share/datasets/<name>, where Debian's dataset-fashion-mnist has it,
//  4. gradflow/<name> in the user's cache directory (os.UserCacheDir).
//
// torchvision's layout is found too: in each place, also raw and, for mnist, MNIST/raw (for
// fashion-mnist FashionMNIST/raw, and so on).
func Places(name, dir string) []Place {
	if dir != "" {
		return []Place{{dir, "setting dir"}}
	}
	places := []Place{{"", DataVariable + " (not set)"}}
	if env := os.Getenv(DataVariable); env != "" {
		places = []Place{{filepath.Join(env, name), DataVariable}, {env, DataVariable}}
	}
	places = append(places, Place{filepath.Join(systemData, name), "system"})
	cache, err := os.UserCacheDir()
	if err != nil {
		return append(places, Place{"", "user cache (" + err.Error() + ")"})
	}
	return append(places, Place{filepath.Join(cache, "gradflow", name), "user cache"})
}

// systemData is a variable for tests only.
var systemData = "/usr/share/datasets"

// pairFiles are the four files of a data set.
type pairFiles struct{ trainImages, trainLabels, testImages, testLabels string }

// locate finds the four IDX files of a task. The first place that has any of
// them must have all.
func locate(name, dir, prefix string) (pairFiles, error) {
	places := Places(name, dir)
	for _, p := range places {
		if p.Dir == "" {
			continue
		}
		for _, dir := range layouts(name, p.Dir) {
			files, found, err := findPair(dir, prefix)
			if err != nil {
				return pairFiles{}, err
			}
			if found {
				return files, nil
			}
		}
	}
	looked := make([]string, len(places))
	for i, p := range places {
		looked[i] = p.String()
	}
	return pairFiles{}, errors.Wrapf(ErrNotFound,
		"no %strain-images-idx3-ubyte[.gz] and its companions; looked in %s; %s",
		prefix, strings.Join(looked, ", "), remedy(name))
}

// torchvision are its data sets in this format, which are in NAME/raw under its root.
var torchvision = []string{"MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST"}

// layouts are the directories, in a place, where the files of a data set may be: the place
// itself, and where torchvision puts them if the place is its root, or its directory of the set.
func layouts(name, place string) []string {
	dirs := []string{place, filepath.Join(place, "raw")}
	for _, set := range torchvision {
		if strings.EqualFold(set, strings.ReplaceAll(name, "-", "")) {
			dirs = append(dirs, filepath.Join(place, set, "raw"))
		}
	}
	return dirs
}

func remedy(name string) string {
	most := "put the four files into one of them, or name their directory with the setting dir"
	for _, d := range DataSets {
		if d.Name == name {
			return "gradflow data get " + name + ", or " + most
		}
	}
	return most
}

// findPair looks for the four files in one directory, under any of their usual
// names. Some but not all of them is an error.
func findPair(dir, prefix string) (files pairFiles, found bool, err error) {
	parts := []struct {
		path  *string
		stems []string
		kind  string
	}{
		{&files.trainImages, []string{"train-images"}, "idx3"},
		{&files.trainLabels, []string{"train-labels"}, "idx1"},
		{&files.testImages, []string{"t10k-images", "test-images"}, "idx3"},
		{&files.testLabels, []string{"t10k-labels", "test-labels"}, "idx1"},
	}
	var missing []string
	for _, p := range parts {
		for _, stem := range p.stems {
			for _, ending := range []string{"-" + p.kind + "-ubyte", "." + p.kind + "-ubyte"} {
				for _, gz := range []string{"", ".gz"} {
					path := filepath.Join(dir, prefix+stem+ending+gz)
					info, err := os.Stat(path)
					if err == nil && info.Mode().IsRegular() && *p.path == "" {
						*p.path = path
					}
					if err != nil && !errors.Is(err, os.ErrNotExist) {
						return files, false, errors.WithStack(err)
					}
				}
			}
		}
		if *p.path == "" {
			missing = append(missing, prefix+p.stems[0]+"-"+p.kind+"-ubyte[.gz]")
		}
	}
	if len(missing) == len(parts) {
		return files, false, nil
	}
	if len(missing) > 0 {
		return files, false, errors.Wrapf(ErrIncomplete, "%s has some files of a data set, but not %s", dir, strings.Join(missing, " and "))
	}
	return files, true, nil
}
