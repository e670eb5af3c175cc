package download

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/pkg/errors"
)

// ErrLocked says that another process is downloading into the same directory.
var ErrLocked = errors.New("another process is downloading to this directory")

// File is what to fetch.
type File struct {
	Path  string                  // where it is to be; its directory is created
	URLs  []string                // addresses of it, tried in this order
	Limit int64                   // the most bytes that it can have
	Check func(path string) error // returns an error if the content of a complete file is wrong
}

// Client fetches files. The zero value works.
type Client struct {
	HTTP     *http.Client                   // nil is http.DefaultClient
	Attempts int                            // how often an address may fail in a row without bringing anything; 0 is 5
	Pause    time.Duration                  // after the first failure, doubled with each in a row; 0 is 1 s
	Idle     time.Duration                  // how long a server may send nothing; 0 is 30 s
	Progress func(f File, done, size int64) // if not nil, told about every piece; size is -1 if unknown
	// Again, if not nil, is told why an attempt failed that is made again after wait.
	Again func(f File, err error, wait time.Duration)
}

// temporary begins the name under which an incomplete file is kept.
const temporary = ".part-"

// Get fetches a file, replacing one that is there. If it returns an error, whatever
// was at f.Path is as before. If ctx ends, what has arrived is kept for the next time.
func (c Client) Get(ctx context.Context, f File) error {
	if err := c.get(ctx, f); err != nil {
		return errors.Wrapf(err, "download %s", filepath.Base(f.Path))
	}
	return nil
}

func (c Client) get(ctx context.Context, f File) error {
	dir, name := filepath.Split(f.Path)
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, temporary+"lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return err
	}
	if !locked {
		return errors.Wrap(ErrLocked, dir)
	}
	defer lock.Unlock()

	t := &transfer{client: c, file: f, path: filepath.Join(dir, temporary+name)}
	if t.part, err = os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return err
	}
	defer t.part.Close()
	if err := t.run(ctx); err != nil {
		return err
	}
	if err := t.part.Close(); err != nil {
		return err
	}
	if err := os.Rename(t.path, f.Path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a renaming last through a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems cannot do it for directories; the file itself is on the disk.
	_ = d.Sync()
	return nil
}

// transfer is a file on its way.
type transfer struct {
	client    Client
	file      File
	path      string
	part      *os.File
	validator string // ETag or date of what part has, if it came from the present address
	best      int64  // the largest size that part ever had
}

// refusal is a failure that would come again: the address is of no use.
type refusal struct{ error }

// fault is a failure on this side, such as a full disk.
type fault struct{ error }

// run tries the addresses until one has delivered the file.
func (t *transfer) run(ctx context.Context) error {
	if len(t.file.URLs) == 0 {
		return errors.New("no address to download it from")
	}
	var failures []string
	for i, address := range t.file.URLs {
		if i > 0 { // another compression of the same content, perhaps
			if err := t.restart(); err != nil {
				return err
			}
		}
		err := t.from(ctx, address)
		var f fault
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &f):
			return f.error
		}
		failures = append(failures, fmt.Sprintf("%s: %v", address, err))
	}
	return errors.New(strings.Join(failures, "; "))
}

