// Package atomicfile writes files and directories so that a reader sees the old one or
// the new one, whole, also after a crash or a power failure: what is written gets a
// temporary name of its own in the same directory, goes to the disk, and is renamed.
//
// Only regular files are replaced. A symbolic link stays, and what it points to is
// replaced; a device or a FIFO is opened and written to, as a shell does.
//
// This is the one way in which the module writes files that a user keeps.
package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/pkg/errors"
)

// Prefix begins every temporary name: what a killed process leaves behind has it.
const Prefix = ".unfinished-"

// Write writes a file with this content. An error names the path and the reason, and
// leaves whatever was there before.
func Write(path string, content []byte) error {
	return WriteFrom(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteFrom is [Write] with the content that the function writes; its errors are
// returned. The writer is buffered. The function is called again if someone cleans the
// directory meanwhile, and takes the temporary file for one that was left behind.
func WriteFrom(path string, write func(w io.Writer) error) error {
	err := writeFrom(path, write)
	for try := 1; try < 3 && errors.Is(err, fs.ErrNotExist); try++ {
		err = writeFrom(path, write)
	}
	return errors.Wrapf(reason(err), "write %s", path)
}

func writeFrom(path string, write func(w io.Writer) error) error {
	mode := fs.FileMode(0o666) // less the umask
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A link to a file that is yet to be made: the link decides where.
		if target, err := os.Readlink(path); err == nil {
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			path = target
		}
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return writeThrough(path, write)
	default:
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	temporary, err := begin(path, func(name string) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		return err
	}
	if err := fill(temporary, write); err != nil {
		discard(temporary)
		return err
	}
	if info != nil { // replaces a file: with its permissions
		if err := os.Chmod(temporary, mode); err != nil {
			discard(temporary)
			return err
		}
	}
	return commit(temporary, path)
}

// writeThrough writes to what is not a regular file, and so cannot be replaced.
func writeThrough(path string, write func(w io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// fill writes a file through to the disk.
func fill(path string, write func(w io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// WriteDirectory makes a directory of the files that the function writes into the
// temporary one that it is given. A directory that has the name already is replaced. The
// files and the renaming go to the disk.
func WriteDirectory(path string, write func(temporary string) error) error {
	return errors.Wrapf(reason(writeDirectory(path, write)), "write %s", path)
}

func writeDirectory(path string, write func(temporary string) error) error {
	temporary, err := begin(path, func(name string) error { return os.Mkdir(name, 0o777) })
	if err != nil {
		return err
	}
	err = write(temporary)
	if err == nil {
		err = syncFiles(temporary)
	}
	if err == nil {
		err = os.RemoveAll(path) // what is replaced, if anything
	}
	if err != nil {
		discard(temporary)
		return err
	}
	return commit(temporary, path)
}

// syncFiles sends the files of a directory, and the directory, to the disk.
func syncFiles(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	})
	if err != nil {
		return err
	}
	SyncDirectory(dir)
	return nil
}

// SyncDirectory makes the names in a directory last through a power failure, where the
// system and the file system can do that for a directory: there is nothing to do about
// those that can't.
func SyncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// pending has the temporary names in use. Who holds the lock may create, rename and
// remove them.
var pending = struct {
	sync.Mutex
	names     map[string]bool
	abandoned bool
}{names: map[string]bool{}}

// ErrAbandoned says that the process is about to end: see [Abandon].
var ErrAbandoned = errors.New("the process is ending")

// begin makes a file or a directory of a temporary name for path.
func begin(path string, create func(name string) error) (string, error) {
	pending.Lock()
	defer pending.Unlock()
	if pending.abandoned {
		return "", ErrAbandoned
	}
	dir, base := filepath.Split(path)
	base = base[:min(len(base), 64)] // names have limits
	for try := 0; ; try++ {
		name := filepath.Join(dir, fmt.Sprintf("%s%s-%08x", Prefix, base, rand.Uint32()))
		err := create(name)
		if errors.Is(err, fs.ErrExist) && try < 1000 {
			continue
		}
		if err != nil {
			return "", err
		}
		pending.names[name] = true
		return name, nil
	}
}

// commit gives what was written its name.
func commit(temporary, path string) error {
	pending.Lock()
	defer pending.Unlock()
	if pending.abandoned {
		return ErrAbandoned
	}
	delete(pending.names, temporary)
	if err := os.Rename(temporary, path); err != nil {
		os.RemoveAll(temporary)
		return err
	}
	SyncDirectory(filepath.Dir(path))
	return nil
}

// discard removes what was not finished.
func discard(temporary string) {
	pending.Lock()
	defer pending.Unlock()
	delete(pending.names, temporary)
	os.RemoveAll(temporary)
}

// Abandon removes the temporary files of whatever is being written, and makes every later
// write of the process fail with [ErrAbandoned]. It is for a process that must end now
// with work still in progress.
func Abandon() {
	pending.Lock()
	defer pending.Unlock()
	pending.abandoned = true
	for name := range pending.names {
		os.RemoveAll(name)
	}
}

// reason is an error of the system without the temporary name, which means nothing to a
// user.
func reason(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
