// Package serve shows studies while they run, and a laboratory of deep networks, in a browser.
//
// A [Server] is an http.Handler over the directories of studies. For each it has a page that
// follows the study by server-sent events (runs in progress, what is left, failures, the best
// so far, curves that grow), and the study's report, made when it is asked for. It only reads:
// a study that another process is writing, that is damaged or deleted is shown as far as it
// can be. What is said of an unfinished study are observations: its tests are for the end.
//
// The laboratory draws, for any nonlinearity and network that can be typed, what mean-field
// theory says (the map of the variance q ← σ_w² E[f(√q n)²] + σ_b², that of the correlation of
// two examples, the phase diagram of χ₁ = σ_w² E[f'(√q n)²]) and what is measured in a real
// network at initialisation: of two networks, side by side on one scale. It trains both for some
// seconds and shows the layers as they change. Every name in the catalogues is known to it.
//
// # Safety
//
// A request whose Host is another name than the server's is refused, as a page from elsewhere
// could reach the server by it (DNS rebinding). Names of studies in addresses are looked up
// among those found, never opened as paths, and links that lead out of the directories are not
// followed. There is one request that computes for seconds, the laboratory's training: it is a
// POST, which pages of other origins can't make. Depth, width, steps and the length of texts
// have limits that are checked before anything is computed, and only so many networks as there
// are processors are worked on at a time. Pages load nothing from elsewhere, and their policy
// forbids it.
package serve
