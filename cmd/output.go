package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gradflow/gradflow/internal/draw"
	"github.com/pkg/errors"
)

// checkPicture checks, before anything is measured, that a picture can be written to a file.
func checkPicture(flag, path string) error {
	if _, err := draw.Format(path); err != nil {
		return useError{errors.Wrap(err, flag)}
	}
	return checkFile(flag, path)
}

// checkFile tells, before there is something to write, whether a file can be there.
func checkFile(flag, path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return useError{errors.Errorf("%s %s: is a directory", flag, path)}
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
		return useError{errors.Errorf("%s %s: %v", flag, path, reason(err))}
	}
	dir := filepath.Dir(path)
	if err := checkDirectory(dir); err != nil {
		return useError{errors.Errorf("%s %s: %v", flag, path, err)}
	}
	return nil
}

// checkDirectory checks that a directory exists and is readable.
func checkDirectory(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return useError{errors.Errorf("%s: no such directory", dir)}
	case err == nil && !info.IsDir():
		return useError{errors.Errorf("%s: is not a directory", dir)}
	case err == nil:
		_, err = os.ReadDir(dir)
	}
	if err != nil {
		return useError{errors.Errorf("%s: %v", dir, reason(err))}
	}
	return nil
}

// checkNewDirectory checks that a directory exists or can be created.
func checkNewDirectory(flag, dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return nil
		case err == nil:
			return useError{errors.Errorf("%s %s: %s is not a directory", flag, dir, at)}
		case !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at):
			return useError{errors.Errorf("%s %s: %v", flag, dir, reason(err))}
		}
	}
}

// reason returns a file system error without the path, which the caller names.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
