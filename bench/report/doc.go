// Package report presents the findings of a study: a ranking as text for a terminal and as JSON,
// and one self-contained HTML page with the ranking, training curves and heat maps of what
// the probes saw in each layer.
//
//	results, err := study.Open(ctx, "gradflow-out/quickstart")
//	...
//	ranking := report.Rank(results)
//	ranking.WriteText(os.Stdout, report.TextOptions{Width: 100})
//	err = report.Write(results, "gradflow-out/quickstart/report.html")
//
// # What is compared
//
// A report begins with the comparison that the study asks for (see package compare): the
// sentence that the tests allow, one table of what is compared by the facets, and what
// limits it. Its tests are the only ones in a report: the marks below are from them.
//
// Then come the problems: runs that agree in all but the optimizer, its budget and the
// seed. Setups, an optimizer with its settings and a number of steps, are listed on each
// with what was observed of them: medians over the seeds with 95% intervals (see package
// stats), of the score on the validation set after the least number of steps that a setup
// of the problem was given. What has more steps serves to see when it reaches the target. A run
// that diverged by then has no network to evaluate and counts with the worst score there
// is, an accuracy of 0 or an infinite loss, whatever it had reached before. It is never
// left out.
//
// Steps to the target count from the start to the first evaluation that reached it. A run
// that did not is taken to need infinitely many, which is right for the median as long as
// more than half of the runs did, and else says that the median is beyond the setup's
// steps.
//
// Setups are sorted by median score; ties by median steps to the target, and then in the
// order of the study. The order is an observation, not a finding.
package report
