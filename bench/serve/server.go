package serve

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gradflow/gradflow/bench/report"
	"github.com/gradflow/gradflow/bench/study"
	"github.com/pkg/errors"
)

//go:embed assets
var assets embed.FS

var layout = template.Must(template.ParseFS(assets, "assets/*.html"))

// Options are the settings of a [Server].
type Options struct {
	// Dirs are directories of studies, or directories in which to look for some.
	Dirs []string
	// Every is how often pages are told what is new; 0: every second.
	Every time.Duration
	// Host reports whether a request's Host, without its port, is this server; nil:
	// [Loopback].
	Host func(name string) bool
	// Command is a command as the reader can enter it; nil: as it is, beginning with
	// gradflow.
	Command func(string) string
}

// Server serves the live view and the laboratory. Make it with [New].
type Server struct {
	Options
	mux     *http.ServeMux
	origin  *http.CrossOriginProtection
	roots   []string // of Dirs, without links
	ended   chan struct{}
	end     func()
	work    chan struct{} // tokens of what computes
	long    chan struct{} // of training, which is not to keep the pictures waiting
	streams chan struct{} // tokens of streams

	mu      sync.Mutex
	studies map[string]*watched // by the id
	fields  fieldCache
}

// maxStreams is how many pages can be followed at a time.
const maxStreams = 64

// New makes a server. A directory need not be there yet; it is an error if it can't be read.
func New(o Options) (*Server, error) {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Host == nil {
		o.Host = Loopback
	}
	if o.Command == nil {
		o.Command = func(s string) string { return s }
	}
	s := &Server{Options: o, mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), ended: make(chan struct{}),
		work: make(chan struct{}, runtime.GOMAXPROCS(0)), long: make(chan struct{}, runtime.GOMAXPROCS(0)), streams: make(chan struct{}, maxStreams), studies: map[string]*watched{}}
	s.end = sync.OnceFunc(func() { close(s.ended) })
	for _, dir := range o.Dirs {
		root, err := filepath.Abs(dir)
		if _, missing := os.Lstat(root); err == nil && !errors.Is(missing, fs.ErrNotExist) {
			if root, err = filepath.EvalSymlinks(root); err == nil {
				_, err = os.ReadDir(root)
			}
		}
		if err != nil {
			return nil, errors.Wrap(err, "serve")
		}
		s.roots = append(s.roots, root)
	}
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /{$}":                  s.index,
		"GET /events":               s.indexEvents,
		"GET /study/{id}":           s.study,
		"GET /study/{id}/events":    s.studyEvents,
		"GET /study/{id}/report":    s.report,
		"GET /laboratory":           s.laboratory,
		"GET /laboratory/theory":    s.theory,
		"GET /laboratory/signal":    s.signal,
		"GET /laboratory/predicted": s.predicted,
		"GET /laboratory/study":     s.studyFile,
		"POST /laboratory/train":    s.train,
		"GET /assets/{name}":        s.asset,
		"GET /favicon.ico":          func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		s.mux.HandleFunc(pattern, handle)
	}
	return s, nil
}

// Close ends all streams: pages that are followed, and training.
func (s *Server) Close() { s.end() }

// Loopback reports whether a host is this machine's by a name that no other page can have.
func Loopback(name string) bool {
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

const (
	maxURL  = 8 << 10
	maxBody = 8 << 10

	policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
	// reportPolicy is that of a page that has its scripts in it, and asks for nothing.
	reportPolicy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	switch {
	case !s.Host(host):
		http.Error(w, "this server has another name: open the address that it printed", http.StatusMisdirectedRequest)
	case len(r.URL.RequestURI()) > maxURL:
		http.Error(w, "the address is too long", http.StatusRequestURITooLong)
	case s.origin.Check(r) != nil:
		http.Error(w, "a page from elsewhere asked for this", http.StatusForbidden)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		s.mux.ServeHTTP(w, r)
	}
}

// page writes a page of the layout.
func (s *Server) page(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := layout.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// notFound says so, in a page that leads back.
func (s *Server) notFound(w http.ResponseWriter, what string) {
	w.WriteHeader(http.StatusNotFound)
	s.page(w, "missing.html", what)
}

// asset serves a file of the pages.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	kind := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[filepath.Ext(name)]
	var text []byte
	switch name {
	case "report.css":
		text = []byte(report.Style())
	case "heat.js":
		text = []byte(report.HeatScript())
	default:
		var err error
		if text, err = assets.ReadFile("assets/" + name); err != nil || kind == "" {
			http.NotFound(w, r)
			return
		}
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(text)
}

// report makes a study's report.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	at := s.find(r.PathValue("id"))
	if at == nil {
		s.notFound(w, "There is no such study: it may have been deleted.")
		return
	}
	release, err := s.compute(r.Context(), s.work)
	if err != nil {
		return
	}
	defer release()
	if err := at.refuseLinks(); err != nil {
		s.notFound(w, err.Error())
		return
	}
	results, err := study.OpenWith(r.Context(), at.dir, readDirect)
	var b bytes.Buffer
	if err == nil {
		err = report.WriteHTML(results, &b)
	}
	if err != nil {
		s.notFound(w, fmt.Sprintf("There is no report yet: %v.", err))
		return
	}
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// compute waits until there is one of the tokens, as many as processors.
func (s *Server) compute(ctx context.Context, tokens chan struct{}) (release func(), err error) {
	select {
	case tokens <- struct{}{}:
		return func() { <-tokens }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ended:
		return nil, errors.New("the server has ended")
	}
}

// stream sends what next returns, as server-sent events, as often as it changes, until the
// page goes away or the server ends. next returns the text of an event and a mark that is
// another one when the event is.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, next func() (event any, mark string)) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	const silence = 15 * time.Second
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	sent, last := "", time.Now()
	for first := true; ; first = false {
		event, mark := next()
		if mark != sent || first {
			text, err := json.Marshal(event)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
				return
			}
			sent, last = mark, time.Now()
		} else if time.Since(last) > silence {
			if _, err := fmt.Fprint(w, ": nothing new\n\n"); err != nil {
				return
			}
			last = time.Now()
		}
		if control.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.ended:
			return
		}
	}
}

// answer writes JSON.
func answer(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}