// from tries one address until it has delivered, refuses, or fails too often.
func (t *transfer) from(ctx context.Context, address string) error {
	attempts, pause := t.client.Attempts, t.client.Pause
	if attempts == 0 {
		attempts = 5
	}
	if pause == 0 {
		pause = time.Second
	}
	t.best = t.size()
	for failed, wait := 0, pause; ; wait *= 2 {
		err := t.attempt(ctx, address)
		var f fault
		var r refusal
		if err == nil || ctx.Err() != nil || errors.As(err, &f) || errors.As(err, &r) {
			return err
		}
		failed++
		if size := t.size(); size > t.best {
			t.best, failed, wait = size, 0, pause
		}
		if failed == attempts {
			return errors.Wrapf(err, "%d attempts in a row failed", attempts)
		}
		if t.client.Again != nil {
			t.client.Again(t.file, err, wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// attempt makes one request for what is missing, and checks the file if it is
// complete then.
func (t *transfer) attempt(ctx context.Context, address string) error {
	begin := t.size()
	whole, err := t.request(ctx, address)
	if err != nil {
		return err
	}
	if err := t.part.Sync(); err != nil {
		return fault{err}
	}
	wrong := t.file.Check(t.path)
	if wrong == nil {
		return nil
	}
	if err := t.restart(); err != nil {
		return err
	}
	if whole {
		return refusal{wrong}
	}
	return errors.Wrapf(wrong, "after going on from byte %d", begin)
}

// request makes one request and appends what it brings. whole says that it brought
// the file from its first byte to its last.
func (t *transfer) request(ctx context.Context, address string) (whole bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := t.client.Idle
	if idle == 0 {
		idle = 30 * time.Second
	}
	watch := time.AfterFunc(idle, func() { cancel(errors.Errorf("nothing came for %v", idle)) })
	defer watch.Stop()

	response, offset, err := t.ask(ctx, address)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer response.Body.Close()
	at, size, err := t.accept(response, offset)
	if err != nil {
		return false, err
	}
	if at == size { // all of it was there
		return false, nil
	}
	end, err := t.receive(response.Body, at, size, func() { watch.Reset(idle) })
	if err != nil {
		return false, cause(ctx, err)
	}
	if size >= 0 && end != size {
		return false, errors.Errorf("%d of %d bytes came", end, size)
	}
	return at == 0 && size >= 0, nil // of unknown size it may have been cut
}

// cause replaces the error of a request that was given up by the reason.
func cause(ctx context.Context, err error) error {
	if reason := context.Cause(ctx); reason != nil {
		return reason
	}
	return err
}

// ask sends the request for what lies behind the part that is there.
func (t *transfer) ask(ctx context.Context, address string) (*http.Response, int64, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, refusal{err}
	}
	// The file itself, not a compressed form that the transport undoes.
	q.Header.Set("Accept-Encoding", "identity")
	offset := t.size()
	if offset > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if t.validator != "" {
			q.Header.Set("If-Range", t.validator)
		}
	}
	client := t.client.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(q)
	if e := new(url.Error); errors.As(err, &e) {
		err = e.Err // the address is known
	}
	return response, offset, err
}

// accept judges the head of a response to a request from byte offset on. It returns
// where the body belongs, and the size of the whole file, -1 if that is unknown.
func (t *transfer) accept(r *http.Response, offset int64) (at, size int64, err error) {
	switch {
	case r.StatusCode == http.StatusOK:
		if err := t.restart(); err != nil {
			return 0, 0, err
		}
		size = r.ContentLength
	case r.StatusCode == http.StatusPartialContent && offset > 0:
		var first, last int64
		_, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
		if err != nil || first != offset || last != size-1 {
			if err := t.restart(); err != nil {
				return 0, 0, err
			}
			return 0, 0, errors.Errorf("asked for bytes %d-, the server sent %q", offset, r.Header.Get("Content-Range"))
		}
		at = offset
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		if r.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", offset) {
			return offset, offset, nil
		}
		if err := t.restart(); err != nil {
			return 0, 0, err
		}
		return 0, 0, errors.New(r.Status)
	case r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusRequestTimeout:
		return 0, 0, errors.New(r.Status)
	default:
		return 0, 0, refusal{errors.New(r.Status)}
	}
	if size > t.file.Limit {
		return 0, 0, refusal{errors.Errorf("the server has a file of %d bytes, and it can have at most %d", size, t.file.Limit)}
	}
	t.validator = r.Header.Get("ETag")
	if t.validator == "" || strings.HasPrefix(t.validator, "W/") { // a weak one does not do for ranges
		t.validator = r.Header.Get("Last-Modified")
	}
	return at, size, nil
}

// receive writes the body into the part from byte at on and returns where it ended.
func (t *transfer) receive(body io.Reader, at, size int64, alive func()) (int64, error) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			alive()
			if at+int64(n) > t.file.Limit {
				return at, refusal{errors.Errorf("the server sends more than the %d bytes that the file can have", t.file.Limit)}
			}
			if _, err := t.part.WriteAt(buffer[:n], at); err != nil {
				return at, fault{err}
			}
			at += int64(n)
			if t.client.Progress != nil {
				t.client.Progress(t.file, at, size)
			}
		}
		if err == io.EOF {
			return at, nil
		}
		if err != nil {
			return at, err
		}
	}
}

// size is the number of bytes that are there.
func (t *transfer) size() int64 {
	info, err := t.part.Stat()
	if err != nil { // then writing fails too, and says why
		return 0
	}
	return info.Size()
}

// restart drops what is there.
func (t *transfer) restart() error {
	t.validator = ""
	if err := t.part.Truncate(0); err != nil {
		return fault{err}
	}
	return nil
}
